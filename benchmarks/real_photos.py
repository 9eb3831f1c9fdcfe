"""The model on real photos: people found, surface PCK, left/right, agreement with an official output.

    python -m benchmarks.real_photos [--model NAME|PATH] [--shared ../shared] [--json FILE] [--overlays DIR]

The photos are only ever looked at: nothing is trained on them.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

import opendensepose as odp
from benchmarks import machine, measures, report
from benchmarks.sheet import contact_sheet
from opendensepose.core.types import DenseMap, Result
from opendensepose.data import Person, read_annotations
from opendensepose.data.coco import KEYPOINTS
from opendensepose.eval.masks import Mask, detection_mask, overlap
from opendensepose.eval.scoring import found_by
from opendensepose.surface.body import Body
from opendensepose.surface.parts import MIRROR_CHART
from opendensepose.viz.overlay import draw

CURVE = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
UNOCCLUDED = (14, 17, 18, 19)  # people of street.jpg
MISSED = {"foreground_iou": 0.0, "part_agreement": 0.0}  # what somebody of whom nothing is found agrees on
COMMON_PIXELS = 300  # fewest pixels of a chart for a correlation

Numbers = dict[str, Any]


class Template:
    """The places of the COCO keypoints on the rest-pose surface, and the atlas to look others up in."""

    def __init__(self) -> None:
        self.atlas = odp.Atlas.load("odp24")
        self.places = measures.template_keypoints(Body.load(), self.atlas)  # [17, 3]

    def rows(self, person: Person, dense: DenseMap | None) -> list[Numbers]:
        """One row for each visible annotated keypoint: how far off the surface point at its pixel is."""
        assert person.keypoints is not None
        chart, uv = measures.read_map(dense, person.keypoints[:, :2])
        points = measures.surface_points(self.atlas, chart, uv)
        off = measures.distance(points, self.places)
        off_mirrored = measures.distance(points, self.places[measures.PARTNER])
        swapped = measures.swapped(points, self.places)
        behind = measures.seen_from_behind(person.keypoints)
        return [
            {
                "person": person.id,
                "keypoint": k,
                "behind": behind,
                "found": dense is not None,
                "body": bool(chart[k]),
                "distance": float(off[k]),
                "either_side": float(min(off[k], off_mirrored[k])),
                "swapped": bool(swapped[k]),
            }
            for k in np.flatnonzero(person.keypoints[:, 2] == 2)
        ]


def surface_pck(rows: list[Numbers]) -> Numbers:
    """PCK10, PCK20 (a keypoint on background or of a missed person is a miss) and what goes wrong."""
    if not rows:
        return {"keypoints": 0}
    off = np.array([row["distance"] for row in rows])
    either = np.array([row["either_side"] for row in rows])
    limbs = [row for row in rows if row["keypoint"] in measures.LIMBS and row["body"]]
    return {
        "keypoints": len(rows),
        "PCK10": float((off < 0.10).mean()),
        "PCK20": float((off < 0.20).mean()),
        "PCK20_sides_ignored": float((either < 0.20).mean()),
        "on_body": float(np.mean([row["body"] for row in rows])),
        "limb_keypoints_on_body": len(limbs),
        "swapped": float(np.mean([row["swapped"] for row in limbs])) if limbs else None,
    }


def with_views(rows: list[Numbers]) -> Numbers:
    """`surface_pck` of all rows, and apart of people seen from behind and of the others."""
    behind = [row for row in rows if row["behind"]]
    others = [row for row in rows if not row["behind"]]
    return surface_pck(rows) | {"behind": surface_pck(behind), "not_behind": surface_pck(others)}


def coco_photos(predictor: odp.Predictor, folder: Path, template: Template, drawn: list[Any]) -> Numbers:
    """People found and surface PCK on the annotated COCO photos."""
    given_rows: list[Numbers] = []
    own_rows: list[Numbers] = []
    matches: list[tuple[NDArray[Any], int, NDArray[Any]]] = []  # scores, annotated people, which were found
    curve = np.zeros((len(CURVE), 3), int)  # found, given, annotated
    people: list[Numbers] = []
    for sample in read_annotations(folder / "test_coco.json"):
        path = folder / sample.file_name
        boxes = np.stack([person.box for person in sample.people])
        given, own = predictor(path, boxes=boxes), predictor(path)
        found = measures.match(own.boxes, boxes)
        matches.append((own.scores, len(boxes), found))
        curve += count_at_thresholds(predictor(path, threshold=CURVE[0]), boxes)
        drawn += [(f"{path.stem}_own", own), (f"{path.stem}_given", given)]
        for number, person in enumerate(sample.people):
            mine = own.dense[found[number]] if found[number] >= 0 else None
            people.append({"id": person.id, "found": mine is not None})
            if person.keypoints is None or not (person.keypoints[:, 2] == 2).any():
                continue
            rows_given = template.rows(person, given.dense[number])
            rows_own = template.rows(person, mine)
            people[-1] |= {
                "behind": measures.seen_from_behind(person.keypoints),
                "given": surface_pck(rows_given),
                "own": surface_pck(rows_own),
            }
            given_rows += rows_given
            own_rows += rows_own
    hits = sum(int((found >= 0).sum()) for _, _, found in matches)
    detections, annotated = sum(len(s) for s, _, _ in matches), sum(n for _, n, _ in matches)
    return {
        "people": {"annotated": annotated, "detections": detections, "found": hits},
        "precision": hits / detections if detections else None,
        "recall": hits / annotated,
        "curve": [
            {"threshold": t, "precision": float(f / n) if n else None, "recall": float(f / a)}
            for t, (f, n, a) in zip(CURVE, curve, strict=True)
        ],
        "given_boxes": with_views(given_rows),
        "own_boxes": with_views(own_rows),
        "own_boxes_found_people": with_views([row for row in own_rows if row["found"]]),
        "PCK20_by_keypoint": {
            name: surface_pck([row for row in given_rows if row["keypoint"] == k]).get("PCK20")
            for k, name in enumerate(KEYPOINTS)
        },
        "by_person": people,
    }


def count_at_thresholds(result: Result, boxes: NDArray[Any]) -> NDArray[np.int64]:
    """(found, detections, annotated) at each threshold of CURVE; [T, 3]."""
    rows = []
    for threshold in CURVE:
        kept = result.boxes[result.scores >= threshold]
        rows.append(((measures.match(kept, boxes) >= 0).sum(), len(kept), len(boxes)))
    return np.array(rows)


def street(predictor: odp.Predictor, folder: Path, drawn: list[Any]) -> Numbers:
    """Agreement with the official output for street.jpg, person by person, with own and with given boxes.

    People are told by their masks: the box of an official mask that lacks the legs fits nobody.
    """
    path = folder / "street.jpg"
    instances = cv2.imread(str(folder / "street_official_INDS.png"), cv2.IMREAD_UNCHANGED)
    official = cv2.imread(str(folder / "street_official_IUV.png"), cv2.IMREAD_UNCHANGED)
    numbers = [int(n) for n in np.unique(instances) if n]
    masks = [instances == n for n in numbers]
    boxes = np.stack([mask_box(mask) for mask in masks])
    own, given = predictor(path), predictor(path, boxes=boxes)
    theirs = [Mask(0, 0, mask, int(mask.sum())) for mask in masks]
    mine = [detection_mask(dense.labels, dense.box, own.image_size) for dense in own.dense]
    overlaps = [[overlap(m, t, crowd=False) for t in theirs] for m in mine]
    found = found_by(np.array(overlaps).reshape(-1, len(numbers)), 0.5)
    drawn += [("street_own", own), ("street_given", given)]
    people = {}
    for index, (number, mask) in enumerate(zip(numbers, masks, strict=True)):
        seen = own.dense[found[index]] if found[index] >= 0 else None
        people[number] = {
            "pixels": int(mask.sum()),
            "own": compare_with_official(seen, mask, official),
            "given": compare_with_official(given.dense[index], mask, official),
        }
    unoccluded = [people[n] for n in UNOCCLUDED if n in people]
    summary = {}
    for which in ("own", "given"):
        values = [person[which] or MISSED for person in unoccluded]
        charts = [c for person in unoccluded if person[which] for c in person[which]["charts"].values()]
        summary[which] = {
            "foreground_iou": float(np.mean([v["foreground_iou"] for v in values])),
            "part_agreement": float(np.mean([v["part_agreement"] for v in values])),
            "median_U_correlation": float(np.median([c["U"] for c in charts])) if charts else None,
            "median_V_correlation": float(np.median([c["V"] for c in charts])) if charts else None,
        }
    return {"people": people, "unoccluded": summary}


def mask_box(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Box [4] xyxy around a mask."""
    rows, columns = np.nonzero(mask)
    return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1], float)


