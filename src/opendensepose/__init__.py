"""Dense human pose estimation: every human pixel mapped to the surface of the body."""

__version__ = "0.1.0"
