"""One ONNX graph by OpenVINO, in bfloat16 where the processor has it: the only module that knows OpenVINO."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from opendensepose.runtime.session import count_cores, one_line

FEATURES = "features_"
INSTALL = "expected OpenVINO, got none; pip install 'opendensepose[fast]'"


class FastSession:
    """An ONNX graph on the CPU, like `Session`; `half` allows bfloat16 (8 bits of precision) inside.

    Feature maps (`features_*`) go from one such session to the next with channels last.
    """

    device = "cpu"

    def __init__(self, graph: bytes, name: str, *, half: bool, threads: int | None = None) -> None:
        """Load `graph`; `name` is for messages.

        Raises ValueError if the graph cannot be loaded or OpenVINO is not installed.
        """
        try:
            import openvino
        except ModuleNotFoundError:
            raise ValueError(f"precision 'fast': {INSTALL}") from None
        core = openvino.Core()
        half = half and "BF16" in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        options: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "bf16" if half else "f32",
            "INFERENCE_NUM_THREADS": threads or count_cores(),
            "NUM_STREAMS": 1,
        }
        try:
            model = core.read_model(graph)
            # tensors have many names, nodes one each: for outputs with an ending
            self.inputs = tuple(node.get_friendly_name() for node in model.get_parameters())
            self.outputs = tuple(
                node.get_friendly_name().split("/sink_port")[0] for node in model.get_results()
            )
            compiled = core.compile_model(self._channels_last(model), "CPU", options)
        except RuntimeError as error:
            raise ValueError(
                f"{name}: expected a graph that OpenVINO can load, got {one_line(error)}"
            ) from error
        self.name = name
        self._request = compiled.create_infer_request()

    def run(self, feeds: dict[str, NDArray]) -> dict[str, NDArray[np.float32]]:
        """All outputs by name; `feeds` may hold more than the inputs. RuntimeError if the graph fails."""
        try:
            arrays = {i: feeds[name] for i, name in enumerate(self.inputs)}
            values = self._request.infer(arrays, share_inputs=True)
        except RuntimeError as error:
            raise RuntimeError(f"{self.name}: expected the graph to run, got {one_line(error)}") from error
        return {name: values[i] for i, name in enumerate(self.outputs)}

    def _channels_last(self, model: Any) -> Any:
        """The model with channels last in its feature maps, in and out.

        That is how its convolutions work; with channels first the pooling of boxes is ten times slower.
        """
        from openvino import Layout
        from openvino.preprocess import PrePostProcessor

        processor = PrePostProcessor(model)
        for names, access in ((self.inputs, processor.input), (self.outputs, processor.output)):
            for i, name in enumerate(names):
                if name.startswith(FEATURES):
                    access(i).model().set_layout(Layout("NCHW"))
                    access(i).tensor().set_layout(Layout("NHWC"))
        return processor.build()
