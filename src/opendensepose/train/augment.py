"""Random windows and colours: every draw is given its generator."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from opendensepose.core import crops
from opendensepose.core.boxes import iou
from opendensepose.train.picture import Picture, Window, blend

STRANGER, PART = 0.3, 0.6  # IoU with a person, from which a box, or one of two people, is of that person
TURN = 20.0  # degrees, the standard deviation of how much crops are turned
LOOSE, LOOSEST = 0.12, 0.3  # how far a side of a bad box is off, in parts of it: standard deviation, most
BENT, WIDER = 0.02, 0.08  # how much shapes vary: shift, in parts of the crop's height; log of the width
GARMENTS = (  # coarse parts that one may cover: shirts, trousers, dresses, coats
    (1,),
    (1, 10, 11),
    (1, 10, 11, 12, 13),
    (6, 7),
    (6, 7, 8, 9),
    (1, 6, 7),
    (1, 6, 7, 10, 11, 12, 13),
)
NEAR, FEWEST = 0.06, 30  # what is behind a garment: within so much of the height; pixels of it
NARROWEST = 8  # pixels of a box that fits nobody
_NOISE = np.random.default_rng(7).normal(size=(1024, 1024)).astype(np.float32)


def choose_window(
    rng: np.random.Generator,
    size: tuple[int, int],  # H, W of the picture
    box: NDArray[np.float64],  # [4] xyxy of the person to show
    canvas: tuple[int, int],
    heights: tuple[float, float],
) -> Window:
    """A random window in which the person is `heights` canvas pixels tall, and mostly inside."""
    tall = max(box[3] - box[1], 0.7 * (box[2] - box[0]), 1.0)
    wanted = np.exp(
        rng.uniform(np.log(heights[0]), np.log(max(min(heights[1], 1.3 * canvas[0]), heights[0])))
    )
    fill = max(canvas[0] / size[0], canvas[1] / size[1])  # smaller scales leave empty borders
    scale = float(np.clip(wanted / tall, 0.9 * fill, max(2.0, fill)))
    stretch = np.exp(rng.uniform(-0.06, 0.06))
    width = max(round(canvas[1] / scale * stretch), 8)
    height = max(round(canvas[0] / scale / stretch), 8)
    spots = []
    for low, high, length, full in ((box[0], box[2], width, size[1]), (box[1], box[3], height, size[0])):
        slack = 0.1 * (high - low)
        first, last = sorted((high + slack - length, low - slack))  # windows that hold the person
        spot = rng.uniform(first, last)
        inner = sorted((0, full - length))  # windows without (or, for large ones, around) the border
        spots.append(round(float(np.clip(spot, *inner))))
    return Window(spots[0], spots[1], width, height)


def person_window(
    box: NDArray[np.float64],  # [4] xyxy
    canvas: tuple[int, int],
    fill: float,
    rng: np.random.Generator | None = None,  # shakes place and scale
) -> Window:
    """The window in which a person's box takes the share `fill` of one side of the canvas, at most."""
    if rng is None:
        return Window(*crops.person_window(box, canvas, fill))
    zoom, shift = np.exp(rng.uniform(-0.2, 0.15)), rng.uniform(-0.06, 0.06, 2)
    return Window(*crops.person_window(box, canvas, fill, zoom, shift))


def loose_box(rng: np.random.Generator, box: NDArray[np.float64]) -> NDArray[np.float64]:
    """A person's box [4] xyxy as a detector may get it wrong: each side is off by itself."""
    off = np.clip(rng.normal(0, LOOSE, 4), -LOOSEST, LOOSEST)
    return box + off * np.tile(box[2:] - box[:2], 2)


def stranger_window(
    rng: np.random.Generator, box: NDArray[np.float64], canvas: tuple[int, int], fill: float
) -> Window:
    """The window that puts the person of a box [4] xyxy somewhere in the crop of another, about as large."""
    zoom, shift = np.exp(rng.uniform(-0.5, 0.4)), rng.uniform(-0.7, 0.7, 2)
    return Window(*crops.person_window(box, canvas, fill, zoom, shift))


def spot(rng: np.random.Generator, picture: Picture) -> NDArray[np.float64]:
    """A box [4] xyxy round a point of somebody's body, up to half as high as the picture."""
    rows, columns = np.nonzero(picture.instance)
    at = rng.integers(len(rows))
    half = np.exp(rng.uniform(np.log(3), np.log(0.25 * len(picture.instance)), 2))
    middle = np.array([columns[at], rows[at]])
    return np.concatenate([middle - half, middle + half])


