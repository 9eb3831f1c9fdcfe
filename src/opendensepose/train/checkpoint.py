"""Checkpoints: tensors and plain types only, written whole or not at all, read without running code."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from opendensepose.io.files import atomic

FORMAT = 1


def save_checkpoint(path: str | os.PathLike[str], content: dict[str, Any]) -> None:
    """Write a dictionary of tensors and plain types beside its final place, then rename it."""
    with atomic(path) as beside:
        torch.save({"format": FORMAT, **content}, beside)


def load_checkpoint(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read what `save_checkpoint` wrote.

    Raises FileNotFoundError, or ValueError for files that are broken, foreign or hold code.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"checkpoint {path}: expected a file, got none")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        reason = " ".join(str(error).split())[:120]
        raise ValueError(f"checkpoint {path}: expected tensors and plain types, got {reason}") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f"checkpoint {path}: expected format {FORMAT}, got another kind of file")
    return content


class Average:
    """Exponential moving average of a model's weights; counters and statistics are copied."""

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.count = decay, 0
        self.state = {k: v.detach().clone() for k, v in model.state_dict().items()}

    def update(self, model: nn.Module) -> None:
        """One step; the first steps average over less, so that the start is forgotten."""
        self.count += 1
        weight = 1 - min(self.decay, (1 + self.count) / (10 + self.count))
        new = model.state_dict()
        floating = [k for k, v in self.state.items() if v.is_floating_point()]
        with torch.no_grad():
            torch._foreach_lerp_(
                [self.state[k] for k in floating], [new[k].detach() for k in floating], weight
            )
            for k in self.state.keys() - set(floating):
                self.state[k].copy_(new[k])

    def to_dict(self) -> dict[str, Any]:
        """For checkpoints."""
        return {"count": self.count, "state": self.state}

    def load(self, saved: dict[str, Any]) -> None:
        """Continue from `to_dict`."""
        self.count = saved["count"]
        for k, v in self.state.items():
            v.copy_(saved["state"][k])


def load_weights(model: nn.Module, state: dict[str, Tensor], source: str) -> list[str]:
    """Copy weights whose name and shape fit; the names in `model` that got none.

    Raises ValueError if fewer than half of those of the file, or of the net, fit: then it is of another net.
    """
    own = model.state_dict()
    fitting = {k: v.to(own[k].dtype) for k, v in state.items() if k in own and own[k].shape == v.shape}
    wanted = [k for k in own if not k.endswith("num_batches_tracked")]
    if 2 * len(fitting) < min(len(wanted), len(state)) or not fitting:
        raise ValueError(
            f"{source}: expected weights of this net ({len(wanted)} arrays), got {len(fitting)} that fit"
        )
    model.load_state_dict(fitting, strict=False)
    return [k for k in wanted if k not in fitting]


def load_all(model: nn.Module, state: dict[str, Tensor], source: str) -> None:
    """Copy the weights of a checkpoint of this very net; ValueError if it is of a smaller or a larger one."""
    missing = load_weights(model, state, source)
    unknown = sorted(state.keys() - model.state_dict().keys())
    if missing or unknown:
        raise ValueError(
            f"{source}: expected the weights of the net as it is now, got {len(missing)} arrays too few and "
            f"{len(unknown)} too many, such as {(missing + unknown)[0]} (train --init goes on from what fits)"
        )
