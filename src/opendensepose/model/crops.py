"""The net on crops: one person at one scale, whatever their size in the photo.

It takes the place of the dense head of DensePose-RCNN where speed and few samples count: it reads the photo's
own pixels around a detected box, not the detector's maps of a shrunk photo, so small people in large photos
are seen sharply, and it learns people of one size only.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from opendensepose.model import losses as L
from opendensepose.model.backbone import BasicBlock, ConvNorm, Norm, ResNet
from opendensepose.model.heads import DensePredictor, bilinear
from opendensepose.model.rcnn import CHARTS
from opendensepose.model.targets import DENSE, Truth
from opendensepose.model.training import Losses, People, Rules, Shown, dense_supervision

CANVAS = (192, 160)  # height, width of a crop, pixels
FILL = 0.9  # share of the crop that the person's box takes, along the side that is the tighter
NEVER = 50.0  # taken from the logit of the background among the charts, in use
LEAN = 0.5  # added to the logits of the body, in use: masks overlap best from below even odds on
NOBODY = 255  # `People.instance` of a crop without a person
MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)  # RGB


class CropNet(nn.Module):
    """Crops [B, 3, H, W] (RGB 0..255, sides multiples of 32) -> coarse, fine, u, v [B, *, H/2, W/2].

    A ResNet and a way back up to stride 4, with the mean of the whole crop in every cell of the coarsest map:
    which side of a person is seen is a question about the whole person. Where one chart ends and the next
    begins is one about edges: the maps, at stride 2, see the stem's own.
    """

    mean: Tensor  # [3, 1, 1]
    std: Tensor
    atlas = "odp24"  # of the labels that the net has learnt

    def __init__(
        self,
        *,
        widths: tuple[int, int, int, int] = (32, 64, 128, 256),
        depths: tuple[int, int, int, int] = (2, 3, 9, 3),
        up: tuple[int, int, int] = (64, 128, 192),  # at strides 4, 8, 16
        norm: Norm = nn.BatchNorm2d,
        coarse: int = 2,
        confidences: dict[str, int] | None = None,
    ) -> None:
        super().__init__()
        self.backbone = ResNet(
            block="basic", stem=widths[0], light_stem=True, widths=widths, depths=depths, norm=norm
        )
        top = widths[-1]
        self.context = nn.Sequential(nn.Linear(top, top), nn.ReLU(), nn.Linear(top, top))
        self.mix = BasicBlock(top, top, norm=norm)
        self.across = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip(widths, up, strict=False))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 1) for a, b in zip((*up[1:], top), up, strict=True))
        self.up = nn.ModuleList(ConvNorm(n, n, norm=norm) for n in up)
        self.predictor = DensePredictor(up[0], coarse=coarse, kernel=2, confidences=confidences)
        self.edges = Edges(widths[0] // 2, up[0], 32, sum(self.predictor.split.values()), norm)
        self.presence = nn.Linear(top, CHARTS)  # which charts are seen, for training only
        self.person = nn.Linear(top, 1)  # is it a crop of one person, whom the box fits?
        self.register_buffer("mean", torch.tensor(MEAN).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(3, 1, 1), persistent=False)

    def forward(self, crops: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        """The maps and the whole-person vectors [B, widths[3]]."""
        first, second = cast(nn.Sequential, self.backbone.stem)
        # as whole rows: ONNX Runtime is slow at repeating three numbers
        mean, std = (each.expand(-1, 1, crops.shape[3]) for each in (self.mean, self.std))
        half = first((crops - mean) / std)
        stages = self.backbone.after_stem(second(half))
        context = self.context(stages[-1].mean((2, 3)))
        x = self.mix(F.relu(stages[-1] + context[:, :, None, None]))
        for i in (2, 1, 0):
            x = self.up[i](F.relu(self.across[i](stages[i]) + bilinear(self.down[i](x))))
        maps = self.predictor(x, self.edges(half, x))
        if not self.training:  # what is body is for `coarse` to say
            maps["coarse"] = torch.cat([maps["coarse"][:, :1] - LEAN, maps["coarse"][:, 1:]], 1)
            maps["fine"] = torch.cat([maps["fine"][:, :1] - NEVER, maps["fine"][:, 1:]], 1)
        return maps, F.relu(context)


class Edges(nn.Module):
    """What features at stride 2 [B, half, 2S, 2T] add to maps made at stride 4; at first next to nothing."""

    def __init__(self, half: int, channels: int, width: int, outputs: int, norm: Norm) -> None:
        super().__init__()
        self.across, self.down = nn.Conv2d(half, width, 1), nn.Conv2d(channels, width, 1)
        self.mix = ConvNorm(width, width, norm=norm)
        self.last = nn.Conv2d(width, outputs, 1)
        nn.init.normal_(self.last.weight, std=1e-3)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def forward(self, half: Tensor, x: Tensor) -> Tensor:
        return self.last(self.mix(F.relu(self.across(half) + bilinear(self.down(x)))))


class CropTraining(nn.Module):
    """A net on crops with its losses."""

    def __init__(self, model: CropNet, rules: Rules) -> None:
        super().__init__()
        self.model, self.rules = model, rules

    def forward(
        self, images: Tensor, truth: Truth, generators: list[torch.Generator]
    ) -> tuple[Losses, Shown]:
        """Crops of one person, or nobody, each [B, 3, H, W] RGB, their truth -> losses; nothing is random."""
        outputs, context = self.model(images)
        losses, shown = dense_supervision(outputs, whole_crops(images, truth), truth, self.rules)
        losses["presence"] = L.presence_loss(self.model.presence(context).float(), shown["chart"])
        somebody = torch.tensor([len(numbers) > 0 for numbers in truth.instance], device=images.device)
        losses["person"] = L.person_loss(self.model.person(context)[:, 0].float(), somebody)
        return losses, shown

    def guided(self, images: Tensor, truth: Truth) -> tuple[dict[str, Tensor], People]:
        """The maps of the whole crops, and whose they are."""
        return self.model(images)[0], whole_crops(images, truth)


def whole_crops(images: Tensor, truth: Truth) -> People:
    """The first person of each crop, with the whole crop as the box; `NOBODY` where there is none."""
    count = len(images)
    height, width = images.shape[2:]
    whole = images.new_tensor([[0.0, 0.0, width, height]])
    instance = torch.full((count,), NOBODY, device=images.device)
    kind = torch.full_like(instance, DENSE)
    keypoints = images.new_zeros(count, 17, 3)
    for i, numbers in enumerate(truth.instance):
        if len(numbers):
            instance[i] = numbers[0]
            if truth.kind is not None:
                kind[i] = truth.kind[i][0]
            if truth.keypoints is not None:
                keypoints[i] = truth.keypoints[i][0]
    return People([whole] * count, torch.arange(count, device=images.device), instance, kind, keypoints)