def compare_with_official(
    dense: DenseMap | None,
    mask: NDArray[np.bool_],  # [H, W] the person in the official output
    official: NDArray[np.uint8],  # [H, W, 3] I, U * 255, V * 255
) -> Numbers | None:
    """IoU with the official mask, share of its pixels with the same part, correlations per chart."""
    if dense is None:
        return None
    rows, columns = np.indices(mask.shape)
    xy = np.stack([columns.ravel(), rows.ravel()], axis=1) + 0.5
    chart, uv = measures.read_map(dense, xy)
    labels, uv = chart.reshape(mask.shape), uv.reshape(*mask.shape, 2)
    theirs = np.where(mask, official[..., 0], 0)
    charts = {}
    for number in range(1, 25):
        common = (labels == number) & (theirs == number)
        if common.sum() >= COMMON_PIXELS:
            u, v = (correlation(uv[common][:, i], official[common][:, 1 + i]) for i in (0, 1))
            charts[number] = {"pixels": int(common.sum()), "U": u, "V": v}
    either_side = (labels == theirs) | (labels == np.asarray(MIRROR_CHART)[theirs])
    return {
        "foreground_iou": float(((labels > 0) & mask).sum() / ((labels > 0) | mask).sum()),
        "part_agreement": float((labels == theirs)[mask].mean()),
        "part_agreement_sides_ignored": float(either_side[mask].mean()),
        "charts": charts,
    }


