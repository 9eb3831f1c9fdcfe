"""Files in and out: images and results; videos are in `io.video`: photos need not wait for FFmpeg to load."""

from opendensepose.io.files import Input, InputError, atomic, expand_inputs
from opendensepose.io.image import read_image, write_image
from opendensepose.io.results import (
    decode_results_json,
    load_result,
    results_json,
    save_npz,
    save_result,
    write_results,
)

__all__ = [
    "Input",
    "InputError",
    "atomic",
    "decode_results_json",
    "expand_inputs",
    "load_result",
    "read_image",
    "results_json",
    "save_npz",
    "save_result",
    "write_image",
    "write_results",
]
