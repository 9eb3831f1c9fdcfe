"""Graphs that load and run, and those that do not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

import tiny_model
from opendensepose.runtime.session import Session, _spinning


def test_runs_and_ignores_what_it_does_not_need() -> None:
    session = Session(tiny_model.detector(), "detector.onnx", device="cpu")
    image = np.full((4, 10, 3), 7, np.uint8)
    found = session.run({"image": image, "other": image})
    assert session.device == "cpu"
    assert set(found) == {"features_0", "boxes", "scores"}
    assert np.array_equal(found["features_0"][0], image.transpose(2, 0, 1))
    np.testing.assert_allclose(found["boxes"], tiny_model.BOXES * [10, 4, 10, 4])


def test_not_a_graph() -> None:
    for graph in (b"", b"nonsense", tiny_model.detector()[:200]):
        with pytest.raises(ValueError, match=r"^x: expected a graph that onnxruntime can load, got .+$"):
            Session(graph, "x", device="cpu")


def test_a_failing_run_is_one_line() -> None:
    session = Session(tiny_model.detector(), "detector.onnx", device="cpu")
    with pytest.raises(RuntimeError, match=r"^detector.onnx: expected the graph to run, got .+$"):
        session.run({"image": np.zeros((4, 4), np.uint8)})


@pytest.mark.parametrize("device", ["gpu", "cuda:x", "cuda:", "cpu:0", "", "cuda:-1"])
def test_unknown_device(device: str) -> None:
    with pytest.raises(ValueError, match="expected auto, cpu or cuda:0, got"):
        Session(tiny_model.detector(), "d", device=device)


@pytest.mark.skipif(
    "CUDAExecutionProvider" in onnxruntime.get_available_providers(), reason="this onnxruntime has CUDA"
)
def test_cuda_that_is_not_there() -> None:
    with pytest.raises(ValueError, match=r"'cuda:0': expected onnxruntime with CUDA .*, got one for the CPU"):
        Session(tiny_model.detector(), "d", device="cuda:0")
    assert Session(tiny_model.detector(), "d", device="auto").device == "cpu"


def test_threads_wait_actively_only_where_onnxruntime_bounds_it() -> None:
    # The installed library itself says whether it knows the bound: an unknown key is ignored without a word.
    library = Path(onnxruntime.capi.onnxruntime_pybind11_state.__file__).read_bytes()
    known = b"session.intra_op.spin_duration_us" in library
    assert ("spin_duration_us" in _spinning(onnxruntime.__version__)) == known
    assert _spinning("1.25.1") == {"allow_spinning": "0"}
    assert _spinning("1.26.0")["allow_spinning"] == _spinning("2.0")["allow_spinning"] == "1"


def test_the_session_is_told_how_to_wait() -> None:
    options = Session(tiny_model.detector(), "detector", device="cpu")._session.get_session_options()
    for key, value in _spinning(onnxruntime.__version__).items():
        assert options.get_session_config_entry(f"session.intra_op.{key}") == value
