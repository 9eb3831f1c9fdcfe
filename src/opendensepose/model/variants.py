"""The published full-size nets: their names, what tells them apart, and the net of each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from opendensepose.model.rcnn import DensePoseRCNN, resnet50

Shapes = Mapping[str, tuple[int, ...]]
DEPTHS = {50: (3, 4, 6, 3), 101: (3, 4, 23, 3)}
# letters of a name -> further outputs of the predictor and their channels (Neverova et al. 2019)
UV_CONFIDENCES = {
    "": {},
    "WC1": {"sigma_2": 25},
    "WC2": {"sigma_2": 25, "kappa_u": 25, "kappa_v": 25},
}
SEGMENTATION_CONFIDENCES = {"fine_segm_confidence": 1, "coarse_segm_confidence": 1}
NAME = re.compile(r"(?:densepose_rcnn_)?R_(50|101)_FPN(_DL)?(?:_(WC[12])(M)?)?_s1x(_legacy)?")
EXAMPLES = "R_50_FPN_s1x, R_101_FPN_DL_WC1M_s1x or R_50_FPN_s1x_legacy"
DENSE = "roi_heads.densepose_head."
PREDICTOR = "roi_heads.densepose_predictor."
UNSUPPORTED = (  # part of a key -> what its file is
    ("bottom_up.stage2.", "an HRNet model"),
    ("roi_heads.embedder.", "a CSE model (continuous embeddings)"),
    (f"{PREDICTOR}embed_lowres", "a CSE model (continuous embeddings)"),
)


@dataclass(frozen=True)
class Variant:
    """One published architecture."""

    depth: int = 50  # 50 | 101 layers
    deeplab: bool = False
    uv_confidence: str = ""  # "" | WC1 | WC2
    segmentation_confidence: bool = False  # the M of WC1M, WC2M
    legacy: bool = False  # no decoder, 15 coarse channels
    pixel_edge: bool = False  # boxes as in the code of 2018

    @property
    def name(self) -> str:
        """The name in the published list of models."""
        letters = self.uv_confidence + "M" * self.segmentation_confidence
        parts = [f"R_{self.depth}_FPN", *["DL"] * self.deeplab, *([letters] if letters else []), "s1x"]
        return "_".join([*parts, *["legacy"] * self.legacy])

    @property
    def confidences(self) -> dict[str, int]:
        """Further outputs of the predictor and their channels."""
        return UV_CONFIDENCES[self.uv_confidence] | (
            SEGMENTATION_CONFIDENCES if self.segmentation_confidence else {}
        )

    def build(self) -> DensePoseRCNN:
        """The net, with weights not yet set."""
        return resnet50(
            depths=DEPTHS[self.depth],
            deeplab=self.deeplab,
            decoder=not self.legacy,
            coarse=15 if self.legacy else 2,
            confidences=self.confidences,
            pixel_edge=float(self.pixel_edge),
        )


def variant_by_name(name: str) -> Variant:
    """The variant of a published name; ValueError names some."""
    match = NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"config: expected a name such as {EXAMPLES}, got {name!r}")
    depth, deeplab, letters, segmentation, legacy = match.groups()
    return Variant(int(depth), bool(deeplab), letters or "", bool(segmentation), bool(legacy))


def recognise(shapes: Shapes) -> Variant:
    """The variant that a checkpoint's keys are of; ValueError if they are of none."""
    for part, what in UNSUPPORTED:
        found = next((key for key in shapes if part in key), None)
        if found:
            raise ValueError(f"expected a ResNet-FPN chart model, got {what}: not supported yet ({found})")
    blocks = {key.split(".")[3] for key in shapes if key.startswith("backbone.bottom_up.res4.")}
    depth = next((depth for depth, depths in DEPTHS.items() if len(blocks) == depths[2]), None)
    if depth is None:
        raise ValueError(
            f"expected a ResNet-50 or ResNet-101 (6 or 23 blocks in res4), got {len(blocks)} blocks"
        )
    present = {key.removeprefix(PREDICTOR).split("_lowres.")[0] for key in shapes if PREDICTOR in key}
    uv = "WC2" if "kappa_u" in present else "WC1" if "sigma_2" in present else ""
    return Variant(
        depth=depth,
        deeplab=f"{DENSE}ASPP.project.0.weight" in shapes,
        uv_confidence=uv,
        segmentation_confidence="fine_segm_confidence" in present,
        legacy=not any(key.startswith("roi_heads.decoder.") for key in shapes),
    )
