"""Training: data sets, the loop, checkpoints."""

from opendensepose.train.config import TrainConfig, read_options
from opendensepose.train.loop import train

__all__ = ["TrainConfig", "read_options", "train"]
