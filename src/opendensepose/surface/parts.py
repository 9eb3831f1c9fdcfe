"""Names, groups, mirror partners and colours of the 24 charts; index 0 is the background everywhere."""

from __future__ import annotations

import numpy as np

# "left" and "right" are the person's own; the order and numbers are those of the official 24-part IUV images
PART_NAMES: tuple[str, ...] = (
    "background",
    "torso back",
    "torso front",
    "right hand",
    "left hand",
    "left foot",
    "right foot",
    "right upper leg back",
    "left upper leg back",
    "right upper leg front",
    "left upper leg front",
    "right lower leg back",
    "left lower leg back",
    "right lower leg front",
    "left lower leg front",
    "left upper arm inner front",
    "right upper arm inner front",
    "left upper arm outer back",
    "right upper arm outer back",
    "left lower arm inner",
    "right lower arm inner",
    "left lower arm outer",
    "right lower arm outer",
    "right head",
    "left head",
)

# the labels of the first annotation stage (`dp_masks`), in their order
COARSE_NAMES: tuple[str, ...] = (
    "background",
    "torso",
    "right hand",
    "left hand",
    "left foot",
    "right foot",
    "right upper leg",
    "left upper leg",
    "right lower leg",
    "left lower leg",
    "left upper arm",
    "right upper arm",
    "left lower arm",
    "right lower arm",
    "head",
)


def _frozen(values: list[int] | list[bool] | list[list[int]]) -> np.ndarray:
    """A read-only array of uint8, or of bool."""
    array: np.ndarray = np.array(values, np.bool_ if isinstance(values[0], bool) else np.uint8)
    array.setflags(write=False)
    return array


# [25] coarse label of each chart
FINE_TO_COARSE = _frozen(
    [0, 1, 1, 2, 3, 4, 5, 6, 7, 6, 7, 8, 9, 8, 9, 10, 11, 10, 11, 12, 13, 12, 13, 14, 14]
)

# [25] the chart that a chart becomes in a mirrored picture
MIRROR_CHART = _frozen(
    [0, 1, 2, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15, 18, 17, 20, 19, 22, 21, 24, 23]
)

# [25] bool: charts whose U turns round in a mirror (hands, feet, head halves), and whose V does (the torso)
MIRROR_U = _frozen([k in (3, 4, 5, 6, 23, 24) for k in range(25)])
MIRROR_V = _frozen([k in (1, 2) for k in range(25)])

# [15] the coarse label that a coarse label becomes in a mirrored picture
MIRROR_COARSE = _frozen([0, 1, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 14])

# [25, 3] RGB; the right side is warm, the left side cool, partners have the same lightness
PART_COLOURS = _frozen(
    [
        [0, 0, 0],
        [142, 126, 190],  # torso
        [198, 184, 226],
        [255, 214, 120],  # hands, R L
        [126, 226, 238],
        [60, 110, 190],  # feet, L R
        [186, 84, 46],
        [214, 92, 92],  # upper legs, back
        [66, 142, 190],
        [242, 138, 124],  # upper legs, front
        [112, 184, 226],
        [196, 118, 52],  # lower legs, back
        [44, 146, 148],
        [236, 164, 92],  # lower legs, front
        [92, 190, 182],
        [146, 206, 146],  # upper arms, inner front, L R
        [238, 196, 88],
        [86, 166, 104],  # upper arms, outer back
        [206, 156, 42],
        [142, 190, 240],  # lower arms, inner
        [250, 158, 172],
        [84, 136, 214],  # lower arms, outer
        [220, 104, 136],
        [246, 178, 210],  # head
        [168, 176, 246],
    ]
)
