"""What a net learns from: the losses of a batch, each a sum and a count (`losses.Term`)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torchvision.ops import box_iou

from opendensepose.model import losses as L
from opendensepose.model.boxes import clip, decode, encode
from opendensepose.model.rcnn import AGAIN_WEIGHTS, BOX_WEIGHTS, DensePoseRCNN
from opendensepose.model.targets import (
    DENSE,
    FILLED,
    UNLABELLED,
    Truth,
    anchor_targets,
    jitter,
    match,
    points_in,
    sample_grid,
    sample_labels,
)
from opendensepose.model.tasks import FIRST

STRICTER = 0.6  # IoU from which a box is of a person for the second box head
AGAIN = "again_"  # before the names of its losses
Losses = dict[str, L.Term]
Shown = dict[str, Tensor]  # of the people: their images [R], and charts [R, S, S] where there are any


@dataclass(frozen=True)
class Rules:
    """How training picks its boxes and counts its losses."""

    anchors: int = 128  # per image
    proposals: int = 16  # per image, for the box head
    positive_share: float = 0.5
    box_beta: float = 0.1  # of the smooth L1 of the box heads
    people: int = 5  # dense boxes per image at most
    overlap: float = 0.6  # IoU with a person from which a box teaches the dense head
    jitter: float = 0.04  # of true boxes; 0: as they are
    given_boxes: bool = False  # boxes will be given: the detector is left alone
    detector_only: bool = False  # the dense head is left alone
    filled_share: float = 0.5  # weight of a teacher's fill
    uv_beta: float = L.UV_BETA  # of the smooth L1 at points
    sum_points: bool = False  # U, V losses of points as sums per two images (the published runs)


@dataclass(frozen=True)
class People:
    """Boxes for the dense head and whose they are; R in all, of whom something is known."""

    boxes: list[Tensor]  # per image [R_b, 4]
    image: Tensor  # [R]
    instance: Tensor  # [R]
    kind: Tensor  # [R]
    keypoints: Tensor  # [R, 17, 3]

    def __len__(self) -> int:
        return len(self.image)


class RCNNTraining(nn.Module):
    """A DensePose-RCNN with its losses."""

    def __init__(self, model: DensePoseRCNN, rules: Rules) -> None:
        super().__init__()
        self.model, self.rules = model, rules

    def forward(
        self, images: Tensor, truth: Truth, generators: list[torch.Generator]
    ) -> tuple[Losses, Shown]:
        """RGB images [B, 3, H, W] 0..255, their truth and one generator for each -> losses, people."""
        model = self.model
        pyramid = model.pyramid(model.normalise(images))
        height, width = images.shape[2:]
        found: Losses = {}
        proposals = truth.boxes
        if not self.rules.given_boxes:
            found, proposals = self._rpn_losses(pyramid, truth.boxes, height, width, generators)
            found |= self._box_losses(pyramid, proposals, truth.boxes, generators, (height, width))
        if self.rules.detector_only:
            return found, {"image": images.new_zeros(0)}
        people = self._people(proposals, truth, generators, height, width)
        boxes = people.boxes
        if not len(people):  # norms need something to average over
            boxes = [
                images.new_tensor([[0.0, 0.0, width, height]] if i == 0 else []).reshape(-1, 4)
                for i in range(len(images))
            ]
        outputs, context = model.dense(model.dense_features(pyramid), boxes)
        outputs = {name: maps[: len(people)] for name, maps in outputs.items()}
        supervised, shown = dense_supervision(outputs, people, truth, self.rules)
        found |= supervised
        if model.presence is not None:
            logits = model.presence(context).float()[: len(people)]
            found["presence"] = L.presence_loss(logits, shown["chart"])
        return found, shown

    def guided(self, images: Tensor, truth: Truth) -> tuple[dict[str, Tensor], People]:
        """The dense maps in the true boxes."""
        people = everybody(truth)
        model = self.model
        features = model.dense_features(model.pyramid(model.normalise(images)))
        return model.dense(features, people.boxes)[0], people

    def _rpn_losses(
        self,
        pyramid: list[Tensor],
        truth: list[Tensor],
        height: int,
        width: int,
        generators: list[torch.Generator],
    ) -> tuple[Losses, list[Tensor]]:
        """RPN losses and each image's proposals with the true boxes in front."""
        rpn = self.model.rpn
        maps = self.model.rpn_maps(pyramid)
        logits, deltas = rpn(maps)
        levels = rpn.anchors(maps)
        anchors = torch.cat(levels)
        flat_logits, flat_deltas = torch.cat(logits, 1).float(), torch.cat(deltas, 1).float()
        picked: list[list[Tensor]] = [[], [], [], []]
        proposals = []
        for i, (boxes, generator) in enumerate(zip(truth, generators, strict=True)):
            index, wanted, target = anchor_targets(
                anchors, boxes, count=self.rules.anchors, generator=generator
            )
            row = (flat_logits[i, index], flat_deltas[i, index[: len(target)]], wanted, target)
            for store, value in zip(picked, row, strict=True):
                store.append(value)
            with torch.no_grad():
                mine = rpn.select(
                    [x[i].float() for x in logits], [x[i].float() for x in deltas], levels, height, width
                )
            proposals.append(torch.cat([boxes, mine]))
        return L.proposal_losses(*(torch.cat(p) for p in picked)), proposals

    def _box_losses(
        self,
        pyramid: list[Tensor],
        proposals: list[Tensor],
        truth: list[Tensor],
        generators: list[torch.Generator],
        size: tuple[int, int],  # height, width of the images
    ) -> Losses:
        rules, model = self.rules, self.model
        chosen, matches = [], []
        for mine, boxes, generator in zip(proposals, truth, generators, strict=True):
            label, nearest = match(mine, boxes, low=0.5, high=0.5, keep_best=False)
            picked = torch.cat(sample_labels(label, rules.proposals, rules.positive_share, generator))
            chosen.append(mine[picked])
            matches.append((label[picked], nearest[picked]))
        scores, deltas = model.box_head(model.pool_boxes(pyramid, chosen))
        found = self._stage_losses(scores, deltas, chosen, truth, matches, BOX_WEIGHTS)
        if model.box_head_again is None:
            return found
        moved = clip(decode(deltas.detach().float(), torch.cat(chosen), BOX_WEIGHTS), *size)
        second = list(moved.split([len(boxes) for boxes in chosen]))
        matches = [
            match(mine, boxes, low=STRICTER, high=STRICTER, keep_best=False)
            for mine, boxes in zip(second, truth, strict=True)
        ]
        scores, deltas = model.box_head_again(model.pool_boxes(pyramid, second))
        again = self._stage_losses(scores, deltas, second, truth, matches, AGAIN_WEIGHTS)
        return found | {AGAIN + name: term for name, term in again.items()}

    def _stage_losses(
        self,
        scores: Tensor,  # [M, 2]
        deltas: Tensor,  # [M, 4]
        boxes: list[Tensor],  # per image, M in all, that the box head read
        truth: list[Tensor],
        matches: list[tuple[Tensor, Tensor]],  # per image, of the boxes: `match`, nothing ignored
        weights: tuple[float, float, float, float],
    ) -> Losses:
        """Losses of one box head."""
        targets = []
        for mine, true, (label, nearest) in zip(boxes, truth, matches, strict=True):
            hit = label == 1
            if len(true):
                targets.append(encode(true[nearest[hit]], mine[hit], weights))
        wanted = torch.cat(targets) if targets else deltas.new_zeros(0, 4)
        people = torch.cat([label for label, _ in matches]) == 1  # -1 of boxes that are no numbers
        background = (~people).long()
        return L.box_losses(scores.float(), deltas.float(), background, wanted, beta=self.rules.box_beta)

    def _people(
        self,
        proposals: list[Tensor],
        truth: Truth,
        generators: list[torch.Generator],
        height: int,
        width: int,
    ) -> People:
        """A box per person for the dense head: the true one, shaken, or a proposal that overlaps it."""
        rules, known = self.rules, everybody(truth)
        boxes, rows, before = [], [], 0
        for mine, all_boxes, true, generator in zip(
            proposals, truth.boxes, known.boxes, generators, strict=True
        ):
            order = torch.randperm(len(true), generator=generator)[: rules.people].to(true.device)
            chosen = jitter(true, rules.jitter, generator)
            mine = mine[len(all_boxes) :]
            label, nearest = match(mine, true, low=rules.overlap, high=rules.overlap, keep_best=False)
            for k in order.tolist():
                good = torch.nonzero((label == 1) & (nearest == k))[:, 0]
                if len(good) and torch.rand((), generator=generator) < 0.5:
                    chosen[k] = mine[good[torch.randint(len(good), (), generator=generator)]]
            chosen = clip(chosen, height, width)
            if len(true):
                near = box_iou(chosen, true).diagonal() >= rules.overlap
                chosen = torch.where(near[:, None], chosen, true)
            boxes.append(chosen[order])
            rows.append(before + order)
            before += len(true)
        return _pick(known, boxes, torch.cat(rows))


