"""Files in and out: images, videos, results."""

from opendensepose.io.files import Input, InputError, atomic, expand_inputs
from opendensepose.io.image import read_image, write_image

__all__ = ["Input", "InputError", "atomic", "expand_inputs", "read_image", "write_image"]
