"""Official checkpoints: names, shapes, variants, what is refused, and the reference's numbers."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import official_files as files
from benchmarks.official import relative_rms
from opendensepose.model.official import from_content, published_shapes
from opendensepose.model.variants import Variant, recognise, variant_by_name
from opendensepose.runtime.preprocess import preprocess

VARIANTS = {
    "R_50_FPN_s1x": Variant(),
    "R_50_FPN_s1x_legacy": Variant(legacy=True),
    "R_50_FPN_DL_s1x": Variant(deeplab=True),
    "R_50_FPN_WC1_s1x": Variant(uv_confidence="WC1"),
    "R_50_FPN_WC2_s1x": Variant(uv_confidence="WC2"),
    "R_50_FPN_DL_WC1M_s1x": Variant(deeplab=True, uv_confidence="WC1", segmentation_confidence=True),
    "R_101_FPN_s1x": Variant(101),
    "R_101_FPN_DL_s1x": Variant(101, deeplab=True),
}


@pytest.mark.parametrize("name", VARIANTS)
def test_names_of_variants(name: str) -> None:
    assert variant_by_name(name) == variant_by_name(f"densepose_rcnn_{name}") == VARIANTS[name]
    assert VARIANTS[name].name == name


@files.needs_reference
@pytest.mark.parametrize("name", files.LAYOUTS)
def test_every_published_array_is_known(name: str) -> None:
    layout = files.layout(name)
    assert recognise(layout) == VARIANTS[name]
    assert published_shapes(VARIANTS[name]) == layout


@files.needs_reference
def test_by_products_are_counted_and_several_gpus_known() -> None:
    arrays = files.hollow("R_50_FPN_s1x_legacy")
    extra = {"lr": 0.1, "backbone.fpn_lateral2.weight_momentum": np.zeros(3), "weight_order": "x"}
    official = from_content({"model": arrays | extra, "iteration": 5, "optimizer": {"state": [1]}})
    assert official.arrays == len(arrays) and len(official.ignored) == 5
    gpus = {f"module.{key}": torch.from_numpy(np.array(value)) for key, value in arrays.items()}
    assert from_content(gpus).variant == Variant(legacy=True)


@files.needs_reference
def test_constants_of_older_files() -> None:
    arrays = files.hollow("R_50_FPN_s1x_legacy")
    cells = {"proposal_generator.anchor_generator.cell_anchors.0": _anchors(32)}
    mean = {
        "pixel_mean": np.array([103.53, 116.28, 123.675]).reshape(3, 1, 1),
        "pixel_std": np.ones((3, 1, 1)),
    }
    from_content({"model": arrays | cells | mean})
    for wrong in ({"pixel_mean": mean["pixel_mean"][::-1]}, {"pixel_std": np.ones(2)}):
        with pytest.raises(ValueError, match=r"pixel_\w+: expected \["):
            from_content({"model": arrays | mean | wrong})
    with pytest.raises(ValueError, match=r"cell_anchors\.0: expected"):
        from_content({"model": arrays | {key: value + 16 for key, value in cells.items()}})


def _anchors(size: float) -> np.ndarray:
    rows = []
    for ratio in (0.5, 1, 2):
        w = size / ratio**0.5
        rows.append([-w / 2, -w * ratio / 2, w / 2, w * ratio / 2])
    return np.array(rows)


@files.needs_reference
@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"roi_heads.extra.weight": np.zeros(3, np.float32)}, "got roi_heads.extra.weight"),
        ({"roi_heads.box_head.fc1.bias": None}, "expected roi_heads.box_head.fc1.bias, got none"),
        ({"roi_heads.box_head.fc1.bias": np.zeros(7, np.float32)}, r"expected shape \[1024\], got \[7\]"),
        ({"roi_heads.box_head.fc1.bias": np.zeros(1024, int)}, "expected an array of floats"),
        ({"roi_heads.box_head.fc1.bias": [0.0] * 1024}, "expected an array of floats, got list"),
        ({"roi_heads.box_head.fc1.bias": np.full(1024, np.nan, np.float32)}, "expected finite numbers"),
        ({"backbone.bottom_up.stage2.0.weight": np.zeros(3, np.float32)}, "HRNet model: not supported yet"),
        ({"roi_heads.embedder.a": np.zeros(3, np.float32)}, "CSE model.*not supported yet"),
        ({"backbone.bottom_up.res4.6.conv1.weight": np.zeros(3, np.float32)}, "6 or 23 blocks.*got 7"),
    ],
)
def test_what_does_not_fit_is_named(change: dict, says: str) -> None:
    arrays = files.hollow("R_50_FPN_s1x_legacy") | change
    with pytest.raises(ValueError, match=says):
        from_content({"model": {key: value for key, value in arrays.items() if value is not None}})


@pytest.mark.parametrize("content", [None, 3, [1], {}, {"model": {}}, {"model": 3}, {"blobs": {}}, {1: 2}])
def test_other_contents(content: object) -> None:
    with pytest.raises(ValueError, match="expected"):
        from_content(content)


@files.needs_reference
def test_config_overrules() -> None:
    with pytest.raises(ValueError, match=r"R_50_FPN_s1x: expected roi_heads\.decoder"):
        from_content({"model": files.hollow("R_50_FPN_s1x_legacy")}, "R_50_FPN_s1x")
    with pytest.raises(ValueError, match="expected a name such as R_50_FPN_s1x"):
        from_content({"model": files.hollow("R_50_FPN_s1x_legacy")}, "resnet")


@pytest.fixture(scope="module")
def pyramid() -> list[torch.Tensor]:
    """p2..p6 of street.jpg: the same in every R-50 model, as seeded weights depend on names alone."""
    if not files.FOLDER.is_dir():
        pytest.skip("the reference system's outputs are not here")
    from opendensepose.io.image import read_image

    model = from_content({"model": files.weights("R_50_FPN_s1x_legacy")}).model
    image = preprocess(read_image(files.STREET), 320, 1333, True)
    x = model.normalise(torch.tensor(image).permute(2, 0, 1)[None].float())
    with torch.inference_mode():
        return model.pyramid(torch.nn.functional.pad(x, (0, -x.shape[3] % 32, 0, -x.shape[2] % 32)))


@pytest.mark.parametrize("form", ["blobs", "model"])
def test_legacy_at_given_boxes(pyramid: list[torch.Tensor], form: str) -> None:
    """The dense maps of today's form of a legacy file, and of the same weights in the form of 2018."""
    reference = files.reference("R_50_FPN_s1x_legacy")
    arrays = files.weights("R_50_FPN_s1x_legacy")
    official = from_content({form: files.caffe2_blobs(arrays) if form == "blobs" else arrays})
    assert official.variant.pixel_edge == (form == "blobs")
    model, boxes = official.model, torch.tensor(reference["given_boxes"])
    with torch.inference_mode():
        maps, _ = model.dense(model.dense_features(pyramid), [boxes])
        logits, deltas = model.box_head(model.pool_boxes(pyramid, [boxes]))
    for ours, theirs in {"coarse": "coarse_segm", "fine": "fine_segm", "u": "u", "v": "v"}.items():
        values = maps[ours].numpy()[:, :, 1::4, 1::4]
        assert relative_rms(values, reference[f"dp_{theirs}_sub"]) < 1e-4, ours
    assert relative_rms(logits.numpy(), reference["box_logits"]) < 1e-4
    assert relative_rms(deltas.numpy(), reference["box_deltas"]) < 1e-4


def test_deeplab_and_confidences_at_given_boxes(pyramid: list[torch.Tensor]) -> None:
    reference = files.reference("R_50_FPN_DL_WC1M_s1x")
    model = from_content({"model": files.weights("R_50_FPN_DL_WC1M_s1x")}).model
    boxes = torch.tensor(reference["given_boxes"])
    with torch.inference_mode():
        features = model.dense_features(pyramid)
        maps, _ = model.dense(features, [boxes])
    assert relative_rms(features[0][0].numpy()[::16, ::8, ::8], reference["decoder_sub"]) < 1e-4
    names = {"coarse": "coarse_segm", "fine": "fine_segm"}
    assert {names.get(name, name) for name in maps} == set(reference["dp_chan_fields"].tolist())
    for ours, value in maps.items():
        theirs = reference[f"dp_{names.get(ours, ours)}_sub"]
        assert relative_rms(value.numpy()[:, :, 1::4, 1::4], theirs) < 1e-4, ours