def everybody(truth: Truth) -> People:
    """All people of whose surface something is known, in their true boxes."""
    kinds = truth.kind or [torch.full_like(n, DENSE) for n in truth.instance]
    shown = [kind != UNLABELLED for kind in kinds]
    image = torch.cat(
        [torch.full_like(n[keep], i) for i, (n, keep) in enumerate(zip(truth.instance, shown, strict=True))]
    )
    instance = torch.cat([n[keep] for n, keep in zip(truth.instance, shown, strict=True)])
    keypoints = truth.chart.new_zeros((len(image), 17, 3), dtype=torch.float32)
    if truth.keypoints is not None:
        keypoints = torch.cat([k[keep] for k, keep in zip(truth.keypoints, shown, strict=True)])
    boxes = [b[keep] for b, keep in zip(truth.boxes, shown, strict=True)]
    return People(
        boxes, image, instance, torch.cat([k[keep] for k, keep in zip(kinds, shown, strict=True)]), keypoints
    )


def _pick(people: People, boxes: list[Tensor], rows: Tensor) -> People:
    return People(boxes, people.image[rows], people.instance[rows], people.kind[rows], people.keypoints[rows])


def dense_supervision(
    outputs: dict[str, Tensor], people: People, truth: Truth, rules: Rules
) -> tuple[Losses, Shown]:
    """Losses of the maps [R, *, S, S] in the people's boxes, by all that is known of each; the people."""
    boxes = torch.cat(people.boxes)
    rows, columns = outputs["fine"].shape[-2:]
    grid = sample_grid(boxes, people.image, people.instance, truth, (rows, columns), people.kind)
    points = points_in(boxes, people.image, people.instance, truth.points)
    share = torch.where(people.kind == FILLED, rules.filled_share, 1.0)
    images = len(truth.boxes) if rules.sum_points else None
    found: Losses = {}
    for stage in ("", FIRST) if FIRST + "fine" in outputs else ("",):
        maps = {k.removeprefix(FIRST): v for k, v in outputs.items() if k.startswith(FIRST) == bool(stage)}
        own = {
            "coarse": L.segmentation_loss(maps["coarse"], grid.coarse),
            **L.dense_losses(maps, grid, share),
        }
        own |= L.point_losses(maps, points, beta=rules.uv_beta, images=images)
        if "mask" in maps:
            step = columns // maps["mask"].shape[-1]  # a head of fewer cells: every second one
            own["mask"] = L.mask_loss(maps["mask"], grid.coarse[:, step // 2 :: step, step // 2 :: step])
        if "keypoints" in maps:
            own["keypoints"] = L.keypoint_loss(maps["keypoints"], boxes, people.keypoints)
        found |= {stage + name: term for name, term in own.items()}
    return found, {"chart": grid.chart, "image": people.image}
