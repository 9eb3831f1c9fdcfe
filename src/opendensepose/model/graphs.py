"""The parts of a net as they are exported: the detector, a full-size decoder, the dense head."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from opendensepose.model.crops import CropNet
from opendensepose.model.deeplab import DeepLabHead
from opendensepose.model.heads import ConvHead, HourglassHead
from opendensepose.model.losses import RARE
from opendensepose.model.rcnn import DensePoseRCNN
from opendensepose.model.winograd import WinogradHead

CROPS = "crops"  # name of the net on crops, also in front of its weights in a model file
STRIDE = 32  # of the coarsest backbone map: sides are padded to multiples of it
# Cells of p5 around people that the full-size decoder must see to be exact: kernels and bilinear steps at
# strides 32, 16, 8 and 4 reach 64 + 32 + 16 + 4 pixels, pooling 8 more
MARGIN = 4
# of the certainty: a logistic regression of whether a box fits a person, on pictures not of the test set
CLEAR, USUAL = 1.08, 3.3
TINY = 1e-30  # probabilities below it are as good as none
UNDONE = 0.4  # share of the weights of charts in the loss that use takes back: more pixels right, hands kept


class People(nn.Module):
    """image uint8 [H, W, 3] -> boxes [N, 4], scores [N]: all that a net on crops needs."""

    def __init__(self, model: DensePoseRCNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        return self.model.detect(read(self.model, image), image.shape[0], image.shape[1])


def read(model: DensePoseRCNN, image: Tensor) -> list[Tensor]:
    """The pyramid of one image, uint8 [H, W, 3]."""
    x = model.normalise(image.permute(2, 0, 1)[None].to(torch.float32))
    return model.pyramid(F.pad(x, (0, (-image.shape[1]) % STRIDE, 0, (-image.shape[0]) % STRIDE)))


class Crops(nn.Module):
    """crops uint8 [N, h, w, 3] -> the maps of the whole crops, and how sure they are of a person [N].

    Its logit is that of somebody being there, raised or lowered by the logit of the mean probability of the
    best chart over the pixels of the body; 0 where there are none.
    """

    def __init__(self, crops: CropNet) -> None:
        super().__init__()
        self.model = nn.ModuleDict({CROPS: crops})  # its weights are told from the detector's by this name

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        net = cast(CropNet, self.model[CROPS])
        outputs, context = net(crops.permute(0, 3, 1, 2).to(torch.float32))
        body = (outputs["coarse"].argmax(1) > 0).to(torch.float32)
        chances = softmax(outputs["fine"])
        weighed = evened(chances) * sizes(chances, body)[:, :, None, None]
        outputs["fine"] = torch.log(weighed.clamp(min=TINY))
        best = weighed[:, 1:].amax(1) / weighed.sum(1)
        sure = (best * body).sum((1, 2)) / body.sum((1, 2)).clamp(min=1)
        clear = CLEAR * (sure.logit(1e-6) - USUAL)
        return (*outputs.values(), (net.person(context)[:, 0] + clear).sigmoid())


def softmax(logits: Tensor) -> Tensor:
    """Probabilities over C of logits [N, C, S, T], in steps that ONNX Runtime does faster than Softmax."""
    powers = torch.exp(logits - logits.amax(1, keepdim=True))
    return powers / powers.sum(1, keepdim=True)


def evened(chances: Tensor) -> Tensor:
    """Mean probabilities [N, C, S, T] of each cell and its neighbours.

    Where two charts are about equally probable single cells fall to either by chance, in a chequered pattern.
    """
    return F.avg_pool2d(chances, 3, 1, 1, count_include_pad=False)


def sizes(chances: Tensor, body: Tensor) -> Tensor:
    """Factors [N, C] of the probabilities of charts [N, C, S, T], by what is seen on the body [N, S, T].

    In `losses.dense_losses` every chart of a crop counts about the same, so the probabilities are those of
    somebody whose charts are all of one size: the torso's border falls to the arms. What each cell was
    divided by there, with the cells that the probabilities give, takes `UNDONE` of it back (as a power).
    """
    cells = (chances * body[:, None]).sum((2, 3))
    return (cells + RARE * body.shape[1] * body.shape[2]) ** UNDONE


class Detector(nn.Module):
    """image uint8 [H, W, 3] -> maps (`feature_names`), boxes [N, 4], scores [N].

    The stages that follow (`stage_names`) keep their names in the graph, for comparisons, but are no outputs.
    """

    def __init__(self, model: DensePoseRCNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        pyramid = read(self.model, image)
        found = self.model.detect_stages(pyramid, image.shape[0], image.shape[1])
        if len(feature_names(self.model)) == 4:
            features, inner = pyramid[:4], pyramid[4:]
        else:
            features, inner = self.model.dense_features(pyramid), pyramid
        rpn = [*found.rpn_logits, *found.rpn_deltas]
        stages = (*inner, *rpn, found.proposals, found.box_logits, found.box_deltas)
        return (*features, found.boxes, found.scores, *stages)


class Decoding(nn.Module):
    """p2..p5 and boxes [N, 4], N >= 1 -> the decoder's map of a part of the image, and that part's corner.

    The part is as large as the dense head needs for these boxes; corner [4] is (x, y, x, y) in pixels.
    """

    def __init__(self, model: DensePoseRCNN) -> None:
        super().__init__()
        self.model = model

    def forward(self, *pyramid_and_boxes: Tensor) -> tuple[Tensor, Tensor]:
        *pyramid, boxes = pyramid_and_boxes
        height, width = pyramid[3].shape[2:]
        low = torch.floor(boxes[:, :2].amin(0) / STRIDE).to(torch.int64) - MARGIN
        high = torch.ceil(boxes[:, 2:].amax(0) / STRIDE).to(torch.int64) + MARGIN
        low, high = low.clamp(min=0), high.clamp(min=1)
        left, top = low[0].clamp(max=width - 1), low[1].clamp(max=height - 1)
        right, bottom = high[0].clamp(max=width), high[1].clamp(max=height)
        parts = []
        for level, features in enumerate(pyramid):
            scale = 2 ** (3 - level)
            parts.append(features[:, :, top * scale : bottom * scale, left * scale : right * scale])
        corner = torch.stack([left, top, left, top]) * STRIDE
        return self.model.dense_features(parts)[0], corner.to(boxes.dtype)


class Dense(nn.Module):
    """The decoder's map (or p2..p5) and boxes [N, 4] -> coarse, fine, u, v and further maps."""

    def __init__(self, model: DensePoseRCNN) -> None:
        super().__init__()
        self.model = model
        self.head = fast_head(model)

    def forward(self, *features_and_boxes: Tensor) -> tuple[Tensor, ...]:
        *features, boxes = features_and_boxes
        if self.head is None:
            outputs, _ = self.model.dense(features, [boxes])
        else:
            outputs = self.model.predictor(self.head(self.model.pool_dense(features, [boxes])))
        return tuple(outputs[name] for name in self.model.output_names)


