"""Images in and out: every format, depth and colour space becomes [H, W, 3] uint8 RGB."""

from __future__ import annotations

import contextlib
import os
import warnings
from io import BytesIO
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from opendensepose.io.files import InputError, atomic

# Formats for which Pillow calls other programs (EPS) or that are no photos are left out.
FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "GIF", "TIFF", "PPM", "JPEG2000", "AVIF")
MAX_PIXELS = 100_000_000
ORIENTATION = 0x0112  # EXIF tag

ImageSource = str | os.PathLike[str] | bytes | NDArray[Any] | Image.Image


def read_image(source: ImageSource) -> NDArray[np.uint8]:
    """Read an image as [H, W, 3] uint8 RGB from a path, the bytes of a file, an array or a PIL image.

    Of files: EXIF orientation is applied, transparency is laid on white, of animations the first frame is
    taken, 16-bit values keep their high byte, colour profiles are ignored. Arrays: [H, W] or [H, W, 1|3|4] in
    RGB order; uint8, bool, uint16 (0..65535) or float (0..1). One that is right already is not copied.
    Raises FileNotFoundError, or InputError for what is not a whole image of at most 100 megapixels.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _from_pil(source, "image")
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _decode(BytesIO(source), "image", len(source))
    path = Path(source)
    if path.is_dir():
        raise InputError(f"{path}: expected an image, got a folder without images")
    if not path.exists():
        raise FileNotFoundError(f"{path}: expected an image, got no such file")
    try:
        with path.open("rb") as file:
            return _decode(file, str(path), path.stat().st_size)
    except OSError as error:
        raise InputError(f"{path}: expected a readable file, got {error.strerror or error}") from error


def write_image(path: str | os.PathLike[str], image: NDArray[np.uint8], quality: int = 92) -> None:
    """Write [H, W, 3] RGB or [H, W] uint8 as PNG, JPEG or WebP by the suffix of `path`."""
    suffix = Path(path).suffix.lower()
    options = {
        ".png": [cv2.IMWRITE_PNG_COMPRESSION, 3],
        # no chroma subsampling: thin coloured lines stay crisp
        ".jpg": [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, 0x111111],
        ".webp": [cv2.IMWRITE_WEBP_QUALITY, quality],
    }
    options[".jpeg"] = options[".jpg"]
    if suffix not in options:
        expected = f"a name that ends in {', '.join(options)}"
        raise ValueError(f"{path}: expected {expected}, got {suffix or 'no suffix'}")
    shaped = image.ndim == 2 or (image.ndim == 3 and image.shape[2] == 3)
    if image.dtype != np.uint8 or not shaped or image.size == 0:
        raise ValueError(f"image: expected [H, W, 3] or [H, W] uint8, got {list(image.shape)} {image.dtype}")
    bgr = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    _, encoded = cv2.imencode(suffix, bgr, options[suffix])
    with atomic(path) as temporary:
        temporary.write_bytes(encoded.tobytes())


def _decode(file: Any, name: str, size: int) -> NDArray[np.uint8]:
    """Decode an open file; any complaint of a decoder becomes one InputError, and warnings are silent."""
    if size == 0:
        raise InputError(f"{name}: expected an image, got an empty file")
    with warnings.catch_warnings():  # Pillow warns of large images (we have a limit of our own), EXIF, ...
        warnings.simplefilter("ignore")
        try:
            image = Image.open(file, formats=FORMATS)
        except Image.DecompressionBombError as error:
            raise InputError(f"{name}: expected at most 100 megapixels, got more than 178") from error
        except Exception as error:  # plugins raise many kinds of errors on broken headers
            hint = " (HEIC: convert it to JPEG first)" if name.lower().endswith((".heic", ".heif")) else ""
            expected = f"an image ({', '.join(FORMATS)})"
            raise InputError(f"{name}: expected {expected}, got none of these{hint}") from error
        with image:
            return _from_pil(image, name)


def _from_pil(image: Image.Image, name: str) -> NDArray[np.uint8]:
    if image.width * image.height > MAX_PIXELS:
        got = f"{image.width} x {image.height} = {image.width * image.height / 1e6:.0f}"
        raise InputError(f"{name}: expected at most {MAX_PIXELS // 1_000_000} megapixels, got {got}")
    if image.width * image.height == 0:
        raise InputError(f"{name}: expected at least one pixel, got {image.width} x {image.height}")
    try:
        image.load()
    except Exception as error:  # decoders raise many kinds of errors on broken data
        raise InputError(f"{name}: expected a whole image, got broken or truncated data ({error})") from error
    with contextlib.suppress(Exception):  # a picture with broken EXIF data is still a picture
        if image.getexif().get(ORIENTATION, 1) != 1:
            image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):  # 16-bit grey; some Pillow versions open it as 32-bit integers
        grey = np.asarray(image)
        return _from_array(grey if grey.dtype.itemsize == 2 else np.clip(grey, 0, 65535).astype(np.uint16))
    if image.mode == "F":
        return _from_array(np.asarray(image), name)
    if image.has_transparency_data:
        rgba = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", rgba.size, "white"), rgba)
    if image.mode != "RGB":
        image = image.convert("RGB")
    return np.array(image)


def _from_array(array: NDArray[Any], name: str = "image array") -> NDArray[np.uint8]:
    """[H, W], [H, W, 1 | 3 | 4] of any accepted dtype -> [H, W, 3] uint8."""
    if array.ndim not in (2, 3) or array.shape[2:] not in ((), (1,), (3,), (4,)) or array.size == 0:
        expected = "[H, W], [H, W, 1], [H, W, 3] or [H, W, 4] with H, W >= 1"
        raise ValueError(f"{name}: expected shape {expected}, got {list(array.shape)}")
    array = _to_uint8(array, name)
    if array.ndim == 2 or array.shape[2] == 1:
        return np.repeat(array.reshape(*array.shape[:2], 1), 3, axis=2)
    if array.shape[2] == 4:
        alpha = array[..., 3:].astype(np.uint16)
        over = array[..., :3] * alpha + 255 * (255 - alpha)  # on white; <= 255 * 255
        return ((over + 127) // 255).astype(np.uint8)
    return np.ascontiguousarray(array)


def _to_uint8(array: NDArray[Any], name: str) -> NDArray[np.uint8]:
    if array.dtype == np.uint8:
        return array
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:  # of either byte order
        return (array >> 8).astype(np.uint8)  # the high byte: what decoders do with 16-bit colour
    if array.dtype.kind == "f":
        low, high = float(array.min()), float(array.max())
        if not (low >= 0.0 and high <= 1.0):  # NaN fails too
            raise ValueError(f"{name}: expected float values in [0, 1], got {low:g} to {high:g}")
        return np.rint(array * 255.0).astype(np.uint8)
    raise ValueError(f"{name}: expected uint8, bool, uint16 or float values, got {array.dtype}")
