import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from opendensepose.io.files import InputError
from opendensepose.io.image import read_image, write_image

RNG = np.random.default_rng(5)
PHOTO = RNG.integers(0, 256, (7, 9, 3), np.uint8)  # odd sizes show transposed axes


def encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises a size and holds one byte of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"0"))


def one_line(error: BaseException) -> bool:
    text = str(error)
    return "\n" not in text and "expected" in text and "got" in text


@pytest.mark.parametrize("kind", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_are_exact(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"photo.{kind.lower()}"
    path.write_bytes(encoded(Image.fromarray(PHOTO), kind))
    for source in (path, str(path), path.read_bytes()):
        image = read_image(source)
        assert image.dtype == np.uint8 and image.flags.c_contiguous and image.flags.writeable
        assert np.array_equal(image, PHOTO)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF", "JPEG2000"])
def test_lossy_formats_keep_colours(kind: str) -> None:
    red = Image.new("RGB", (64, 48), (200, 60, 30))
    image = read_image(encoded(red, kind))
    assert image.shape == (48, 64, 3)
    assert np.abs(image.reshape(-1, 3).mean(0) - (200, 60, 30)).max() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    expected = {  # what the stored rows and columns mean, from the EXIF standard
        1: PHOTO,
        2: PHOTO[:, ::-1],
        3: PHOTO[::-1, ::-1],
        4: PHOTO[::-1],
        5: PHOTO.transpose(1, 0, 2),
        6: np.rot90(PHOTO, -1),
        7: np.rot90(PHOTO, 2).transpose(1, 0, 2),
        8: np.rot90(PHOTO, 1),
    }[orientation]
    assert np.array_equal(read_image(encoded(Image.fromarray(PHOTO), "PNG", exif=exif)), expected)
    image = Image.open(io.BytesIO(encoded(Image.fromarray(PHOTO), "TIFF", exif=exif)))
    assert np.array_equal(read_image(image), expected)


@pytest.mark.filterwarnings("error")
def test_broken_exif_is_no_reason_to_fail() -> None:
    data = encoded(Image.fromarray(PHOTO), "JPEG", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xffrubbish")
    assert read_image(data).shape == PHOTO.shape


@pytest.mark.parametrize("suffix", [".png", ".tiff"])
@pytest.mark.parametrize("shape", [(256, 256), (256, 256, 3), (256, 256, 4)])
def test_16_bit_keeps_the_high_byte(suffix: str, shape: tuple[int, ...]) -> None:
    values = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    array = values if len(shape) == 2 else np.repeat(values[..., None], shape[2], 2)
    if len(shape) == 3 and shape[2] == 4:
        array[..., 3] = 65535  # opaque
    data = cv2.imencode(suffix, array)[1].tobytes()
    expected = np.repeat((values >> 8).astype(np.uint8)[..., None], 3, 2)
    assert np.array_equal(read_image(data), expected)
    assert np.array_equal(read_image(array), expected)


def test_big_endian_16_bit_tiff() -> None:
    image = Image.frombytes("I;16B", (2, 1), b"\x12\xff\xab\x00")
    assert read_image(encoded(image, "TIFF"))[0, :, 0].tolist() == [0x12, 0xAB]


def test_grey_palette_and_bilevel() -> None:
    grey = Image.fromarray(PHOTO[..., 0])
    assert np.array_equal(read_image(encoded(grey, "PNG")), np.repeat(PHOTO[..., :1], 3, 2))
    few = Image.fromarray(PHOTO // 128 * 255)  # 8 colours: a palette holds them exactly
    assert np.array_equal(read_image(encoded(few.quantize(8), "PNG")), PHOTO // 128 * 255)
    bilevel = Image.fromarray(PHOTO[..., 0] > 99)
    assert np.array_equal(read_image(encoded(bilevel, "PNG"))[..., 1], (PHOTO[..., 0] > 99) * 255)


def test_transparency_is_laid_on_white() -> None:
    alpha = RNG.integers(0, 256, (7, 9, 1), np.uint8)
    rgba = np.dstack([PHOTO, alpha])
    expected = np.rint((PHOTO / 255.0 * (alpha / 255.0) + 1 - alpha / 255.0) * 255)
    for source in (rgba, encoded(Image.fromarray(rgba), "PNG"), Image.fromarray(rgba)):
        assert np.abs(read_image(source) - expected).max() <= 1
    palette = Image.new("P", (2, 1))
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.putpixel((1, 0), 1)
    pixels = read_image(encoded(palette, "PNG", transparency=0))
    assert pixels[0].tolist() == [[255, 255, 255], [40, 50, 60]]


def test_cmyk_of_adobe_is_not_inverted() -> None:
    cyan = Image.new("CMYK", (16, 16), (255, 0, 0, 0))
    data = encoded(cyan, "JPEG", quality=95)
    assert b"Adobe" in data  # such files hold inverted values
    assert np.abs(read_image(data)[8, 8] - np.array([0.0, 255, 255])).max() < 8
    assert np.abs(read_image(encoded(cyan, "TIFF"))[8, 8] - np.array([0.0, 255, 255])).max() < 8


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF", "MPO"])
def test_first_frame_of_animations(kind: str) -> None:
    frames = [Image.new("RGB", (20, 10), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert np.abs(read_image(data)[5, 5] - np.array([255.0, 0, 0])).max() < 3  # MPO: two JPEGs in one


def test_sizes_from_one_pixel_to_48_megapixels() -> None:
    assert read_image(encoded(Image.new("RGB", (1, 1), (1, 2, 3)), "PNG")).tolist() == [[[1, 2, 3]]]
    big = read_image(encoded(Image.new("L", (8000, 6000), 7), "PNG"))
    assert big.shape == (6000, 8000, 3) and big.min() == big.max() == 7


@pytest.mark.parametrize(("width", "height"), [(10_001, 10_000), (13_000, 13_000), (60_000, 60_000)])
@pytest.mark.filterwarnings("error")
def test_more_than_100_megapixels_are_refused_by_the_header(width: int, height: int) -> None:
    with pytest.raises(InputError, match="at most 100 megapixels, got") as caught:
        read_image(png_header(width, height))
    assert one_line(caught.value)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF"])
def test_truncated_files(tmp_path: Path, kind: str) -> None:
    data = encoded(Image.fromarray(RNG.integers(0, 256, (99, 99, 3), np.uint8)), kind)
    path = tmp_path / "half.jpg"
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"half\.jpg: expected") as caught:
        read_image(path)
    assert one_line(caught.value)


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"<svg></svg>", b"%PDF-1.4"]
)
def test_what_is_not_an_image(data: bytes) -> None:
    with pytest.raises(InputError) as caught:
        read_image(data)
    assert one_line(caught.value)


def test_postscript_is_refused_before_any_program_runs() -> None:
    with pytest.raises(InputError, match="got none of these"):
        read_image(encoded(Image.new("RGB", (4, 4)), "EPS"))


def test_missing_file_folder_and_heic(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected an image, got no such file"):
        read_image(tmp_path / "nope.jpg")
    with pytest.raises(InputError, match="got a folder"):
        read_image(tmp_path)
    (tmp_path / "photo.heic").write_bytes(b"\0\0\0\x18ftypheic")
    with pytest.raises(InputError, match="convert it to JPEG"):
        read_image(tmp_path / "photo.heic")


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (PHOTO, PHOTO),
        (PHOTO[:, ::-1], PHOTO[:, ::-1]),  # not contiguous
        (PHOTO[..., 0], np.repeat(PHOTO[..., :1], 3, 2)),
        (PHOTO[..., :1], np.repeat(PHOTO[..., :1], 3, 2)),
        (PHOTO / 255.0, PHOTO),
        ((PHOTO / 255.0).astype(np.float32), PHOTO),
        (PHOTO > 100, (PHOTO > 100) * np.uint8(255)),
    ],
)
def test_arrays(array: np.ndarray, expected: np.ndarray) -> None:
    assert np.array_equal(read_image(array), expected)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4, 2), np.uint8), "expected shape"),
        (np.zeros((2, 4, 4, 3), np.uint8), "expected shape"),
        (np.zeros((0, 4, 3), np.uint8), "expected shape"),
        (np.zeros((4, 4, 3), np.int32), "got int32"),
        (np.full((4, 4, 3), 255.0), r"expected float values in \[0, 1\], got 255 to 255"),
        (np.full((4, 4, 3), np.nan), "got nan"),
        (np.array([["a"]]), "got <U1"),
    ],
)
def test_wrong_arrays(array: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        read_image(array)
    assert one_line(caught.value)


def test_pil_image_is_left_alone() -> None:
    image = Image.fromarray(PHOTO).convert("RGBA")
    assert np.array_equal(read_image(image), PHOTO)
    assert image.mode == "RGBA" and image.size == (9, 7)


def test_write_image(tmp_path: Path) -> None:
    write_image(tmp_path / "sub" / "a.png", PHOTO)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "sub" / "a.png")), PHOTO)
    write_image(tmp_path / "grey.png", PHOTO[..., 0])
    assert np.array_equal(np.asarray(Image.open(tmp_path / "grey.png")), PHOTO[..., 0])
    stripes = np.zeros((32, 32, 3), np.uint8)
    stripes[:, ::2, 0] = 255  # red lines of one pixel: lost where colours are subsampled
    write_image(tmp_path / "a.jpg", stripes)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - stripes).mean() < 10


@pytest.mark.parametrize(
    ("name", "image", "message"),
    [
        ("a.txt", PHOTO, "expected a name that ends in .png"),
        ("a", PHOTO, "got no suffix"),
        ("a.png", PHOTO / 255, "got \\[7, 9, 3\\] float64"),
        ("a.png", PHOTO[..., :2], "expected \\[H, W, 3\\]"),
        ("a.png", PHOTO[:0], "got \\[0, 9, 3\\]"),
    ],
)
def test_write_image_refuses(tmp_path: Path, name: str, image: np.ndarray, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        write_image(tmp_path / name, image)
    assert list(tmp_path.iterdir()) == []
