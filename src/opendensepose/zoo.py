"""Models that run here: the packaged one, and the official ones that a user may convert."""

from __future__ import annotations

from dataclasses import dataclass

HOST = "https://dl.fbaipublicfiles.com/densepose/"
LICENCES = {  # of the weights; all official data (DensePose-COCO) are for non-commercial use
    "odp": "Apache-2.0",
    "detectron2": "CC BY-SA 3.0; data non-commercial",
    "caffe2": "non-commercial",
}


@dataclass(frozen=True)
class Listed:
    """One model of the list."""

    name: str
    kind: str  # "odp" (in the package) | "detectron2" | "caffe2"
    architecture: str
    parameters: float  # millions
    gflops: float  # of an 800 x 1100 image, without people's dense maps
    gflops_person: float
    gps_ap: float | None  # published, DensePose-COCO minival
    address: str  # of the file to convert; "" in the package

    @property
    def licence(self) -> str:
        return LICENCES[self.kind]


# Published AP (GPS) and files: the model lists of Detectron2's DensePose and of the Caffe2 release.
# name, million parameters, GFLOP per person, AP, number and hash of the file
_DETECTRON2 = (
    ("R_50_FPN_s1x_legacy", 59.8, 7.23, 52.1, "164832157/model_final_d366fa"),
    ("R_101_FPN_s1x_legacy", 78.8, 7.23, 53.2, "164832182/model_final_10af0e"),
    ("R_50_FPN_s1x", 63.9, 28.73, 63.7, "165712039/model_final_162be9"),
    ("R_101_FPN_s1x", 82.9, 28.73, 64.5, "165712084/model_final_c6ab63"),
    ("R_50_FPN_DL_s1x", 66.1, 31.30, 65.6, "165712097/model_final_0ed407"),
    ("R_101_FPN_DL_s1x", 85.1, 31.30, 66.3, "165712116/model_final_844d15"),
    ("R_50_FPN_WC1_s1x", 64.1, 29.06, 64.2, "173862049/model_final_289019"),
    ("R_50_FPN_WC2_s1x", 64.5, 29.70, 64.2, "173861455/model_final_3abe14"),
    ("R_50_FPN_DL_WC1_s1x", 66.3, 31.62, 65.8, "173067973/model_final_b1e525"),
    ("R_50_FPN_DL_WC2_s1x", 66.7, 32.27, 65.6, "173859335/model_final_60fed4"),
    ("R_101_FPN_WC1_s1x", 83.1, 29.06, 64.9, "171402969/model_final_9e47f0"),
    ("R_101_FPN_WC2_s1x", 83.5, 29.70, 64.8, "173860702/model_final_5ea023"),
    ("R_101_FPN_DL_WC1_s1x", 85.3, 31.62, 66.2, "173858525/model_final_f359f3"),
    ("R_101_FPN_DL_WC2_s1x", 85.7, 32.27, 65.9, "173294801/model_final_6e1ed1"),
    ("R_50_FPN_WC1M_s1x", 64.1, 29.08, 64.0, "217144516/model_final_48a9d9"),
    ("R_50_FPN_WC2M_s1x", 64.5, 29.72, 64.2, "216245640/model_final_d79ada"),
    ("R_50_FPN_DL_WC1M_s1x", 66.3, 31.65, 65.2, "216245703/model_final_61971e"),
    ("R_50_FPN_DL_WC2M_s1x", 66.7, 32.29, 65.0, "216245758/model_final_7bfb43"),
    ("R_101_FPN_WC1M_s1x", 83.1, 29.08, 64.8, "216453687/model_final_0a7287"),
    ("R_101_FPN_WC2M_s1x", 83.5, 29.72, 64.5, "216245682/model_final_e354d9"),
    ("R_101_FPN_DL_WC1M_s1x", 85.3, 31.65, 66.4, "216245771/model_final_0ebeb3"),
    ("R_101_FPN_DL_WC2M_s1x", 85.7, 32.29, 66.1, "216245790/model_final_de6e7a"),
)
_CAFFE2 = (  # name, legacy architecture, AP by their evaluation
    ("DensePose_ResNet50_FPN_s1x-e2e", "R_50_FPN_s1x_legacy", 48.9),
    ("DensePose_ResNet101_FPN_s1x-e2e", "R_101_FPN_s1x_legacy", 51.5),
)
# GFLOP of an image: (layers, legacy) -> backbone, pyramid, proposals, box head, decoder
_IMAGE = {(50, True): 355.6, (101, True): 488.2, (50, False): 487.8, (101, False): 620.4}
SMALL = Listed("small", "odp", "R_18_half_FPN_crops", 14.5, 2.58, 1.92, None, "")


def listing() -> list[Listed]:
    """All models, ours first. GFLOP of `small` at its own input size, 352 x 256."""
    rows = [SMALL]
    for name, parameters, person, ap, file in _DETECTRON2:
        image = _IMAGE[101 if "R_101" in name else 50, "legacy" in name]
        address = f"{HOST}densepose_rcnn_{name}/{file}.pkl"
        rows.append(Listed(name, "detectron2", name, parameters, image, person, ap, address))
    published = {row.name: row for row in rows}
    for name, architecture, ap in _CAFFE2:
        same = published[architecture]
        costs = (same.parameters, same.gflops, same.gflops_person)
        rows.append(Listed(name, "caffe2", architecture, *costs, ap, f"{HOST}{name}.pkl"))
    return rows
