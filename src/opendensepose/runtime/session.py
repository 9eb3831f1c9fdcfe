"""One ONNX graph, ready to run: the only module that runs onnxruntime."""

from __future__ import annotations

import os
import re

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

PROVIDERS = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}

# Microseconds that an idle thread waits actively: mostly the next layer comes within them, before a thread
# had woken. Without a bound waiting burns as much time as the work, and starves whatever else runs.
SPIN = 20


class Session:
    """An ONNX graph on one device; `device` is where it really runs ("cpu" or "cuda:0")."""

    def __init__(self, graph: bytes, name: str, *, device: str = "auto", threads: int | None = None) -> None:
        """Load `graph`; `name` is for messages, `threads` (default: all cores) is for the CPU.

        Raises ValueError if the graph cannot be loaded or a device that was asked for is not there.
        """
        kind, number = _parse_device(device)
        options = ort.SessionOptions()
        options.log_severity_level = 4  # errors come as exceptions; onnxruntime's own lines would double them
        options.intra_op_num_threads = threads or count_cores()
        for key, value in _spinning(ort.__version__).items():
            options.add_session_config_entry(f"session.intra_op.{key}", value)
        cpu, cuda = PROVIDERS["cpu"], (PROVIDERS["cuda"], {"device_id": number})
        providers = [cpu] if kind == "cpu" else [cuda, cpu]
        try:
            self._session = ort.InferenceSession(graph, options, providers=providers)
        except Exception as error:  # onnxruntime raises classes of its own
            raise ValueError(
                f"{name}: expected a graph that onnxruntime can load, got {one_line(error)}"
            ) from error
        on_cuda = self._session.get_providers()[0] == PROVIDERS["cuda"]
        if kind == "cuda" and device != "auto" and not on_cuda:
            raise ValueError(
                f"device {device!r}: expected a CUDA device, got one that onnxruntime cannot start"
            )
        self.name = name
        self.device = f"cuda:{number}" if on_cuda else "cpu"
        self.inputs = tuple(i.name for i in self._session.get_inputs())
        self.outputs = tuple(o.name for o in self._session.get_outputs())

    def run(self, feeds: dict[str, NDArray]) -> dict[str, NDArray[np.float32]]:
        """All outputs by name; `feeds` may hold more than the inputs. RuntimeError if the graph fails."""
        try:
            values = self._session.run(self.outputs, {name: feeds[name] for name in self.inputs})
        except Exception as error:  # onnxruntime raises classes of its own
            raise RuntimeError(f"{self.name}: expected the graph to run, got {one_line(error)}") from error
        return dict(zip(self.outputs, values, strict=True))


def _parse_device(device: str) -> tuple[str, int]:
    """("cpu" | "cuda", number); ValueError for unknown names and for CUDA where onnxruntime has none."""
    kind, colon, number = device.partition(":")
    if device not in ("auto", "cpu") and not (kind == "cuda" and (number.isdecimal() or not colon)):
        raise ValueError(f"device: expected auto, cpu or cuda:0, got {device!r}")
    available = PROVIDERS["cuda"] in ort.get_available_providers()
    if kind == "cuda" and not available:
        expected = "onnxruntime with CUDA (pip install onnxruntime-gpu)"
        raise ValueError(f"device {device!r}: expected {expected}, got one for the CPU only")
    if kind == "auto":
        kind = "cuda" if available else "cpu"
    return kind, int(number or 0)


def _spinning(version: str) -> dict[str, str]:
    """How idle threads of onnxruntime `version` wait: actively only where that can be bounded."""
    bounded = tuple(int(n) for n in re.findall(r"\d+", version)[:2]) >= (1, 26)
    return {"allow_spinning": "1", "spin_duration_us": str(SPIN)} if bounded else {"allow_spinning": "0"}


def count_cores() -> int:
    """The cores this process may use: onnxruntime's own count ignores taskset and containers."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