def fast_head(model: DensePoseRCNN) -> nn.Module | None:
    """A full-size dense head with its convolutions in Winograd's form; None where it has none, or shares."""
    size = model.settings.dense_pool
    if model.tasks is None and isinstance(model.dense_head, ConvHead):
        return WinogradHead(model.dense_head, size)
    if model.tasks is None and isinstance(model.dense_head, DeepLabHead):
        return nn.Sequential(model.dense_head.aspp, WinogradHead(model.dense_head.convs, size))
    return None


def decodes_late(model: DensePoseRCNN) -> bool:
    """Whether the decoder has a graph of its own: a full-size one is worth running around people only."""
    return model.decoder is not None and not isinstance(model.dense_head, HourglassHead)


def feature_names(model: DensePoseRCNN) -> list[str]:
    """Names of the maps that the detector gives."""
    return [f"features_{i}" for i in range(4 if decodes_late(model) or model.decoder is None else 1)]


def dense_inputs(model: DensePoseRCNN) -> list[str]:
    """Names of the maps that the dense graph reads."""
    return ["decoded"] if decodes_late(model) else feature_names(model)


def pyramid_names(model: DensePoseRCNN) -> list[str]:
    """Names of p2..p6 in the detector."""
    shared = feature_names(model) if len(feature_names(model)) == 4 else []
    return shared + [f"p{level}" for level in range(2 + len(shared), 7)]


def stage_names(model: DensePoseRCNN) -> list[str]:
    """Names of the tensors that `Detector` gives after its outputs."""
    levels = [stride.bit_length() - 1 for stride in model.rpn.strides]
    rpn = [f"rpn_{kind}_{level}" for kind in ("logits", "deltas") for level in levels]
    inner = [name for name in pyramid_names(model) if name not in feature_names(model)]
    return [*inner, *rpn, "proposals", "box_logits", "box_deltas"]
