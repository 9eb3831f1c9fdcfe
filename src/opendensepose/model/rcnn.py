"""DensePose-RCNN: the parts joined; `model.training` has its losses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torchvision.ops import nms

from opendensepose.model.backbone import Norm, ResNet
from opendensepose.model.boxes import clip, decode, outer
from opendensepose.model.deeplab import DeepLabHead
from opendensepose.model.fpn import FPN
from opendensepose.model.heads import BoxHead, ConvHead, Decoder, DensePredictor, HourglassHead
from opendensepose.model.roi import pool_batch, pool_levels
from opendensepose.model.rpn import RPN, pixel_anchors
from opendensepose.model.tasks import Tasks

BOX_WEIGHTS = (10.0, 10.0, 5.0, 5.0)
AGAIN_WEIGHTS = (20.0, 20.0, 10.0, 10.0)  # of the second box head, which has less to mend
CHARTS = 24


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
    atlas: str = "odp24"  # of the labels that the net has learnt


class Detection(NamedTuple):
    """What `detect` finds in one image, and how."""

    boxes: Tensor  # [N, 4]
    scores: Tensor  # [N]
    rpn_logits: list[Tensor]  # per level [1, H*W*A]
    rpn_deltas: list[Tensor]  # per level [1, H*W*A, 4]
    proposals: Tensor  # [P, 4]
    box_logits: Tensor  # [P, 2] person, background; of the first box head
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
        tasks: Tasks | None = None,
        box_head_again: BoxHead | None = None,  # mends the first one's boxes (Cai, Vasconcelos 2018)
    ) -> None:
        super().__init__()
        self.backbone, self.fpn, self.rpn, self.box_head = backbone, fpn, rpn, box_head
        self.box_head_again = box_head_again
        self.decoder, self.dense_head, self.predictor = decoder, dense_head, predictor
        self.settings, self.tasks = settings, tasks
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
        if self.box_head_again is not None:
            again, more = self.box_head_again(self.pool_boxes(pyramid, [boxes]))
            score = (score + again.softmax(1)[:, 0]) / 2
            boxes = clip(decode(more, boxes, AGAIN_WEIGHTS, edge), height - edge, width - edge)
        good = torch.nonzero(score > s.score_threshold)[:, 0]
        score, boxes = score[good], boxes[good]
        keep = nms(outer(boxes, edge), score, s.nms_threshold)[: s.max_people]
        return Detection(boxes[keep], score[keep], logits, deltas, proposals, classes, refinement)

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
        pooled = pooled.contiguous(memory_format=torch.channels_last)
        x, context = self.dense_head(pooled)
        outputs = self.predictor(x)
        if self.tasks is not None:
            outputs = self.tasks(pooled, outputs)
            if not self.training:
                outputs = {name: outputs[name] for name in self.output_names}
        return outputs, context

    @property
    def output_names(self) -> list[str]:
        """Names of the maps of `dense`; in training those of a first stage (`FIRST`) come on top."""
        return [*self.predictor.split, *(self.tasks.names if self.tasks is not None else ())]


def small(
    *,
    stem: int = 32,
    widths: tuple[int, int, int, int] = (32, 64, 128, 256),
    channels: int = 64,
    depths: tuple[int, int, int, int] = (1, 2, 4, 3),
    head: tuple[int, int] = (128, 256),
    head_depths: tuple[int, int] = (1, 2),
    hidden: int = 256,
    norm: Norm = nn.BatchNorm2d,
    coarse: int = 2,
    confidences: dict[str, int] | None = None,
    tasks: tuple[str, ...] = (),
    cascade: bool = False,
) -> DensePoseRCNN:
    """The net for CPUs: a ResNet-18 shape at half width, proposals from stride 8 on, hourglass dense head.

    `tasks` are further heads (`model.tasks.TASKS`), `cascade` a second stage for them and the dense head.
    """

    def dense() -> tuple[HourglassHead, DensePredictor]:
        made = HourglassHead(channels, widths=head, depths=head_depths, norm=norm)
        return made, DensePredictor(channels, coarse=coarse, kernel=2, confidences=confidences)

    backbone = ResNet(block="basic", stem=stem, light_stem=True, widths=widths, depths=depths, norm=norm)
    rpn = RPN(
        channels,
        strides=(8, 16, 32, 64),
        sizes=(32, 64, 128, 256),
        ratios=(0.6, 1.2, 2.4),  # people are taller than wide
        offset=0.5,
        before_nms=150,
        after_nms=64,
    )
    dense_head, predictor = dense()
    settings = Settings(std=(58.395, 57.12, 57.375), bgr=False, box_strides=(8,), aligned=True, max_people=20)
    return DensePoseRCNN(
        backbone=backbone,
        fpn=FPN(backbone.channels, channels, finest_kernel=1, norm=norm),
        rpn=rpn,
        box_head=BoxHead(channels, hidden=(hidden,), norm=True),
        box_head_again=BoxHead(channels, hidden=(hidden,), norm=True),
        decoder=Decoder(channels, width=channels, outputs=channels, kernel=1, norm=norm),
        dense_head=dense_head,
        predictor=predictor,
        settings=settings,
        tasks=_tasks(tasks, dense if cascade else None, channels, width=channels, norm=norm),
    )


def _tasks(
    names: tuple[str, ...],
    dense: Callable[[], tuple[nn.Module, nn.Module]] | None,
    channels: int,
    *,
    width: int,
    norm: Norm,
) -> Tasks | None:
    """The further heads, if any; `dense` makes the dense head and predictor of a second stage."""
    if not names and dense is None:
        return None
    head, predictor = dense() if dense is not None else (None, None)
    return Tasks(channels, names, width=width, norm=norm, dense_head=head, predictor=predictor)


def resnet50(
    *,
    depths: tuple[int, int, int, int] = (3, 4, 6, 3),
    norm: Norm | None = None,
    deeplab: bool = False,
    decoder: bool = True,
    coarse: int = 2,
    confidences: dict[str, int] | None = None,
    pixel_edge: float = 0.0,
    tasks: tuple[str, ...] = (),
    cascade: bool = False,
) -> DensePoseRCNN:
    """The publication's DensePose-RCNN R-50-FPN (`depths` (3, 4, 23, 3): R-101), dense head 8 x 512.

    Without `decoder` (the net of 2018) the dense head pools 14 x 14 cells from the level of the box's size.
    `confidences` are further outputs of the predictor and their channels; `pixel_edge`: see `Settings`.
    """
    from torchvision.ops import FrozenBatchNorm2d

    def dense() -> tuple[DeepLabHead | ConvHead, DensePredictor]:
        made = DeepLabHead(256) if deeplab else ConvHead(256)
        return made, DensePredictor(made.channels, coarse=coarse, upscale=2, confidences=confidences)

    backbone = ResNet(block="bottleneck", depths=depths, norm=norm or FrozenBatchNorm2d)
    dense_head, predictor = dense()
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
        predictor=predictor,
        settings=settings,
        tasks=_tasks(tasks, dense if cascade else None, 256, width=256, norm=lambda n: nn.GroupNorm(32, n)),
    )


MODELS: dict[str, Callable[..., DensePoseRCNN]] = {"small": small, "r50": resnet50}
