"""The cache of the views: what is not whole is drawn anew, never believed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from opendensepose.annotate.drawing import _cache, _read
from opendensepose.surface.atlas import Atlas


@pytest.fixture
def stored(tmp_path: Path) -> tuple[Path, np.ndarray]:
    maps = np.random.default_rng(0).integers(-2, 5000, (3, 40, 30)).astype(np.int32)
    np.savez_compressed(tmp_path / "part_1.npz", faces=maps)
    return tmp_path / "part_1.npz", maps


def test_a_whole_file_is_read(stored: tuple[Path, np.ndarray]) -> None:
    path, maps = stored
    assert np.array_equal(_read(path, 3, (40, 30)), maps)


def test_files_of_other_views_and_absent_ones_are_none(stored: tuple[Path, np.ndarray]) -> None:
    path, _ = stored
    assert _read(path, 2, (40, 30)) is None and _read(path, 3, (30, 40)) is None
    assert _read(path.with_name("none.npz"), 3, (40, 30)) is None


def test_a_damaged_file_is_none_or_the_same(stored: tuple[Path, np.ndarray]) -> None:
    path, maps = stored
    whole, rng = path.read_bytes(), np.random.default_rng(1)
    refused = 0
    for _ in range(200):
        damaged = bytearray(whole)
        if rng.random() < 0.3:
            damaged = damaged[: rng.integers(len(whole))]
        else:
            for place in rng.integers(len(whole), size=3):
                damaged[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(bytes(damaged))
        read = _read(path, 3, (40, 30))
        refused += read is None
        assert read is None or np.array_equal(read, maps)
    assert refused > 100


def test_an_atlas_whose_charts_lie_otherwise_has_views_of_its_own() -> None:
    atlas = Atlas.load()
    turned = replace(atlas, entry_uv=1 - atlas.entry_uv)
    assert _cache(atlas) == _cache(replace(atlas)) != _cache(turned)
