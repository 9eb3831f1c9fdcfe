"""What is freed is kept: counted in pages that the system had to provide, in a process of its own."""

from __future__ import annotations

import ctypes
import subprocess
import sys

import pytest

CODE = """
import resource, sys
import torch
from opendensepose.train.memory import keep_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

if sys.argv[1] == "keep":
    keep_memory()
torch.set_num_threads(1)
for _ in range(3):
    torch.ones(20_000_000)
before = faults()
for _ in range(5):
    torch.ones(20_000_000)
print(faults() - before)
"""


@pytest.mark.skipif(
    not sys.platform.startswith("linux") or not hasattr(ctypes.CDLL(None), "mallopt"),
    reason="needs glibc's mallopt",
)
def test_freed_memory_serves_the_next_tensor() -> None:
    found = {}
    for how in ("keep", "default"):
        run = subprocess.run([sys.executable, "-c", CODE, how], capture_output=True, text=True, check=True)
        found[how] = int(run.stdout)
    pages = 5 * 20_000_000 * 4 // 4096
    assert found["keep"] < 0.01 * pages
    assert found["keep"] < 0.1 * found["default"]  # large pages, where the system has them, are few
