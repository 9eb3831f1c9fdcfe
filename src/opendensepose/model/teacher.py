"""The teacher: a fully convolutional net that fills in what a few annotated points say.

It sees a crop with one person at one scale and that person's part masks (DensePose, Güler et al. 2018,
section 3: "inpainting"), and learns from the annotated points alone.
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from opendensepose.model import losses as L
from opendensepose.model.backbone import BasicBlock, ConvNorm, Norm
from opendensepose.model.heads import DensePredictor, bilinear
from opendensepose.model.targets import Truth, points_in
from opendensepose.model.training import Losses, People, Rules, Shown, everybody
from opendensepose.surface.parts import FINE_TO_COARSE

PARTS = 15
CANVAS = 192  # of a crop, pixels
FILL = 0.8  # share of it that the person's box takes


class Teacher(nn.Module):
    """Crops [B, 3, H, W] (RGB 0..255), coarse labels [B, H, W] -> fine, u, v, sigma_2 [B, 25, H/2, W/2]."""

    def __init__(
        self, widths: tuple[int, ...] = (24, 48, 96, 160, 224), *, norm: Norm = nn.BatchNorm2d
    ) -> None:
        super().__init__()
        inputs = (3 + PARTS, *widths)
        self.down = nn.ModuleList(
            nn.Sequential(ConvNorm(a, b, stride=2, norm=norm), BasicBlock(b, b, norm=norm))
            for a, b in itertools.pairwise(inputs)
        )
        self.context = nn.Linear(widths[-1], widths[-1])
        self.lateral = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in itertools.pairwise(widths[1:]))
        self.up = nn.ModuleList(ConvNorm(a, a, norm=norm) for a in widths[1:-1])
        self.predictor = DensePredictor(widths[1], kernel=4, confidences={"sigma_2": 25})
        table = torch.from_numpy(FINE_TO_COARSE.astype("int64"))
        allowed = table[None] == torch.arange(PARTS)[:, None]  # which charts a part has
        self.register_buffer("allowed", allowed, persistent=False)

    def forward(self, images: Tensor, coarse: Tensor) -> dict[str, Tensor]:
        masks = F.one_hot(coarse.long(), PARTS).permute(0, 3, 1, 2).to(images.dtype)
        x = torch.cat([(images - 116) / 58, masks], 1).contiguous(memory_format=torch.channels_last)
        levels = []
        for stage in self.down:
            x = stage(x)
            levels.append(x)
        x = F.relu(x + self.context(x.mean((2, 3)))[:, :, None, None])
        for i in range(len(self.lateral) - 1, -1, -1):
            x = self.up[i](F.relu(levels[i + 1] + bilinear(self.lateral[i](x))))
        maps = self.predictor(x)
        maps.pop("coarse")
        return maps

    def restricted(self, fine: Tensor, coarse: Tensor) -> Tensor:
        """Logits [B, 25, S, S] without the charts that are not of the labelled part [B, S, S]."""
        allowed: Tensor = self.allowed  # type: ignore[assignment]
        return fine.masked_fill(~allowed[coarse.long()].permute(0, 3, 1, 2), -1e4)


class TeacherTraining(nn.Module):
    """A teacher with its losses: on points; where a dense truth is known it is for measuring only."""

    def __init__(self, model: Teacher, rules: Rules) -> None:
        super().__init__()
        self.model, self.rules = model, rules

    def forward(
        self, images: Tensor, truth: Truth, generators: list[torch.Generator]
    ) -> tuple[Losses, Shown]:
        """Crops of one person each [B, 3, S, S] RGB, their truth -> losses, each crop; nothing is random."""
        outputs, people = self.guided(images, truth)
        points = points_in(torch.cat(people.boxes), people.image, people.instance, truth.points)
        count = len(truth.boxes) if self.rules.sum_points else None
        losses = L.point_losses(outputs, points, beta=self.rules.uv_beta, images=count)
        return losses, {"image": people.image}

    def guided(self, images: Tensor, truth: Truth) -> tuple[dict[str, Tensor], People]:
        """The maps of the whole crops, each person's box; `coarse` is what was given."""
        people = everybody(truth)
        height, width = images.shape[2:]
        whole = images.new_tensor([[0.0, 0.0, width, height]])
        boxes = [whole.expand(len(b), 4) for b in people.boxes]
        coarse = truth.coarse
        if coarse is None:
            raise ValueError("teacher: expected coarse labels, got none")
        maps = self.model(images, coarse)
        small = coarse[:, 1::2, 1::2]
        maps["fine"] = self.model.restricted(maps["fine"], small)
        given = F.one_hot((small > 0).long(), 2).permute(0, 3, 1, 2).float() * 20
        outputs = {name: value[people.image] for name, value in {**maps, "coarse": given}.items()}
        return outputs, People(boxes, people.image, people.instance, people.kind, people.keypoints)
