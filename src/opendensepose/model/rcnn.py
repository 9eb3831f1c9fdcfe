"""DensePose-RCNN: the parts joined, once for training (`losses`) and once for use (`detect`, `dense`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.ops import nms

from opendensepose.model import losses as L
from opendensepose.model.backbone import Norm, ResNet
from opendensepose.model.boxes import clip, decode, encode, outer
from opendensepose.model.deeplab import DeepLabHead
from opendensepose.model.fpn import FPN
from opendensepose.model.heads import BoxHead, ConvHead, Decoder, DensePredictor, HourglassHead
from opendensepose.model.roi import pool_batch, pool_levels
from opendensepose.model.rpn import RPN, pixel_anchors
from opendensepose.model.targets import Truth, anchor_targets, jitter, match, sample_grid, sample_labels

BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
CHARTS = 24
NOBODY = 255  # an instance number that no picture has


@dataclass(frozen=True)
class Settings:
    """Numbers that are not weights; the defaults are the publication's."""

    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)  # RGB, 0..255
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    bgr: bool = True  # the net sees channels in this order
    box_strides: tuple[int, ...] = (
        4,
        8,
        16,
        32,
    )  # levels that the box head pools from; one: no choice by size
    canonical_size: float = 224.0
    box_pool: int = 7
    dense_pool: int = 28
    dense_strides: tuple[int, ...] = (4,)  # more than the decoder's one map: p2..p5, chosen by size
    aligned: bool = False
    pixel_edge: float = 0.0  # 1: boxes end inside their last pixel, width = x2 - x1 + 1 (the 2018 code)
    score_threshold: float = 0.05
    nms_threshold: float = 0.5
    max_people: int = 100


class Sampling(NamedTuple):
    """How training picks its boxes, per image."""

    anchors: int = 128
    proposals: int = 16
    positive_share: float = 0.5
    people: int = 3  # dense boxes per image, on average over the batch
    jitter: float = 0.04


class Detection(NamedTuple):
    """What `detect` finds in one image, and how."""

    boxes: Tensor  # [N, 4]
    scores: Tensor  # [N]
    rpn_logits: list[Tensor]  # per level [1, H*W*A]
    rpn_deltas: list[Tensor]  # per level [1, H*W*A, 4]
    proposals: Tensor  # [P, 4]
    box_logits: Tensor  # [P, 2] person, background
    box_deltas: Tensor  # [P, 4]


