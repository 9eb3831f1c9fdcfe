"""Model files and prediction by ONNX Runtime."""

from opendensepose.io.modelfile import ModelFile
from opendensepose.runtime.predictor import Predictor, load

__all__ = ["ModelFile", "Predictor", "load"]
