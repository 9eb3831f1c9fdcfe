"""Files of official weights: what is refused, with one clear line, and that nothing in them ever runs."""

from __future__ import annotations

import io
import os
import pickle
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from opendensepose.convert import convert, read_official  # noqa: E402
from opendensepose.io.files import InputError  # noqa: E402

DANGEROUS = (
    "os.system",
    "os.exec",
    "os.posix_spawn",
    "os.fork",
    "subprocess.Popen",
    "socket.connect",
    "os.remove",
)
ARRAYS = {
    "backbone.fpn_lateral2.bias": np.zeros(256, np.float32),
    "roi_heads.box_predictor.cls_score.bias": np.array([1.5, -2], np.float32),
    "roi_heads.densepose_predictor.ann_index_lowres.bias": np.ones((2,), np.float64),
    "backbone.bottom_up.res4.5.conv1.norm.weight": np.asfortranarray(np.ones((2, 3), np.float32)),
}
BLOBS = {"conv1_w": np.zeros((4, 3, 7, 7), np.float32), "cls_score_b": np.zeros(2, np.float32), "lr": 0.1}


class Runs:
    """What pickle calls when it reads this."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> Any:
        return self.call


@pytest.fixture
def events(tmp_path: Path) -> Iterator[list[str]]:
    """Forbidden things done while the test runs: programs started, files written outside its folder."""
    seen: list[str] = []
    active = True

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if not active:
            return
        if event in DANGEROUS and not str(arguments[0]).startswith(str(tmp_path)):
            seen.append(f"{event} {arguments}")
        writes = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        if writes and not str(arguments[0]).startswith((str(tmp_path), "/dev/")):
            seen.append(f"open {arguments}")

    sys.addaudithook(watch)
    yield seen
    active = False


def saved(content: Any) -> bytes:
    """A .pth file."""
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def good_files() -> dict[str, bytes]:
    """Whole files of the three forms; too few arrays for a net, so that none of them can be converted."""
    tensors = {key: torch.tensor(value) for key, value in ARRAYS.items()}
    return {
        "zoo.pkl": pickle.dumps({"model": ARRAYS, "__author__": "us"}, protocol=2),
        "new.pkl": pickle.dumps({"model": ARRAYS}, protocol=4),
        "old.pkl": pickle.dumps({"blobs": BLOBS, "cfg": "text"}, protocol=2),
        "a.pth": saved({"model": tensors, "iteration": 3, "optimizer": {"state": {0: torch.ones(2)}}}),
        "oldest.pth": _old_torch(tensors),
    }


def _old_torch(content: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, _use_new_zipfile_serialization=False)
    return buffer.getvalue()


ATTACKS: dict[str, Any] = {
    "a program": Runs(os.system, "touch pwned"),
    "python code": Runs(exec, "open('pwned', 'w')"),
    "evaluated": Runs(eval, "open('pwned', 'w')"),
    "a file opened": Runs(open, "pwned", "w"),
    "a file removed": Runs(os.remove, "keep"),
    "an import": Runs(__import__, "antigravity"),
    "attributes": Runs(getattr, "text", "format"),
    "an object array": np.array([Runs(os.system, "touch pwned"), None], object),
    "numpy's loader": Runs(np.load, "keep"),
    "a torch loader": Runs(torch.load, "keep"),
    "inside the weights": {"model": ARRAYS | {"x": Runs(os.system, "touch pwned")}},
    "as a key": {Runs(str, "model"): ARRAYS},
    "beside the weights": {"model": ARRAYS, "optimizer": Runs(os.system, "touch pwned")},
}


@pytest.mark.parametrize("suffix", [".pkl", ".pth"])
@pytest.mark.parametrize("name", ATTACKS)
def test_attacks(
    name: str, suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("keep").write_text("kept")
    source = Path(f"attack{suffix}")
    source.write_bytes(saved(ATTACKS[name]) if suffix == ".pth" else pickle.dumps(ATTACKS[name]))
    events.clear()
    with pytest.raises(InputError) as caught:
        convert(source, "out.odp")
    assert str(source) in str(caught.value) and "expected" in str(caught.value)
    assert not events
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(["keep", source.name])
    assert Path("keep").read_text() == "kept"


@pytest.mark.parametrize("name", good_files())
def test_whole_files_of_few_arrays(name: str, tmp_path: Path) -> None:
    source = tmp_path / name
    source.write_bytes(good_files()[name])
    read_official(source)
    with pytest.raises(InputError, match="expected"):
        convert(source, tmp_path / "out.odp")


@pytest.mark.parametrize("name", good_files())
def test_truncated(name: str, tmp_path: Path) -> None:
    whole = good_files()[name]
    source = tmp_path / name
    for share in (0.0, 0.01, 0.3, 0.6, 0.9, 0.999):
        source.write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(InputError, match="expected") as caught:
            convert(source, tmp_path / "out.odp")
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "out.odp").exists()


def test_absent_huge_and_other_files(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected a file of official weights"):
        convert(tmp_path / "absent.pkl", tmp_path / "out.odp")
    with pytest.raises(FileNotFoundError):
        convert(tmp_path, tmp_path / "out.odp")
    huge = tmp_path / "huge.pkl"
    with huge.open("wb") as file:
        file.truncate(5 << 30)  # takes no room on the disk
    with pytest.raises(InputError, match="expected a file of 1 byte to 4 GB"):
        convert(huge, tmp_path / "out.odp")
    claims = tmp_path / "claims.pkl"  # a text that says it has 2**40 bytes
    claims.write_bytes(b"\x80\x04\x8d" + (1 << 40).to_bytes(8, "little") + b"abc.")
    with pytest.raises(InputError, match="expected"):
        convert(claims, tmp_path / "out.odp")
    for number, content in enumerate((b"GIF89a", b"{}", b"PK\x03\x04", b"\x00" * 1000, "ü".encode())):
        other = tmp_path / f"{number}.pkl"
        other.write_bytes(content)
        with pytest.raises(InputError, match="expected"):
            convert(other, tmp_path / "out.odp")


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """The bytes with some changed, cut out, doubled, put in or cut off, or an attack spliced in."""
    result = bytearray(data)
    for _ in range(int(rng.integers(1, 5))):
        at, length = int(rng.integers(len(result) + 1)), int(rng.integers(1, 40))
        piece = result[at : at + length]
        kind = rng.integers(6)
        if kind == 0:
            result[at : at + length] = rng.integers(0, 256, len(piece), dtype=np.uint8).tobytes()
        elif kind == 1:
            del result[at : at + length]
        elif kind == 2:
            result[at:at] = piece
        elif kind == 3:
            result[at:at] = rng.integers(0, 256, length, dtype=np.uint8).tobytes()
        elif kind == 4:
            result[at:at] = b"cos\nsystem\n(S'touch pwned'\ntR."
        else:
            del result[at:]
    return bytes(result)


def _mutate(seeds: range, tmp_path: Path, events: list[str]) -> None:
    files = list(good_files().items())
    for seed in seeds:
        name, data = files[seed % len(files)]
        source = tmp_path / name
        source.write_bytes(mutated(data, np.random.default_rng([7, seed])))
        try:
            convert(source, tmp_path / "out.odp")
        except InputError as error:
            assert "expected" in str(error) and "\n" not in str(error), seed
        else:
            pytest.fail(f"{seed}: a net came out of {name}")
    assert not events
    assert {p.name for p in tmp_path.iterdir()} <= {name for name, _ in files}


def test_some_mutated_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    _mutate(range(50), tmp_path, events)


@pytest.mark.slow
def test_a_thousand_mutated_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, events: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    _mutate(range(50, 1050), tmp_path, events)
