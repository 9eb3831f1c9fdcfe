"""Annotation files with one to four changes: of bytes, or of values within valid JSON."""

from __future__ import annotations

import copy
import json
import random
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

from annotation_files import coco_file, posetrack_file

ODD: list[Any] = [
    *(None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, -(10**30), 0.5, 1e308, -1e308, float("nan")),
    *(float("inf"), "", "x", "\x00", "../../etc/passwd", "1", [], [[]], [1], [None], ["a"], {}, {"a": 1}),
    *(
        [[1, 2, 3, 4]],
        [1e9] * 8,
        {"size": [256, 256], "counts": "x"},
        {"size": [10**9, 10**9], "counts": [1]},
    ),
]


@cache
def _originals() -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        return [make(Path(folder, "a.json")) for make in (coco_file, posetrack_file)]


def mutated(number: int) -> bytes:
    """The bytes of file `number`; the same each time."""
    rng = random.Random(number)
    content = copy.deepcopy(rng.choice(_originals()))
    if rng.random() < 0.7:
        for _ in range(rng.randint(1, 4)):
            _change_value(rng, content)
        return json.dumps(content).encode()
    raw = bytearray(json.dumps(content).encode())
    for _ in range(rng.randint(1, 4)):
        _change_bytes(rng, raw)
    return bytes(raw)


def _change_value(rng: random.Random, content: Any) -> None:
    """Replace, remove or repeat something at a random depth."""
    at, key = content, rng.choice(["images", "annotations", rng.choice(list(content))])
    while key in at if isinstance(at, dict) else True:
        inner = at[key]
        if not isinstance(inner, (dict, list)) or not inner or rng.random() < 0.15:
            break
        at, key = inner, rng.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
    else:
        return
    action = rng.random()
    if action < 0.6:
        at[key] = copy.deepcopy(rng.choice(ODD))
    elif action < 0.8:
        del at[key]
    elif isinstance(at, list):
        at.append(copy.deepcopy(at[key]))
    else:
        at[rng.choice(list(at))] = copy.deepcopy(at[key])


def _change_bytes(rng: random.Random, raw: bytearray) -> None:
    at = rng.randrange(len(raw))
    action = rng.random()
    if action < 0.2:
        del raw[at:]
    elif action < 0.5:
        del raw[at : at + rng.randint(1, 40)]
    elif action < 0.8:
        raw[at] = rng.randrange(256)
    else:
        raw[at:at] = raw[at : at + rng.randint(1, 400)]
    if not raw:
        raw += b"{"
