"""From an image to a `Result`: read, resize, detect, run the dense head, decode."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from opendensepose.core.boxes import as_boxes, foremost
from opendensepose.core.decode import decode
from opendensepose.core.heatmaps import decode_keypoints, decode_masks
from opendensepose.core.overlap import apart, doubled
from opendensepose.core.types import ChartLogits, DenseMap, Result
from opendensepose.core.visible import visible_share
from opendensepose.io.image import ImageSource, read_image
from opendensepose.io.modelfile import CERTAINTY, ModelFile
from opendensepose.runtime.fast import FastSession
from opendensepose.runtime.finder import Finder
from opendensepose.runtime.looks import Looks
from opendensepose.runtime.odds import agreed
from opendensepose.runtime.preprocess import preprocess
from opendensepose.runtime.session import Session

CHUNK = 8  # people per run of the dense graph: bounds its memory in crowds
FEATURES = "features_"
SAME = 0.5  # IoU of boxes that, once they are fitted, are of one person
OTHER = 0.25  # ... unless so much of the worse one's pixels is none of the better one's
OWN = 0.2  # share of a person's pixels that no better person has: with less it is the same one again, ...
DETECTED = 0.5  # ... if the detector did not see two, or no such share is left to it when pixels are settled
TRUST = 0.4  # weight of the detector's opinion of a person; the dense graph has the rest (benchmarks/scores)
HOPE = 0.7  # share of the threshold that somebody must reach for the mirror image to be asked as well
CANDIDATE = 0.06  # detector's score from which the dense graph is asked
PRECISIONS = ("exact", "fast")
HALF = ("detector.onnx",)  # graphs that may run in bfloat16 if the file does not say which
Arrays = dict[str, NDArray]


class Predictor:
    """A loaded model: call it with an image."""

    def __init__(
        self,
        model: ModelFile,
        *,
        device: str = "auto",
        threads: int | None = None,
        precision: str = "exact",
    ) -> None:
        """Load the graphs on `device` (auto, cpu, cuda:0); ValueError if they do not fit the file format.

        `precision` "fast" runs the graphs that the model file allows in bfloat16, by OpenVINO on the CPU.
        """
        self.meta = model.meta
        self._input = {key: model.meta["input"][key] for key in ("short", "long", "upscale")}

        def start(graph: bytes, name: str) -> Session | FastSession:
            quantised = name in model.meta.get("int8", ())  # fast already, and each library rounds otherwise
            if precision == "exact" or quantised:
                return Session(graph, name, device=device, threads=threads)
            return FastSession(graph, name, half=name in model.meta.get("bfloat16", HALF), threads=threads)

        if precision not in PRECISIONS:
            raise ValueError(f"precision: expected one of {', '.join(PRECISIONS)}, got {precision!r}")
        if precision == "fast" and device not in ("auto", "cpu"):
            raise ValueError(f"precision 'fast': expected device cpu, got {device!r}")
        self._detector = start(model.detector, "detector.onnx")
        self._decoder = start(model.decoder, "decoder.onnx") if model.decoder else None
        self._dense = start(model.dense, "dense.onnx")
        self.device = self._detector.device
        # empty: the dense graph reads the detector's maps
        crop: dict[str, Any] | None = model.meta.get("crop")
        self._looks = Looks(self._dense, crop, model.meta["atlas"]) if crop else None
        self._finder = Finder(self._detector, self._input, model.meta["max_people"], SAME) if crop else None
        # a person's odds are the geometric mean of the detector's and of those that the dense graph gives
        self._judges = CERTAINTY in self._dense.outputs
        features = {name for name in self._detector.outputs if name.startswith(FEATURES)}
        _require(self._detector, {"image"}, {"boxes", "scores"})
        if crop:
            features = {"crops"}
        _require(self._dense, {"crops" if crop else "boxes"}, {"coarse", "fine", "u", "v"})
        if self._decoder is not None:
            _require(self._decoder, {"boxes"}, {"decoded", "corner"})
            features = {"decoded"}
        unknown = set(self._dense.inputs) - features - {"boxes"}
        if unknown:
            raise ValueError(f"dense.onnx: expected inputs among {sorted(features)}, got {sorted(unknown)}")

    def __call__(
        self,
        image: ImageSource,  # path, bytes of a file, PIL image or [H, W, 3] uint8 RGB
        *,
        boxes: ArrayLike | None = None,  # [N, 4] xyxy, pixels of the image
        threshold: float | None = None,  # default: the model's
    ) -> Result:
        """Find people and map their pixels to the surface of the body; best score first.

        Given `boxes` take the detector's place: they are clipped to the image, empty ones are dropped, the
        others keep their order and get score 1. Raises FileNotFoundError, io.InputError and ValueError for
        bad input.
        """
        picture = read_image(image)
        judged = self._judges and boxes is None
        least = self.meta["threshold"] if threshold is None else threshold
        candidate = min(least, CANDIDATE) if judged else least
        found: Arrays = {}
        net_image = picture
        if self._finder is None:
            net_image = preprocess(picture, **self._input)
            found = self._detector.run({"image": net_image})
        # width, height, width, height
        size, net_size = (np.array(a.shape[1::-1] * 2, np.float32) for a in (picture, net_image))
        if boxes is not None:
            people = as_boxes(boxes)
            scores = np.ones(len(people), np.float32)
        elif self._finder is not None:
            people, scores = self._finder(picture, candidate)
        else:
            keep = found["scores"] >= candidate
            net_boxes, scores = (found[name][keep][: self.meta["max_people"]] for name in ("boxes", "scores"))
            people = net_boxes * (size / net_size)  # two factors: each side was rounded to whole pixels
        people = np.clip(people, 0, size)
        filled = (people[:, 2:] > people[:, :2]).all(1)  # also false for NaN
        people, scores = people[filled], scores[filled]
        net_boxes = people * (net_size / size)
        if self._decoder is not None and len(people):
            found, net_boxes = self._around(found, net_boxes)
        dense: tuple[DenseMap, ...] = ()
        heads, shape = self._dense.outputs, picture.shape[:2]
        masks = [np.zeros((0, *shape), bool)] if "mask" in heads else []
        keypoints = [np.zeros((0, 17, 3), np.float32)] if "keypoints" in heads else []
        kept, detected = np.ones(len(people), bool), scores.copy()
        claims: list[tuple[NDArray, NDArray]] = []  # coarse maps, and the windows that they fill
        for start in range(0, len(people), CHUNK):
            part = slice(start, start + CHUNK)
            if self._looks is not None:
                windows, crops, maps = self._looks(picture, people[part], fit=boxes is None)
                asked = np.ones(len(crops), bool)
                if judged:
                    asked = agreed(detected[part], maps[CERTAINTY], TRUST) >= HOPE * least
                self._looks.ask_mirror(crops, maps, asked)
            else:
                windows, maps = None, self._dense.run({**found, "boxes": net_boxes[part]})
            if self._judges:
                certainty = maps.pop(CERTAINTY)
                if judged:
                    scores[part] = agreed(detected[part], certainty, TRUST)
                    kept[part] = scores[part] >= least
            shown = people[part][kept[part]]
            maps = {name: values[kept[part]] for name, values in maps.items()}
            if windows is not None:
                windows = windows[kept[part]]
                if judged:
                    claims.append((maps["coarse"], windows))
            if masks:
                masks.append(decode_masks(maps.pop("mask"), shown, shape))
            if keypoints:
                keypoints.append(decode_keypoints(maps.pop("keypoints"), shown))
            coarse, fine, u, v = (maps.pop(name) for name in ("coarse", "fine", "u", "v"))
            dense += decode(ChartLogits(coarse, fine, u, v, confidence=maps), shown, windows)
        people, scores = people[kept], scores[kept]
        result = Result(
            people,
            scores,
            dense,
            shape,
            self.meta["atlas"],
            masks=np.concatenate(masks) if masks else None,
            keypoints=np.concatenate(keypoints) if keypoints else None,
            image=picture,
        )
        if not judged:
            return result
        order = np.argsort(-scores, kind="stable")
        order = order[foremost(doubled(result[order], SAME, OTHER))]
        order = order[(visible_share(result[order]) >= OWN) | (detected[kept][order] >= DETECTED)]
        result = result[order]
        if not claims:
            return result
        coarse, places = (np.concatenate(parts)[order] for parts in zip(*claims, strict=True))
        return apart(result, coarse, places, OWN)

    def network_images(self, picture: NDArray[np.uint8]) -> list[NDArray[np.uint8]]:
        """What the detector sees of an RGB picture [H, W, 3]: one image, or of a large one two."""
        if self._finder is not None:
            return self._finder.images(picture)
        return [preprocess(picture, **self._input)]

    def _around(self, found: Arrays, net_boxes: NDArray) -> tuple[Arrays, NDArray]:
        """The maps that the dense graph reads, and the boxes in them; a decoder decodes around them only."""
        if self._decoder is None:
            return found, net_boxes
        part = self._decoder.run({**found, "boxes": net_boxes})
        return part, net_boxes - part["corner"]

    def batch(self, images: Iterable[ImageSource], *, threshold: float | None = None) -> list[Result]:
        """One Result for each image, in their order; images of different sizes are welcome."""
        return [self(image, threshold=threshold) for image in images]

    def stream(
        self,
        video: str | os.PathLike[str],
        *,
        stride: int = 1,
        threshold: float | None = None,
    ) -> Iterator[Result]:
        """Results of every `stride`-th frame of a video file, one at a time: in constant memory."""
        from opendensepose.io.video import VideoReader

        for frame in VideoReader(video, stride):
            yield self(frame, threshold=threshold)


def load(
    name_or_path: str | os.PathLike[str] = "small",
    *,
    device: str = "auto",
    threads: int | None = None,
    precision: str = "exact",
) -> Predictor:
    """Load a packaged model by its name or a model file by its path, on device auto, cpu or cuda:0.

    `precision` "fast": bfloat16 on the CPU where it has it, with slightly other numbers (extra `[fast]`);
    graphs in 8-bit integers, as all of `small`, run as ever.
    Raises FileNotFoundError if there is no such model, ValueError if it is broken or the device is absent.
    """
    return Predictor(ModelFile.open(name_or_path), device=device, threads=threads, precision=precision)


def _require(session: Session | FastSession, inputs: set[str], outputs: set[str]) -> None:
    missing = (inputs - set(session.inputs)) | (outputs - set(session.outputs))
    if missing:
        got = f"inputs {', '.join(session.inputs)}; outputs {', '.join(session.outputs)}"
        raise ValueError(f"{session.name}: expected {', '.join(sorted(missing))} as well, got {got}")