def shape(
    rng: np.random.Generator,
    size: tuple[int, int],  # H, W of the crop
    box: NDArray[np.float64],  # [4] xyxy that it fills, pixels
    other: NDArray[np.uint8] | None = None,  # [h, w, 3] RGB, of a piece of which it is made
) -> Picture:
    """A crop with a solid shape that is nobody, noted as `instance`: lobes, blobs on each other, branches.

    It is shaded; without another image plain or striped.
    """
    corner, sides = np.round(box[:2]).astype(int), np.maximum(np.round(box[2:] - box[:2]), 4).astype(int)
    outline = cv2.resize(_outline(rng), sides.tolist(), interpolation=cv2.INTER_AREA)
    mask = (outline > 127).astype(np.uint8)
    paint = _stripes(rng, mask.shape) if other is None else _piece(rng, other, mask.shape)
    depth = cv2.distanceTransform(np.pad(mask, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    bulge = np.sqrt(1 - (1 - depth / max(float(depth.max()), 1.0)) ** 2)  # as high as it is thick
    soft = cv2.GaussianBlur(bulge, (0, 0), 0.04 * float(sides.max()) + 0.5)
    slopes = np.gradient(soft)
    lit = np.tensordot(rng.normal(0, 1, 2), np.stack(slopes), 1) * 0.3 * float(sides.max())
    light = (1 - rng.uniform(0, 0.5) * (1 - soft) + rng.uniform(0, 0.6) * np.tanh(lit)).clip(0.2, 1.6)
    whole = np.column_stack([np.eye(2), corner]).astype(np.float64)
    flat = np.clip(paint * light[..., None], 0, 255).astype(np.uint8)
    image = cv2.warpAffine(flat, whole, size[::-1], borderMode=cv2.BORDER_REPLICATE)
    there = cv2.warpAffine(mask, whole, size[::-1])
    return Picture(np.asarray(image), np.zeros_like(there), np.zeros((2, *size), np.uint8), np.asarray(there))


def _stripes(rng: np.random.Generator, size: tuple[int, ...]) -> NDArray[np.floating]:
    """Two colours in turn [H, W, 3], from hardly shaded to striped, with some noise."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    angle, wave = rng.uniform(0, np.pi), np.exp(rng.uniform(np.log(0.01), np.log(0.8)))
    share = 0.5 + 0.5 * np.cos(wave * (columns * np.cos(angle) + rows * np.sin(angle)))
    first, second = rng.uniform(0, 255, (2, 3))
    first += rng.uniform(0, 1) * (first.mean() - first)  # more often muted than gaudy
    paint = first + (second - first) * (rng.uniform(0, 1) * share)[..., None]
    return np.asarray(paint + 4 * rng.standard_normal((*size, 1)))


def _piece(rng: np.random.Generator, image: NDArray[np.uint8], size: tuple[int, ...]) -> NDArray[np.float32]:
    """A square of an image, of any size from 16 pixels on, as large as [H, W]: [H, W, 3]."""
    side = int(min(*image.shape[:2], 16 * 2 ** rng.uniform(0, 4)))
    y, x = (int(rng.integers(0, n - side + 1)) for n in image.shape[:2])
    return cv2.resize(image[y : y + side, x : x + side], size[::-1]).astype(np.float32)


def _outline(rng: np.random.Generator, side: int = 128) -> NDArray[np.uint8]:
    """A random outline that fills a square: 255 inside."""
    canvas = np.zeros((4 * side, 4 * side), np.uint8)
    middle, kind = np.full(2, 2.0 * side), rng.integers(4)
    if kind == 0:  # one round thing, with lobes or without
        angle = np.linspace(0, 2 * np.pi, 120, endpoint=False)
        waves = np.arange(1, 9)
        much = rng.normal(0, 1, (2, 8)) * rng.choice([0.02, 0.1, 0.25]) / np.sqrt(waves)
        radius = 1 + np.cos(np.outer(angle, waves)) @ much[0] + np.sin(np.outer(angle, waves)) @ much[1]
        ring = middle + side * np.maximum(radius, 0.1)[:, None] * np.stack([np.cos(angle), np.sin(angle)], 1)
        cv2.fillPoly(canvas, [ring.round().astype(np.int32)], 255)
    else:  # parts that start from each other: ellipses, straight blocks, limbs
        ends = [middle]
        for _ in range(int(rng.integers(2, 9))):
            start = ends[rng.integers(len(ends))]
            stop = (start + rng.normal(0, 0.5 * side, 2)).clip(0.5 * side, 3.5 * side)
            half = side * np.exp(rng.uniform(np.log(0.06), np.log(0.5)))
            if kind == 1 or (kind == 3 and rng.random() < 0.5):
                length = float(np.hypot(*(stop - start))) / 2 + 0.5 * half
                turn = float(np.degrees(np.arctan2(*(stop - start)[::-1])))
                at = tuple(((start + stop) / 2).tolist())
                cv2.ellipse(canvas, (at, (2 * length, 2 * half), turn), 255, -1)
            elif kind == 2 and rng.random() < 0.5:
                box = (tuple(stop.tolist()), (2 * half, 2 * half * rng.uniform(0.4, 2)), rng.uniform(0, 90))
                cv2.fillPoly(canvas, [cv2.boxPoints(box).round().astype(np.int32)], 255)
            else:
                points = [start.round().astype(int).tolist(), stop.round().astype(int).tolist()]
                cv2.line(canvas, points[0], points[1], 255, max(int(half * 0.7), 3))
            ends.append(stop)
    x, y, w, h = cv2.boundingRect(canvas)
    return np.asarray(canvas[y : y + h, x : x + w])


def plain(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.uint8]:
    """A plain ground [H, W, 3]: white, or of one colour that changes from corner to corner."""
    first = np.full(3, 255.0) if rng.random() < 0.4 else rng.uniform(0, 255, 3)
    corners = (first + rng.normal(0, rng.uniform(0, 40), (2, 2, 1))).clip(0, 255).astype(np.float32)
    ground = cv2.resize(corners, size[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(ground.reshape(*size, 3).astype(np.uint8))


def printed(rng: np.random.Generator, picture: Picture, other: NDArray[np.uint8]) -> Picture:
    """A crop whose person wears, on some parts, what another image [h, w, 3] shows: shaded as before.

    Where it ends is not quite where the parts end.
    """
    worn = _worn(rng, picture, picture.instance > 0)
    if worn is None:
        return picture
    cloth = _piece(rng, other, worn.shape)
    grey = cv2.GaussianBlur(cv2.cvtColor(picture.image, cv2.COLOR_RGB2GRAY).astype(np.float32), (0, 0), 2)
    shade = (grey / max(float(grey[worn > 0.5].mean()), 16.0)).clip(0.3, 2.0)
    return _dressed(picture, worn * rng.uniform(0.4, 1.0), cloth * shade[..., None])


def blended(rng: np.random.Generator, picture: Picture) -> Picture:
    """A picture in which somebody wears, on some parts, the colour of what is behind them: black on black.

    The colour's mean moves to that of the background near by; what varies about it stays, or fades.
    """
    if not picture.instance.any():
        return picture
    chosen = rng.choice(np.unique(picture.instance[picture.instance > 0]))
    worn = _worn(rng, picture, picture.instance == chosen)
    if worn is None:
        return picture
    inside, reach = worn > 0.5, max(round(NEAR * len(worn)), 1)
    near = cv2.dilate(inside.astype(np.uint8), np.ones((2 * reach + 1,) * 2, np.uint8)) > 0
    behind = picture.image[near & (picture.instance == 0)]
    if len(behind) < FEWEST:
        return picture
    before = picture.image[inside].mean(0)
    after = before + rng.uniform(0.6, 1.0) * (behind.mean(0) - before)
    return _dressed(picture, worn, after + (picture.image - before) * rng.uniform(0.4, 1.0))


def _worn(rng: np.random.Generator, picture: Picture, own: NDArray[np.bool_]) -> NDArray[np.float32] | None:
    """A garment [H, W] 0..1 on the person with the pixels `own`, shifted a little; None if none is seen."""
    size = picture.chart.shape
    garment = GARMENTS[rng.integers(len(GARMENTS))]
    parts = (np.isin(picture.coarse_labels(), garment) & own).astype(np.float32)
    move = np.column_stack([np.eye(2), rng.normal(0, 0.03 * size[0], 2)])
    worn = np.asarray(cv2.warpAffine(parts, move, size[::-1]) * own, np.float32)
    return worn if worn.max() > 0.5 else None


def _dressed(picture: Picture, worn: NDArray[np.float32], cloth: NDArray[np.floating]) -> Picture:
    """The picture with a cloth [H, W, 3] where a garment [H, W] 0..1 is worn; its borders are soft."""
    return replace(picture, image=blend(picture.image, np.clip(cloth, 0, 255), worn))


def other_shape(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float32]:
    """A smooth shift [H, W, 2] in x and y, pixels, that makes a person wider or thinner, here and there."""
    knots = BENT * size[0] * rng.normal(0, 1, (4, 4, 2)).clip(-2, 2).astype(np.float32)  # nothing folds
    shift = np.asarray(cv2.resize(knots, size[::-1], interpolation=cv2.INTER_CUBIC), np.float32)
    shift[..., 0] += (np.exp(rng.normal(0, WIDER)) - 1) * (np.arange(size[1]) + 0.5 - size[1] / 2)
    return shift


def wrong_box(
    rng: np.random.Generator,
    boxes: NDArray[np.float64],  # [K, 4] xyxy of the people
    alarms: NDArray[np.float64],  # [N, 4] xyxy where a model saw somebody, rightly or not
    size: tuple[int, int],  # H, W of the picture
    canvas: tuple[int, int],
) -> NDArray[np.float64] | None:
    """A box [4] that fits nobody: a false alarm, of two people at once, or anywhere; None by ill luck.

    What a detector gets wrong: things, parts of people, groups.
    """
    height, width = size
    for _ in range(10):
        alarm = len(alarms) > 0 and rng.random() < 0.7
        pair = not alarm and len(boxes) > 1 and rng.random() < 0.4
        if alarm:
            box = alarms[rng.integers(len(alarms))]
        elif pair:
            two = boxes[rng.choice(len(boxes), 2, replace=False)]
            box = np.concatenate([two[:, :2].min(0), two[:, 2:].max(0)])
        else:
            tall = height * np.exp(rng.uniform(np.log(0.1), np.log(1.2)))
            wide = tall * np.exp(rng.uniform(np.log(0.25), np.log(1.5)))
            corner = rng.uniform((-0.2 * wide, -0.2 * tall), (width - 0.8 * wide, height - 0.8 * tall))
            box = np.clip([*corner, *(corner + np.array([wide, tall]))], 0, (width, height) * 2)
        if (box[2:] - box[:2] < NARROWEST).any():
            continue
        if pair:
            seen, most = box[None], PART
        else:  # nor may the crop, which shows more than the box, be of somebody
            x, y, w, h = crops.person_window(box, canvas, 1.0)
            seen, most = np.array([box, [x, y, x + w, y + h]]), STRANGER
        if (iou(seen, boxes) < most).all():
            return box
    return None


def edge_window(rng: np.random.Generator, box: NDArray[np.float64], size: tuple[int, int]) -> Window:
    """The part of a picture [H, W] without what lies beyond a line through a person's box.

    0.35 to 0.9 of the box remain, as of people at the edge of a photo: most often the upper part.
    """
    side = rng.choice(4, p=(0.2, 0.1, 0.2, 0.5))  # that is lost: left, top, right, bottom
    kept = rng.uniform(0.35, 0.9)
    low, high = box[side % 2], box[side % 2 + 2]
    bounds = [0, 0, size[1], size[0]]
    bounds[side] = round(high - kept * (high - low) if side < 2 else low + kept * (high - low))
    return Window(bounds[0], bounds[1], max(bounds[2] - bounds[0], 1), max(bounds[3] - bounds[1], 1))


def recolour(rng: np.random.Generator, image: NDArray[Any]) -> NDArray[np.uint8]:
    """Mild changes of exposure, contrast, gamma and white balance; now and then of all hues, or of the light
    from place to place; now and then grey, soft, sharpened, noisy or squeezed to JPEG.
    """
    values = np.arange(256, dtype=np.float32) / 255
    gamma, contrast, gain = np.exp(rng.normal(0, (0.14, 0.1, 0.1)))
    tint = np.exp(rng.normal(0, 0.04, 3))
    curve = ((values**gamma - 0.5) * contrast + 0.5) * gain
    table = np.clip(curve[:, None] * tint * 255 + 0.5, 0, 255).astype(np.uint8)
    image = cv2.LUT(image, table[None])
    if rng.random() < 0.4:
        image = cv2.transform(image, new_hues(rng.normal(0, 0.6), np.exp(rng.normal(0, 0.3))))
    if rng.random() < 0.25:
        rough = np.exp(rng.normal(0, 0.3, (3, 3, 1))).astype(np.float32)
        light = cv2.resize(rough, image.shape[1::-1], interpolation=cv2.INTER_CUBIC)
        image = np.clip(image * light[..., None], 0, 255).astype(np.uint8)
    if rng.random() < 0.05:
        image = np.repeat(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None], 3, 2)
    if rng.random() < 0.25:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 0.9))
    elif rng.random() < 0.25:  # sharpened, as cameras do
        soft = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.6, 1.5))
        much = rng.uniform(0.2, 1.2)
        image = cv2.addWeighted(image, 1 + much, soft, -much, 0)
    if rng.random() < 0.3:
        height, width = image.shape[:2]
        y, x = rng.integers(0, _NOISE.shape[0] - height + 1), rng.integers(0, _NOISE.shape[1] - width + 1)
        noise = _NOISE[y : y + height, x : x + width, None] * np.float32(rng.uniform(1, 5))
        image = np.clip(image + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.3:
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(25, 85))]
        image = np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, quality)[1], cv2.IMREAD_COLOR), np.uint8)
    return np.ascontiguousarray(image)


def new_hues(angle: float, saturation: float) -> NDArray[np.float64]:
    """[3, 3] that turns the hues of RGB by an angle about the grey axis; what is grey stays as it is."""
    grey = np.full((3, 3), 1 / 3)
    across = np.array([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / np.sqrt(3)
    return grey + saturation * (np.cos(angle) * (np.eye(3) - grey) + np.sin(angle) * across)
