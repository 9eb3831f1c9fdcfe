"""Training: data sets, the loop, checkpoints."""

from opendensepose.train.config import TrainConfig
from opendensepose.train.loop import train

__all__ = ["TrainConfig", "train"]
