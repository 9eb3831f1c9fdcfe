"""Types and pure functions that every layer shares."""

from opendensepose.core.types import ChartLogits, DenseMap, Result, SurfacePoints

__all__ = ["ChartLogits", "DenseMap", "Result", "SurfacePoints"]
