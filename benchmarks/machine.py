"""What a number was measured on, and how benchmarks print and save their numbers."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("opendensepose", "numpy", "onnxruntime", "opencv-python-headless", "torch", "numba")


def describe() -> dict[str, Any]:
    """Processor, cores, memory, system, load and the versions of the packages that matter."""
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_gb": _memory_gb(),
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "packages": {name: _version(name) for name in PACKAGES},
    }


def line(machine: dict[str, Any]) -> str:
    """One line of `describe()`'s answer."""
    packages = ", ".join(f"{name} {number}" for name, number in machine["packages"].items() if number)
    memory = f"{machine['memory_gb']} GB, " if machine["memory_gb"] else ""
    return (
        f"{machine['processor']}, {machine['cores']} cores, {memory}{machine['system']}, "
        f"Python {machine['python']}, {packages}; load {machine['load']}"
    )


def save(path: Path | None, numbers: dict[str, Any]) -> None:
    """Write the numbers as JSON when a path is given."""
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
        print(f"wrote {path}")


def peak_mb() -> float:
    """Peak memory of this process in MB, for processes that a benchmark starts."""
    if sys.platform == "linux":  # there ru_maxrss also counts what the process that started this one had
        status = Path("/proc/self/status").read_text(encoding="utf-8")
        return int(status.split("VmHWM:")[1].split()[0]) / 2**10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on a Mac


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for row in info.read_text(encoding="utf-8").splitlines():
            if row.startswith("model name"):
                return row.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory_gb() -> int | None:
    try:
        return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, ValueError, OSError):
        return None


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
