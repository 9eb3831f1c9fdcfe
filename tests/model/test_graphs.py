"""The exported halves against the net as one: the decoder's part of the image, and the fast dense head."""

import pytest
import torch

from opendensepose.model.graphs import Decoding, Dense, decodes_late, dense_inputs, feature_names
from opendensepose.model.rcnn import resnet50, small


@pytest.fixture(scope="module")
def net() -> torch.nn.Module:
    torch.manual_seed(0)
    return resnet50().eval()


@pytest.mark.parametrize(
    ("boxes", "part"),
    [
        ([[200.0, 190, 230, 250]], (10, 11)),  # one person: 4 cells of 32 pixels around it, to each side
        ([[5.0, 3, 60, 50], [40, 20, 90, 100]], (7, 8)),  # in the corner the image ends first
        ([[5.0, 3, 60, 50], [400, 300, 500, 380]], (16, 12)),  # far apart: all of it
        ([[520.0, 20, 600, 90]], (4, 7)),  # beyond the edge, as no detector gives it
    ],
)
def test_decoding_a_part_changes_nothing(net, boxes, part) -> None:
    """Pooled from the decoder's map of the part, people look as from that of the whole image."""
    generator = torch.Generator().manual_seed(1)
    pyramid = [torch.randn(1, 256, 96 // s, 128 // s, generator=generator) for s in (1, 2, 4, 8)]
    boxes = torch.tensor(boxes)
    with torch.inference_mode():
        decoded, corner = Decoding(net)(*pyramid, boxes)
        got = net.pool_dense([decoded], [boxes - corner])
        expected = net.pool_dense(net.dense_features(pyramid), [boxes])
    assert decoded.shape[2:] == (8 * part[1], 8 * part[0])
    assert torch.allclose(got, expected, atol=1e-5 * float(expected.abs().max() + 1))


def test_dense_graph_is_the_net(net) -> None:
    torch.manual_seed(1)
    features, boxes = torch.randn(1, 256, 24, 32), torch.tensor([[4.0, 8, 60, 90], [30, 10, 100, 80]])
    with torch.inference_mode():
        got = Dense(net)(features, boxes)
        expected, _ = net.dense([features], [boxes])
    for name, value in zip(net.output_names, got, strict=True):
        assert (value - expected[name]).norm() < 1e-4 * expected[name].norm(), name


def test_names(net) -> None:
    assert decodes_late(net) and dense_inputs(net) == ["decoded"] and len(feature_names(net)) == 4
    assert not decodes_late(small()) and dense_inputs(small()) == ["features_0"]
    legacy = resnet50(decoder=False, coarse=15)
    assert (
        not decodes_late(legacy)
        and dense_inputs(legacy) == feature_names(legacy)
        and len(feature_names(legacy)) == 4
    )