class DensePoseRCNN(nn.Module):
    """Images [B, 3, H, W] (RGB 0..255, sides multiples of 32) -> people and their dense maps."""

    mean: Tensor  # [3, 1, 1]
    std: Tensor

    def __init__(
        self,
        *,
        backbone: ResNet,
        fpn: FPN,
        rpn: RPN,
        box_head: BoxHead,
        decoder: Decoder | None,
        dense_head: HourglassHead | ConvHead | DeepLabHead,
        predictor: DensePredictor,
        settings: Settings,
    ) -> None:
        super().__init__()
        self.backbone, self.fpn, self.rpn, self.box_head = backbone, fpn, rpn, box_head
        self.decoder, self.dense_head, self.predictor = decoder, dense_head, predictor
        self.settings = settings
        # which charts are seen: read from the whole-person vector, for training only
        self.presence: nn.Linear | None = None
        if isinstance(dense_head, HourglassHead):
            self.presence = nn.Linear(dense_head.context_channels, CHARTS)
        self.register_buffer("mean", torch.tensor(settings.mean).view(3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(settings.std).view(3, 1, 1), persistent=False)

    def pyramid(self, images: Tensor) -> list[Tensor]:
        """Images [B, 3, H, W] normalised already -> p2..p6."""
        return self.fpn(self.backbone(images))

    def normalise(self, images: Tensor) -> Tensor:
        """RGB 0..255 -> what the backbone reads."""
        images = (images - self.mean) / self.std
        return images.flip(1) if self.settings.bgr else images

    def rpn_maps(self, pyramid: list[Tensor]) -> list[Tensor]:
        """The pyramid levels that the RPN reads: its strides are the last of 4, 8, 16, 32, 64."""
        return pyramid[len(pyramid) - len(self.rpn.strides) :]

    def pool_boxes(self, pyramid: list[Tensor], boxes: list[Tensor]) -> Tensor:
        """Boxes per image [N_b, 4] -> [sum N_b, C, 7, 7]."""
        s = self.settings
        if len(s.box_strides) == 1:
            level = pyramid[s.box_strides[0].bit_length() - 3]
            return pool_batch(level, boxes, size=s.box_pool, scale=1 / s.box_strides[0], aligned=s.aligned)
        return pool_levels(
            pyramid[4 - len(s.box_strides) : 4],
            boxes,
            size=s.box_pool,
            strides=s.box_strides,
            aligned=s.aligned,
            canonical_size=s.canonical_size,
            edge=s.pixel_edge,
        )

    def detect(
        self, pyramid: list[Tensor], height: int | Tensor, width: int | Tensor
    ) -> tuple[Tensor, Tensor]:
        """People in ONE image: boxes [N, 4] clipped to height x width, scores [N], best first."""
        stages = self.detect_stages(pyramid, height, width)
        return stages.boxes, stages.scores

    def detect_stages(self, pyramid: list[Tensor], height: int | Tensor, width: int | Tensor) -> Detection:
        """`detect` with all that is computed on the way."""
        s, edge = self.settings, self.settings.pixel_edge
        maps = self.rpn_maps(pyramid)
        logits, deltas = self.rpn(maps)
        proposals = self.rpn.select(
            [x[0] for x in logits], [x[0] for x in deltas], self.rpn.anchors(maps), height, width
        )
        classes, refinement = self.box_head(self.pool_boxes(pyramid, [proposals]))
        score = classes.softmax(1)[:, 0]
        boxes = clip(decode(refinement, proposals, BOX_WEIGHTS, edge), height - edge, width - edge)
        good = torch.nonzero(score > s.score_threshold)[:, 0]
        score, boxes = score[good], boxes[good]
        keep = nms(outer(boxes, edge), score, s.nms_threshold)[: s.max_people]
        return Detection(boxes[keep], score[keep], logits, deltas, proposals, classes, refinement)

    @property
    def dense_channels(self) -> int:
        """Channels of `dense_features`."""
        return self.fpn.channels if self.decoder is None else self.decoder.predictor.out_channels

    def dense_features(self, pyramid: list[Tensor]) -> list[Tensor]:
        """The maps that the dense head pools from: the decoder's [B, C, H/4, W/4], or without one p2..p5."""
        return pyramid[:4] if self.decoder is None else [self.decoder(pyramid)]

    def pool_dense(self, features: list[Tensor], boxes: list[Tensor]) -> Tensor:
        """`dense_features` and boxes per image [N_b, 4] -> [sum N_b, C, dense_pool, dense_pool]."""
        s = self.settings
        if len(s.dense_strides) == 1:
            return pool_batch(features[0], boxes, size=s.dense_pool, scale=0.25, aligned=s.aligned)
        return pool_levels(
            features,
            boxes,
            size=s.dense_pool,
            strides=s.dense_strides,
            aligned=s.aligned,
            canonical_size=s.canonical_size,
            edge=s.pixel_edge,
        )

    def dense(self, features: list[Tensor], boxes: list[Tensor]) -> tuple[dict[str, Tensor], Tensor]:
        """`dense_features` and boxes per image -> maps [R, *, S, S], whole-person vectors."""
        pooled = self.pool_dense(features, boxes)
        x, context = self.dense_head(pooled.contiguous(memory_format=torch.channels_last))
        return self.predictor(x), context

    def losses(
        self, images: Tensor, truth: Truth, *, sampling: Sampling, generator: torch.Generator
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Training losses by name, and the dense outputs with their boxes and truth, for pictures."""
        pyramid = self.pyramid(self.normalise(images))
        height, width = images.shape[2:]
        found, proposals = self._rpn_losses(pyramid, truth.boxes, height, width, sampling, generator)
        found |= self._box_losses(pyramid, proposals, truth.boxes, sampling, generator)
        boxes, instance = self._people(proposals, truth, sampling, generator, height, width)
        outputs, context = self.dense(self.dense_features(pyramid), boxes)
        rows = torch.cat([torch.full_like(n, i) for i, n in enumerate(instance)])
        chart, uv = sample_grid(torch.cat(boxes), rows, torch.cat(instance), truth, outputs["fine"].shape[-1])
        found |= L.dense_losses(outputs, chart, uv)
        if self.presence is not None:
            found["presence"] = L.presence_loss(self.presence(context).float(), chart)
        shown = {**outputs, "chart": chart, "uv": uv, "boxes": torch.cat(boxes), "image": rows}
        return found, shown

    def _rpn_losses(
        self,
        pyramid: list[Tensor],
        truth: list[Tensor],
        height: int,
        width: int,
        sampling: Sampling,
        generator: torch.Generator,
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        """RPN losses and each image's proposals with the true boxes in front."""
        maps = self.rpn_maps(pyramid)
        logits, deltas = self.rpn(maps)
        levels = self.rpn.anchors(maps)
        anchors = torch.cat(levels)
        flat_logits, flat_deltas = torch.cat(logits, 1).float(), torch.cat(deltas, 1).float()
        picked: list[list[Tensor]] = [[], [], [], []]
        proposals = []
        for i, boxes in enumerate(truth):
            index, wanted, target = anchor_targets(
                anchors, boxes, count=sampling.anchors, generator=generator
            )
            row = (flat_logits[i, index], flat_deltas[i, index[: len(target)]], wanted, target)
            for store, value in zip(picked, row, strict=True):
                store.append(value)
            with torch.no_grad():
                mine = self.rpn.select(
                    [x[i].float() for x in logits], [x[i].float() for x in deltas], levels, height, width
                )
            proposals.append(torch.cat([boxes, mine]))
        return L.proposal_losses(*(torch.cat(p) for p in picked)), proposals

    def _box_losses(
        self,
        pyramid: list[Tensor],
        proposals: list[Tensor],
        truth: list[Tensor],
        sampling: Sampling,
        generator: torch.Generator,
    ) -> dict[str, Tensor]:
        chosen, background, targets = [], [], []
        for mine, boxes in zip(proposals, truth, strict=True):
            label, nearest = match(mine, boxes, low=0.5, high=0.5, keep_best=False)
            positive, negative = sample_labels(label, sampling.proposals, sampling.positive_share, generator)
            chosen.append(mine[torch.cat([positive, negative])])
            background.append(torch.cat([torch.zeros_like(positive), torch.ones_like(negative)]))
            if len(positive):
                targets.append(encode(boxes[nearest[positive]], mine[positive], BOX_WEIGHTS))
        scores, deltas = self.box_head(self.pool_boxes(pyramid, chosen))
        wanted = torch.cat(targets) if targets else deltas.new_zeros(0, 4)
        return L.box_losses(scores.float(), deltas.float(), torch.cat(background), wanted)

    def _people(
        self,
        proposals: list[Tensor],
        truth: Truth,
        sampling: Sampling,
        generator: torch.Generator,
        height: int,
        width: int,
    ) -> tuple[list[Tensor], list[Tensor]]:
        """A box per person for the dense head: the true one, shaken, or a proposal that overlaps it."""
        all_boxes, all_instances = [], []
        room = sampling.people * len(proposals)
        for mine, boxes, instance in zip(proposals, truth.boxes, truth.instance, strict=True):
            order = torch.randperm(len(boxes), generator=generator)[:room].to(boxes.device)
            room -= len(order)
            mine = mine[len(boxes) :]
            chosen = jitter(boxes, sampling.jitter, generator)
            label, nearest = match(mine, boxes, low=0.6, high=0.6, keep_best=False)
            for k in order.tolist():
                good = torch.nonzero((label == 1) & (nearest == k))[:, 0]
                if len(good) and torch.rand((), generator=generator) < 0.5:
                    chosen[k] = mine[good[torch.randint(len(good), (), generator=generator)]]
            all_boxes.append(clip(chosen[order], height, width))
            all_instances.append(instance[order])
        if not any(len(boxes) for boxes in all_boxes):  # norms need something to average over
            all_boxes[0] = all_boxes[0].new_tensor([[0.0, 0.0, width, height]])
            all_instances[0] = all_instances[0].new_tensor([NOBODY])
        return all_boxes, all_instances


def small(
    *,
    stem: int = 32,
    widths: tuple[int, int, int, int] = (32, 64, 128, 256),
    channels: int = 64,
    depths: tuple[int, int, int, int] = (1, 2, 2, 2),
    head: tuple[int, int] = (128, 256),
    head_depths: tuple[int, int] = (1, 2),
    hidden: int = 256,
    norm: Norm = nn.BatchNorm2d,
) -> DensePoseRCNN:
    """The net for CPUs: a ResNet-18 shape at half width, proposals from stride 8 on, hourglass dense head."""
    backbone = ResNet(block="basic", stem=stem, light_stem=True, widths=widths, depths=depths, norm=norm)
    rpn = RPN(
        channels,
        strides=(8, 16, 32, 64),
        sizes=(32, 64, 128, 256),
        ratios=(0.6, 1.2, 2.4),  # people are taller than wide
        offset=0.5,
        before_nms=100,
        after_nms=40,
    )
    dense_head = HourglassHead(channels, widths=head, depths=head_depths, norm=norm)
    settings = Settings(std=(58.395, 57.12, 57.375), bgr=False, box_strides=(8,), aligned=True, max_people=20)
    return DensePoseRCNN(
        backbone=backbone,
        fpn=FPN(backbone.channels, channels, finest_kernel=1, norm=norm),
        rpn=rpn,
        box_head=BoxHead(channels, hidden=(hidden,), norm=True),
        decoder=Decoder(channels, width=channels, outputs=channels, kernel=1, norm=norm),
        dense_head=dense_head,
        predictor=DensePredictor(dense_head.channels, kernel=2),
        settings=settings,
    )


def resnet50(
    *,
    depths: tuple[int, int, int, int] = (3, 4, 6, 3),
    norm: Norm | None = None,
    deeplab: bool = False,
    decoder: bool = True,
    coarse: int = 2,
    confidences: dict[str, int] | None = None,
    pixel_edge: float = 0.0,
) -> DensePoseRCNN:
    """The publication's DensePose-RCNN R-50-FPN (`depths` (3, 4, 23, 3): R-101), dense head 8 x 512.

    Without `decoder` (the net of 2018) the dense head pools 14 x 14 cells from the level of the box's size.
    `confidences` are further outputs of the predictor and their channels; `pixel_edge`: see `Settings`.
    """
    from torchvision.ops import FrozenBatchNorm2d

    backbone = ResNet(block="bottleneck", depths=depths, norm=norm or FrozenBatchNorm2d)
    dense_head = DeepLabHead(256) if deeplab else ConvHead(256)
    anchors: RPN = RPN(256, cells=pixel_anchors(), edge=1.0) if pixel_edge else RPN(256)
    settings = Settings(pixel_edge=pixel_edge)
    if not decoder:
        settings = replace(settings, dense_strides=settings.box_strides, dense_pool=14)
    return DensePoseRCNN(
        backbone=backbone,
        fpn=FPN(backbone.channels),
        rpn=anchors,
        box_head=BoxHead(256),
        decoder=Decoder(256) if decoder else None,
        dense_head=dense_head,
        predictor=DensePredictor(
            dense_head.channels, coarse=coarse, upscale=2, confidences=confidences or {}
        ),
        settings=settings,
    )


MODELS: dict[str, Callable[..., DensePoseRCNN]] = {"small": small, "r50": resnet50}
