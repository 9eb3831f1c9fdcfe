"""The steps in which the reference evaluation differs from COCO's, by name; each can be switched off.

All of `REFERENCE` together give the field's published numbers. `STRICT` is what COCO's own evaluation would
do with the same similarities.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Rules:
    """One switch per quirk; True does as the reference does."""

    truncate_points: bool = True  # a point at -0.9 beside a map counts as on its pixel 0; else it is outside
    single_precision: bool = True  # squares of distances in float32 where no point is exact or lost
    crowd_is_scored: bool = True  # `iscrowd` alone does not ignore a person; else it does, as in COCO
    empty_points_scored: bool = True  # `dp_x: []` is a person to find whom nobody can; else it is ignored
    overwrite_ignore: bool = True  # the file's `ignore` key has no effect; else it counts
    wrapping_regions: bool = True  # ignore regions: boxes that leave the image on the left or top are kept
    absent_truth_ignores: bool = True  # where every person is ignored, or none is there, no false positives
    box_rule: bool = True  # unmatched at 0.95, but box IoU >= 0.8: takes that person's flag at all thresholds
    zero_is_unmatched: bool = True  # a match with annotation id 0 counts as none
    max_detections: int = 20  # per image and category; COCO's is 100

    @property
    def switched_off(self) -> tuple[str, ...]:
        """Names of the quirks that are off."""
        return tuple(f.name for f in fields(self) if getattr(self, f.name) is False)


REFERENCE = Rules()
STRICT = replace(REFERENCE, **{f.name: False for f in fields(Rules)} | {"max_detections": 100})  # type: ignore[arg-type]
