"""The tables that `benchmarks.real_photos` prints from its numbers."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opendensepose.surface.parts import PART_NAMES

Numbers = dict[str, Any]


def share(value: float | None) -> str:
    """Two digits, or a dash for what could not be measured."""
    return "   -" if value is None else f"{value:.2f}"


def print_coco(coco: Numbers) -> None:
    """People found, and surface PCK with given and own boxes."""
    people = coco["people"]
    print(
        f"\nCOCO photos: {people['annotated']} people, {people['detections']} detections, "
        f"{people['found']} found (IoU >= 0.5): "
        f"precision {share(coco['precision'])}, recall {share(coco['recall'])}"
    )
    print("  threshold ", *(f"{row['threshold']:5.2f}" for row in coco["curve"]))
    for key in ("precision", "recall"):
        print(f"  {key:10s}", *(f"{share(row[key]):>5s}" for row in coco["curve"]))
    print("Surface PCK; background at a keypoint is a miss")
    _print_pck("given boxes", coco["given_boxes"])
    _print_pck("own boxes (missed people: misses)", coco["own_boxes"])
    _print_pck("own boxes, people found", coco["own_boxes_found_people"])
    print("swapped: share of the limb keypoints on the body whose surface point is nearer the other side's")
    by_keypoint = ", ".join(f"{name} {share(value)}" for name, value in coco["PCK20_by_keypoint"].items())
    print(f"PCK20 by keypoint, given boxes: {by_keypoint}")
    behind = [str(person["id"]) for person in coco["by_person"] if person.get("behind")]
    print("annotations seen from behind:", ", ".join(behind) or "none")


def _print_pck(title: str, pck: Numbers) -> None:
    for name, part in ((title, pck), ("  from behind", pck["behind"]), ("  others", pck["not_behind"])):
        if part["keypoints"]:
            print(
                f"  {name:34s} {part['keypoints']:4d} keypoints  PCK10 {share(part['PCK10'])}  "
                f"PCK20 {share(part['PCK20'])} (sides ignored {share(part['PCK20_sides_ignored'])})  "
                f"on body {share(part['on_body'])}  swapped {share(part['swapped'])}"
            )


def print_street(numbers: Numbers, unoccluded: Collection[int]) -> None:
    """Foreground IoU, part agreement and correlations for each person of street.jpg."""
    print("\nstreet.jpg against the official output       own box: IoU  part    given box: IoU  part")
    for number, person in numbers["people"].items():
        own, given = (_agreement(person[which]) for which in ("own", "given"))
        star = "*" if number in unoccluded else " "
        print(f"  person {number:2d}{star} {person['pixels']:6d} pixels {own:>32s} {given:>25s}")
        for chart, row in person["given"]["charts"].items() if number in unoccluded else ():
            name = PART_NAMES[chart]
            print(f"      {chart:2d} {name:24s} {row['pixels']:5d} px  U {row['U']:+.2f}  V {row['V']:+.2f}")
    for which, row in numbers["unoccluded"].items():
        u, v = (share(row[f"median_{key}_correlation"]) for key in "UV")
        print(
            f"  * unoccluded, {which} boxes: IoU {row['foreground_iou']:.2f}, "
            f"part {row['part_agreement']:.2f}, median correlation U {u}, V {v}"
        )


def _agreement(row: Numbers | None) -> str:
    return f"{row['foreground_iou']:.2f}  {row['part_agreement']:.2f}" if row else "not found "


def print_person(numbers: Numbers) -> None:
    """Right parts at the human points."""
    print(f"\nannotated_person: {numbers['points']} points set by people")
    for which in ("own", "given"):
        row = numbers[which]
        print(
            f"  {which} box: right part {row['right_part']:.2f} "
            f"(sides ignored {row['right_part_sides_ignored']:.2f}), on body {row['on_body']:.2f}"
        )
