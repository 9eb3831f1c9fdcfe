"""Keypoint and instance-mask heads beside the dense head, and the cross-cascade of all three.

In the cascade every task has a second stage: its head sees the features of the box and, brought to the same
width, what the other tasks gave in the first stage (DensePose, Güler et al. 2018, section 4.3).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from opendensepose.model.backbone import ConvNorm, Norm

KEYPOINTS = 17
TASKS = {"keypoints": KEYPOINTS, "mask": 1}  # name, also of the output -> channels
FIRST = "first_"  # before the names of the first stage's outputs
DEAF = ("zeros", "shuffled")  # shuffled: their values in other places of the box
_SEEN = {"dense": 28, "keypoints": KEYPOINTS, "mask": 1}  # channels of `summary`


class MapHead(nn.Module):
    """Pooled boxes [R, C, S, S] -> `outputs` maps [R, outputs, 2S, 2S]."""

    def __init__(self, channels: int, outputs: int, *, width: int, layers: int, norm: Norm) -> None:
        super().__init__()
        inputs = [channels] + [width] * (layers - 1)
        self.layers = nn.Sequential(*(ConvNorm(c, width, norm=norm) for c in inputs))
        self.deconv = nn.ConvTranspose2d(width, outputs, 2, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.deconv(self.layers(x)).float()


class Tasks(nn.Module):
    """The heads of `names` (keypoints, mask); with `cascade` the second stages, the dense one among them.

    `dense_head` and `predictor` are the modules of the second dense stage.
    """

    def __init__(
        self,
        channels: int,
        names: tuple[str, ...],
        *,
        width: int,
        layers: int = 3,
        norm: Norm = nn.BatchNorm2d,
        dense_head: nn.Module | None = None,
        predictor: nn.Module | None = None,
    ) -> None:
        super().__init__()
        unknown = set(names) - TASKS.keys()
        if unknown or not names:
            raise ValueError(f"tasks: expected some of {', '.join(TASKS)}, got {', '.join(names) or 'none'}")
        self.names = names
        options = {"width": width, "layers": layers, "norm": norm}
        heads = {name: MapHead(channels, TASKS[name], **options) for name in names}  # type: ignore[arg-type]
        self.heads = nn.ModuleDict(heads)
        self.cascade = dense_head is not None
        self.deaf = ""  # for measurements: in place of the other tasks second stages see one of `DEAF`
        if dense_head is not None and predictor is not None:
            self.dense_head, self.predictor = dense_head, predictor
            second = {name: MapHead(channels, TASKS[name], **options) for name in names}  # type: ignore[arg-type]
            self.second = nn.ModuleDict(second)
            self.seen = nn.ModuleDict(
                {
                    f"{reader}_{source}": ConvNorm(_SEEN[source], channels, stride=2, norm=norm, relu=False)
                    for reader in ("dense", *names)
                    for source in ("dense", *names)
                    if reader != source
                }
            )

    def forward(self, pooled: Tensor, dense: dict[str, Tensor]) -> dict[str, Tensor]:
        """Pooled boxes and the first stage's dense maps -> outputs; in a cascade also those of `FIRST`."""
        first = {name: head(pooled) for name, head in self.heads.items()}
        if not self.cascade:
            return {**dense, **first}
        seen = {"dense": dense, **first}
        summaries = {name: summary(name, maps) for name, maps in seen.items()}
        inputs = {reader: self._input(reader, pooled, summaries) for reader in seen}
        outputs = self.predictor(self.dense_head(inputs["dense"])[0])
        outputs |= {name: head(inputs[name]) for name, head in self.second.items()}
        return outputs | {FIRST + name: maps for name, maps in {**dense, **first}.items()}

    def _input(self, reader: str, pooled: Tensor, summaries: dict[str, Tensor]) -> Tensor:
        for source, maps in summaries.items():
            if source != reader:
                maps = unheard(maps, self.deaf) if self.deaf else maps
                maps = F.interpolate(maps, size=[2 * n for n in pooled.shape[2:]], mode="nearest")
                pooled = pooled + self.seen[f"{reader}_{source}"](maps)
        return F.relu(pooled)


def unheard(maps: Tensor, how: str) -> Tensor:
    """Maps [R, C, S, S] that tell nothing: `how` is one of `DEAF`; ValueError for another."""
    if how == "zeros":
        return torch.zeros_like(maps)
    if how != "shuffled":
        raise ValueError(f"deaf: expected {' or '.join(DEAF)}, got {how}")
    order = torch.randperm(maps[0, 0].numel(), generator=torch.Generator().manual_seed(0))
    return maps.flatten(2)[:, :, order.to(maps.device)].view_as(maps)


def summary(task: str, maps: Tensor | dict[str, Tensor]) -> Tensor:
    """What other tasks see of a task's maps, all about 0..1.

    dense: person, 25 charts, U, V in the mean over charts; keypoints: heat relative to its peak; mask: share.
    """
    if isinstance(maps, dict):
        person = 1 - maps["coarse"].softmax(1)[:, :1]
        charts = maps["fine"].softmax(1)
        uv = [(charts * maps[k]).sum(1, keepdim=True) for k in ("u", "v")]
        return torch.cat([person, charts, *uv], 1)
    if task == "mask":
        return maps.sigmoid()
    return torch.exp(maps - maps.amax((2, 3), keepdim=True))
