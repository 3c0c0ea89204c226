"""How does RGB become 4:2:0? By the matrices of television, in limited or full range.

    y = kr r + kg g + kb b        cb = (b - y) / (2 - 2 kb)        cr = (r - y) / (2 - 2 kr)

Source: ITU-R BT.601-7 section 2.5, BT.709-6 section 3, BT.2020-2 table 4 (non-constant luminance).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

__all__ = ["LUMA_WEIGHTS", "copy_rgb_to_i420"]

LUMA_WEIGHTS: dict[str, tuple[float, float]] = {
    "bt601": (0.299, 0.114),
    "bt709": (0.2126, 0.0722),
    "bt2020": (0.2627, 0.0593),
}
"""kr and kb of each matrix; kg is what is left of 1."""


def copy_rgb_to_i420(
    rgb: Tensor, planes: tuple[Tensor, Tensor, Tensor], *, matrix: str, full_range: bool = False
) -> None:
    """Write (3, H, W) float32 in [0, 1] as three uint8 planes. Allocates float scratch.

    Planes have even sizes; where H or W is odd, the last row or column is repeated. Chroma is the
    mean of 2x2 pixels.

    Raises:
        ValueError: `matrix` is not in `LUMA_WEIGHTS`.
    """
    if matrix not in LUMA_WEIGHTS:
        raise ValueError(f"{matrix = } is unknown; choose one of {', '.join(LUMA_WEIGHTS)}.")
    kr, kb = LUMA_WEIGHTS[matrix]
    y_plane, u_plane, v_plane = planes
    height, width = y_plane.shape
    if rgb.shape[1:] != y_plane.shape:
        extra = (0, width - rgb.shape[2], 0, height - rgb.shape[1])
        rgb = pad(rgb[None], extra, mode="replicate")[0]
    y = rgb[0] * kr + rgb[1] * (1 - kr - kb) + rgb[2] * kb
    halves = avg_pool2d(torch.stack([rgb[2] - y, rgb[0] - y])[None], 2)[0]
    luma_gain, luma_zero, chroma_gain = (255.0, 0.0, 255.0) if full_range else (219.0, 16.0, 224.0)
    y_plane.copy_(y.mul_(luma_gain).add_(luma_zero + 0.5).clamp_(0, 255))  # truncated: rounds
    for plane, difference, weight in ((u_plane, halves[0], kb), (v_plane, halves[1], kr)):
        gain = chroma_gain / (2 - 2 * weight)
        plane.copy_(difference.mul(gain).add_(128.5).clamp_(0, 255))
