"""Everything a training run depends on, in one frozen dataclass."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

from opendensepose.model.training import Rules

# Weights of the losses by the name of a recipe; second stages have those of the first, which count half.
_DETECTOR = {
    "objectness": 1.0,
    "rpn_box": 1.0,
    "class": 1.0,
    "box": 1.0,
    "again_class": 1.0,  # of the second box head
    "again_box": 1.0,
    "mask": 1.0,
    "keypoints": 0.3,
}
LOSS_WEIGHTS = _DETECTOR | {
    "coarse": 2.5,
    "fine": 1.0,
    "uv": 4.0,
    "presence": 1.0,
    "person": 0.5,
    "point_fine": 1.0,
    "point_uv": 4.0,
    "point_nll": 0.1,
}
RECIPES: dict[str, tuple[dict[str, float], Rules]] = {
    "own": (LOSS_WEIGHTS, Rules()),
    # the weights of the publication's code, 2018 and 2020 (detectron2's DensePose project)
    "2018": (
        LOSS_WEIGHTS | {"coarse": 2.0, "point_fine": 0.3, "point_uv": 0.1, "point_nll": 0.0005},
        Rules(overlap=0.7, uv_beta=1.0, box_beta=1.0, sum_points=True),
    ),
    "2020": (
        LOSS_WEIGHTS | {"coarse": 5.0, "point_fine": 1.0, "point_uv": 0.01, "point_nll": 0.0005},
        Rules(overlap=0.7, uv_beta=1.0, box_beta=1.0, sum_points=True),
    ),
}
SCHEDULES = ("cosine", "step")
CONFIDENCES = ("", "WC1", "WC2")
Canvas = tuple[int, int]


@dataclass(frozen=True)
class TrainConfig:
    """One run; exactly one of `steps` and `minutes` is given, and some `data` or `annotations`."""

    data: tuple[str, ...] = ()  # folders of dense truth (docs/design.md, "Files")
    out: str = ""  # folder for checkpoints, logs and config.json
    annotations: tuple[str, ...] = ()  # DensePose-COCO files: sparse points
    images: str | None = None  # their images; None: beside the file
    atlas: str = ""  # of all the labels; "": what the files say, smpl24 where they say nothing
    model: str = "crops"  # crops, small, teacher, r50 or a published name such as R_50_FPN_DL_s1x
    confidence: str = ""  # WC1, WC2: how sure U and V are (small, r50; published names say it themselves)
    tasks: tuple[str, ...] = ()  # further heads: keypoints, mask
    cascade: bool = False  # a second stage in which the tasks see each other
    init: str = "none"  # none, a packaged model's name, a model file, a checkpoint, an official checkpoint
    recipe: str = "own"  # own, 2018, 2020
    loss_weights: dict[str, float] = field(default_factory=dict)  # that differ from the recipe's
    rules: dict[str, Any] = field(default_factory=dict)  # fields of model.training.Rules that differ
    steps: int | None = None
    minutes: float | None = None  # the learning rate ends exactly when these end
    batch_size: int = 0  # images per step and process; 0: 16 crops or 4 whole pictures
    accumulate: int = 1  # batches whose gradients make one step
    optimizer: str = "adamw"  # adamw, sgd (momentum 0.9), muon (for kernels, adamw for the rest)
    lr: float = 1.5e-3
    weight_decay: float = 0.02
    schedule: str = "cosine"  # cosine to 0, or step: a tenth at each of `step_at`
    step_at: tuple[float, ...] = (0.75, 0.92)  # shares of the run
    warmup: float = 0.03  # share of the run
    clip: float = 5.0  # largest gradient norm
    ema: float = 0.998
    freeze: tuple[str, ...] = ()  # modules that keep their weights, such as backbone.stem
    freeze_norms: bool = False  # batch norms use their stored statistics
    sync_norms: bool = False  # batch norms over the pictures of all processes
    seed: int = 0
    processes: int = 1  # that train, each on `batch_size` images per step
    alone: int = 0  # steps that each takes alone between averages of the weights; 0: gradients are averaged
    threads: int = 2  # of each of them
    workers: int = 1  # processes that read and augment, for each of them
    precision: str = "32"  # "32" or "bf16" (only faster on CPUs that have bf16 instructions)
    # height, width of a step's images, drawn per step; multiples of 32
    canvases: tuple[Canvas, ...] = ((192, 192), (192, 192), (224, 192), (192, 224), (256, 256))
    crops: bool = False  # one person per canvas at one scale, by its true box; with the rule given_boxes
    fill: float = 0.8  # share of a crop that the person's box takes
    cut_off: float = 0.25  # share of crops in which the person stands at the edge of the photo
    turned: float = 0.4  # share of crops turned, by some 20 degrees either way
    pasted: float = 0.25  # share of crops with somebody from another picture before or behind the person
    covered: float = 0.15  # share of crops with a shape before the person, at most half as high as the crop
    printed: float = 0.25  # share of crops whose person wears what another picture shows
    blended: float = 0.1  # share of pictures with somebody in the colours of what is behind them
    defocused: float = 0.1  # share of pictures whose background is another one, out of focus
    loose: float = 0.25  # share of crops whose box is a bad one: each side off by itself
    warped: float = 0.3  # share of crops bent a little: other figures, other clothes
    shapes: float = 0.3  # share of canvases, of crops only of those of nobody, with a shape that is nobody
    nobody: float = 0.08  # share of crops by a box that fits nobody, for the net on crops
    smallest: float = 75.0  # height range that a chosen person is scaled to, canvas pixels
    largest: float = 400.0
    mosaic: float = 0.1  # share of canvases that four pictures share, each at half the size
    held_out: int = 48  # images kept for the figures that choose the best checkpoint
    save_minutes: float = 5.0  # between evaluations and checkpoints
    log_steps: int = 20

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError(f"steps, minutes: expected exactly one, got {self.steps} and {self.minutes}")
        length = self.steps if self.minutes is None else self.minutes
        if length is not None and length <= 0:
            raise ValueError(f"steps or minutes: expected more than 0, got {length}")
        for name, value, choices in (
            ("precision", self.precision, ("32", "bf16")),
            ("recipe", self.recipe, tuple(RECIPES)),
            ("schedule", self.schedule, SCHEDULES),
            ("confidence", self.confidence, CONFIDENCES),
            ("optimizer", self.optimizer, ("adamw", "sgd", "muon")),
        ):
            if value not in choices:
                raise ValueError(
                    f"{name}: expected {' or '.join(c or 'none' for c in choices)}, got {value!r}"
                )
        if not self.data and not self.annotations:
            raise ValueError("data, annotations: expected at least one folder or file, got none")
        for name in ("batch_size", "alone"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}: expected 0 or more, got {getattr(self, name)}")
        for name in ("accumulate", "processes", "threads", "log_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected 1 or more, got {getattr(self, name)}")
        bad = [c for c in self.canvases if len(c) != 2 or any(n < 32 or n % 32 for n in c)]
        if bad or not self.canvases:
            raise ValueError(f"canvases: expected heights and widths in multiples of 32, got {self.canvases}")
        _only_known("loss_weights", self.loss_weights, LOSS_WEIGHTS)
        _only_known("rules", self.rules, {f.name for f in fields(Rules)})

    @property
    def weights(self) -> dict[str, float]:
        """Weights of all losses."""
        return RECIPES[self.recipe][0] | self.loss_weights

    def make_rules(self) -> Rules:
        """The rules of the recipe with `rules` in them."""
        return Rules(**{**asdict(RECIPES[self.recipe][1]), **self.rules})

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, for JSON and for checkpoints."""
        return asdict(self)

    @classmethod
    def from_dict(cls, options: Mapping[str, Any]) -> TrainConfig:
        """From `to_dict` or JSON; ValueError for an unknown name."""
        _only_known("config", options, {f.name for f in fields(cls)})
        given: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in options.items()}
        if "canvases" in given:
            given["canvases"] = tuple(tuple(c) for c in given["canvases"])
        return cls(**given)


def read_options(path: str | os.PathLike[str]) -> dict[str, Any]:
    """The options of a config.json, not checked; FileNotFoundError or ValueError for another file."""
    if not Path(path).is_file():
        raise FileNotFoundError(f"config {path}: expected a file, got none")
    try:
        options = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"config {path}: expected JSON, got {error}") from None
    if not isinstance(options, dict):
        raise ValueError(f"config {path}: expected an object of options, got {type(options).__name__}")
    return options


def _only_known(what: str, given: Mapping[str, Any], known: Any) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise ValueError(f"{what}: expected some of {', '.join(sorted(known))}, got {', '.join(unknown)}")
