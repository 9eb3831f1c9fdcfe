"""Good, broken and hostile model files."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest

import tiny_model
from opendensepose.io import modelfile
from opendensepose.io.modelfile import ModelFile


def test_contents(tiny_file: Path) -> None:
    model = ModelFile.open(tiny_file)
    assert model.meta == tiny_model.META
    assert model.detector == tiny_model.detector()
    assert model.dense == tiny_model.dense()


def test_by_name(tmp_path: Path, tiny_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(modelfile, "WEIGHTS", tmp_path)
    (tmp_path / "mine.odp").write_bytes(tiny_file.read_bytes())
    assert ModelFile.open("mine").meta["name"] == "tiny"
    for name in ("other", "../mine", "folder/mine", "mine.odp"):
        with pytest.raises(
            FileNotFoundError, match=r"expected a model file or a packaged name \(mine\), got no"
        ):
            ModelFile.open(name)


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.99])
def test_truncated(tmp_path: Path, tiny_file: Path, share: float) -> None:
    data = tiny_file.read_bytes()
    broken = tmp_path / "broken.odp"
    broken.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ValueError, match=r"broken.odp: expected a whole model file, got"):
        ModelFile.open(broken)


def test_one_wrong_byte(tmp_path: Path, tiny_file: Path) -> None:
    """In the data of a member: the checksum tells."""
    data = bytearray(tiny_file.read_bytes())
    data[data.index(b"features_0")] ^= 1
    (tmp_path / "broken.odp").write_bytes(data)
    with pytest.raises(ValueError, match="CRC"):
        ModelFile.open(tmp_path / "broken.odp")


def test_other_files(tmp_path: Path) -> None:
    picture = tmp_path / "photo.jpg"
    picture.write_bytes(b"\xff\xd8\xff\xe0 not a model" * 50)
    with pytest.raises(ValueError, match="expected a whole model file"):
        ModelFile.open(picture)
    foreign = tmp_path / "foreign.zip"
    with zipfile.ZipFile(foreign, "w") as archive:
        archive.writestr("../../evil.txt", "x")
    with pytest.raises(ValueError, match=r"expected model\.json, detector\.onnx, dense\.onnx inside, got"):
        ModelFile.open(foreign)
    assert list(tmp_path.parent.glob("evil.txt")) == []


def test_compressed_members_are_refused(tmp_path: Path) -> None:
    """A small file could unpack to any size."""
    path = tiny_model.write(tmp_path / "bomb.odp", compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ValueError, match="stored uncompressed"):
        ModelFile.open(path)


def test_too_large(tmp_path: Path, tiny_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(modelfile.LIMITS, "dense.onnx", 100)
    with pytest.raises(ValueError, match=r"dense\.onnx of at most 100 bytes, got"):
        ModelFile.open(tiny_file)


@pytest.mark.parametrize("name", ["model.json", "detector.onnx", "dense.onnx"])
def test_missing_member(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="inside, got"):
        ModelFile.open(tiny_model.write(tmp_path / "m.odp", without=name))


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"format": 2}, "expected model format 1, got 2"),  # from the future
        ({"format": None}, "expected model format 1, got None"),
        ({"atlas": "smpl"}, "expected one of odp24, smpl24 as atlas"),
        ({"threshold": 50}, "number in 0..1 as threshold"),
        ({"threshold": True}, "number in 0..1 as threshold"),
        ({"threshold": float("nan")}, "number in 0..1 as threshold"),
        ({"max_people": 0}, "as max_people"),
        ({"name": None}, "a text as name"),
        ({"input": {"short": 10, "long": 20}}, "input.upscale"),  # a key is missing
        ({"input": {"short": 10.5, "long": 20, "upscale": True}}, "input.short"),
        ({"input": {"short": 10, "long": 10**9, "upscale": True}}, "input.long"),
        ({"input": "big"}, "input.short"),
    ],
)
def test_wrong_meta(tmp_path: Path, change: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        ModelFile.open(tiny_model.write(tmp_path / "m.odp", meta={**tiny_model.META, **change}))


@pytest.mark.parametrize("meta", [b"{", b"[1]", b"\xff\xfe", b"null"])
def test_wrong_json(tmp_path: Path, meta: bytes) -> None:
    with pytest.raises(ValueError, match=r"m.odp: expected"):
        ModelFile.open(tiny_model.write(tmp_path / "m.odp", meta=meta))
