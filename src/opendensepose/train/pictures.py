"""What TensorBoard shows: predictions beside the truth."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from opendensepose.surface.parts import PART_COLOURS


def paint(chart: NDArray[np.integer], uv: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Chart [S, S] in part colours, darker where U or V crosses a tenth: [S, S, 3]."""
    chart = np.where(chart > 24, 0, chart)  # unknown
    lines = (np.floor(uv * 10).astype(int) % 2).sum(0) % 2
    return (PART_COLOURS[chart] * (1 - 0.25 * lines[..., None] * (chart > 0)[..., None])).astype(np.uint8)


def read_maps(outputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
    """Maps [R, *, S, S] -> chart [R, S, S] (0 where coarse says background) and uv [R, 2, S, S]."""
    chart = outputs["fine"].argmax(1) * (outputs["coarse"].argmax(1) > 0)
    uv = torch.stack([outputs[k].gather(1, chart[:, None])[:, 0] for k in ("u", "v")], 1)
    return chart, uv


def comparison(images: Tensor, shown: dict[str, Tensor], count: int = 6) -> NDArray[np.uint8]:
    """Rows of box picture | prediction | truth for the first people: [count*112, 336, 3] RGB."""
    chart, uv = (x.cpu().numpy() for x in read_maps(shown))
    rows = []
    for i in range(min(count, len(chart))):
        image = images[int(shown["image"][i])].permute(1, 2, 0).cpu().numpy()
        x0, y0, x1, y1 = (int(n) for n in shown["boxes"][i].tolist())
        patch = image[max(y0, 0) : max(y1, y0 + 2), max(x0, 0) : max(x1, x0 + 2)]
        truth = paint(shown["chart"][i].cpu().numpy(), shown["uv"][i].cpu().numpy())
        tiles = [patch.astype(np.uint8), paint(chart[i], uv[i]), truth]
        rows.append(np.hstack([cv2.resize(t, (112, 112), interpolation=cv2.INTER_NEAREST) for t in tiles]))
    return np.vstack(rows) if rows else np.zeros((112, 336, 3), np.uint8)