def correlation(a: NDArray[Any], b: NDArray[Any]) -> float:
    """Pearson's; 0 where one of the two is constant."""
    if a.std() == 0 or b.std() == 0:
        return 0.0
    return float(np.corrcoef(a.astype(float), b.astype(float))[0, 1])


def annotated_person(predictor: odp.Predictor, folder: Path, drawn: list[Any]) -> Numbers:
    """Share of the human points with the right part: in the model's own box, in the whole picture's."""
    path = folder / "annotated_person.png"
    points = json.loads((folder / "annotated_person.json").read_text(encoding="utf-8"))
    xy, chart = np.stack([points["x"], points["y"]], axis=1), np.array(points["I"]).astype(int)
    own = predictor(path)
    height, width = own.image_size
    given = predictor(path, boxes=[[0, 0, width, height]])
    drawn += [("annotated_person_own", own), ("annotated_person_given", given)]
    answer: Numbers = {"points": len(chart)}
    for which, result in (("own", own), ("given", given)):
        labels, _ = measures.read_map(largest(result), xy)
        answer[which] = {
            "right_part": float((labels == chart).mean()),
            "right_part_sides_ignored": float(
                ((labels == chart) | (labels == np.asarray(MIRROR_CHART)[chart])).mean()
            ),
            "on_body": float((labels > 0).mean()),
        }
    return answer


def largest(result: Result) -> DenseMap | None:
    """The map of the person with the largest box; None without people."""
    return max(result.dense, key=lambda dense: dense.box[2] * dense.box[3], default=None)


def measure(predictor: odp.Predictor, real: Path, template: Template, drawn: list[Any]) -> Numbers:
    """All figures of the photos in a folder; `drawn` gets every result by its name."""
    return {
        "coco": coco_photos(predictor, real / "coco", template, drawn),
        "street": street(predictor, real, drawn),
        "annotated_person": annotated_person(predictor, real, drawn),
    }


def parse_options(parser: argparse.ArgumentParser) -> tuple[argparse.Namespace, Path]:
    """The options, with `--shared` and `--json`, and the folder of real photos; exits where there is none."""
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    real: Path = options.shared / "real"
    if not real.is_dir():
        parser.error(f"{real}: expected the folder of real photos, got no such folder")
    return options, real


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="small")
    parser.add_argument(
        "--overlays", type=Path, help="folder for pictures of every result and a sheet of all"
    )
    options, real = parse_options(parser)
    predictor, template = odp.load(options.model), Template()
    drawn: list[tuple[str, Result]] = []
    numbers = {
        "machine": machine.describe(),
        "model": {key: predictor.meta.get(key) for key in ("name", "version", "threshold", "input")},
        **measure(predictor, real, template, drawn),
    }
    photos = {name.rpartition("_")[0]: result.image for name, result in drawn}
    numbers["model"]["network_input"] = {
        name: [image.shape[:2] for image in predictor.network_images(photo)] for name, photo in photos.items()
    }
    print(machine.line(numbers["machine"]))
    print("model:", ", ".join(f"{key} {value}" for key, value in numbers["model"].items()))
    report.print_coco(numbers["coco"])
    report.print_street(numbers["street"], UNOCCLUDED)
    report.print_person(numbers["annotated_person"])
    machine.save(options.json, numbers)
    if options.overlays:
        pictures = [(name, draw(result.image, result, boxes=True)) for name, result in drawn]
        print(f"wrote {contact_sheet(pictures, options.overlays)}")


if __name__ == "__main__":
    main()
