"""Everything a training run depends on, in one frozen dataclass."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

LOSS_WEIGHTS = {
    "objectness": 1.0,
    "rpn_box": 1.0,
    "class": 1.0,
    "box": 1.0,
    "coarse": 1.0,
    "fine": 1.0,
    "uv": 4.0,
    "presence": 1.0,
    "point_fine": 1.0,
    "point_uv": 4.0,
}


@dataclass(frozen=True)
class TrainConfig:
    """One run; exactly one of `steps` and `minutes` is given."""

    data: tuple[str, ...]  # folders of dense truth (docs/design.md, "Files")
    out: str  # folder for checkpoints, logs and config.json
    model: str = "small"  # a name of model.rcnn.MODELS
    init: str = "none"  # "none", a packaged model's name, a model file or a checkpoint
    steps: int | None = None
    minutes: float | None = None  # the learning rate ends exactly when these end
    batch_size: int = 4  # images per step and process: many small steps learn fastest on a CPU
    lr: float = 1.5e-3
    weight_decay: float = 0.02
    warmup: float = 0.03  # share of the run
    clip: float = 5.0  # largest gradient norm
    ema: float = 0.998
    seed: int = 0
    processes: int = 1  # that train, each on `batch_size` images per step
    threads: int = 2  # of each of them
    workers: int = 1  # processes that read and augment, for each of them
    precision: str = "32"  # "32" or "bf16" (only faster on CPUs that have bf16 instructions)
    # height, width of a step's images, drawn per step; multiples of 32
    canvases: tuple[tuple[int, int], ...] = ((192, 192), (192, 192), (224, 192), (192, 224), (256, 256))
    people: int = 3  # dense boxes per image, on average over a batch
    smallest: float = 75.0  # height range that a chosen person is scaled to, canvas pixels
    largest: float = 400.0
    mosaic: float = 0.1  # share of canvases that four pictures share, each at half the size
    held_out: int = 48  # images kept for the figures that choose the best checkpoint
    save_minutes: float = 5.0  # between evaluations and checkpoints
    log_steps: int = 20
    loss_weights: dict[str, float] = field(default_factory=lambda: dict(LOSS_WEIGHTS))

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise ValueError(f"steps, minutes: expected exactly one, got {self.steps} and {self.minutes}")
        length = self.steps if self.minutes is None else self.minutes
        if length is not None and length <= 0:
            raise ValueError(f"steps or minutes: expected more than 0, got {length}")
        if self.precision not in ("32", "bf16"):
            raise ValueError(f"precision: expected 32 or bf16, got {self.precision!r}")
        if not self.data:
            raise ValueError("data: expected at least one folder, got none")
        for name in ("batch_size", "processes", "threads", "people", "log_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}: expected 1 or more, got {getattr(self, name)}")
        bad = [c for c in self.canvases if len(c) != 2 or any(n < 32 or n % 32 for n in c)]
        if bad or not self.canvases:
            raise ValueError(f"canvases: expected heights and widths in multiples of 32, got {self.canvases}")

    def to_dict(self) -> dict[str, Any]:
        """Plain types only, for JSON and for checkpoints."""
        return asdict(self)
