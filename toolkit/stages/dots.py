"""How is something drawn where only the device knows where? As a fixed number of dots.

What lies outside of the picture, or must not be drawn, goes to one spare number behind the canvas:
so shapes never change, and nothing is asked of the device.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["COLORS", "Canvas", "blank", "copied", "dot_values", "draw_dots", "prepare_canvas"]

COLORS = {
    "green": (0.0, 1.0, 0.2),
    "yellow": (1.0, 0.9, 0.0),
    "orange": (1.0, 0.5, 0.0),
    "red": (1.0, 0.1, 0.1),
    "magenta": (1.0, 0.0, 1.0),
    "cyan": (0.0, 0.9, 1.0),
    "white": (1.0, 1.0, 1.0),
}


class Canvas(NamedTuple):
    """What drawing needs to know of a picture, on its device.

    Attributes:
        last: (2,) int64: last column and row.
        strides: (2,) int64: from a pixel to the next one along x, and along y.
        planes: (3, 1) int64: where each colour begins.
        spare: () int64: the place behind the picture.
    """

    last: Tensor
    strides: Tensor
    planes: Tensor
    spare: Tensor


def prepare_canvas(height: int, width: int, device: torch.device) -> Canvas:
    """Constants to draw on a picture of (1, 3, H, W) with. Uploads."""
    return Canvas(
        torch.tensor([width - 1, height - 1]).to(device),
        torch.tensor([1, width]).to(device),
        (torch.arange(3) * height * width).view(3, 1).to(device),
        torch.tensor(3 * height * width).to(device),
    )


def dot_values(color: str, count: int, device: torch.device) -> Tensor:
    """What `count` dots of a colour of `COLORS` write, (3 count,) float32. Uploads."""
    return torch.tensor(COLORS[color]).repeat_interleave(count).to(device)


def blank(rgb: Tensor) -> Tensor:
    """Memory for the picture and one number more: what must not be drawn is drawn there."""
    return rgb.new_empty(rgb.numel() + 1)


def copied(rgb: Tensor) -> Tensor:
    """The picture on such memory. One allocation, one copy."""
    canvas = blank(rgb)
    canvas[:-1].view(rgb.shape).copy_(rgb)
    return canvas


def draw_dots(
    memory: Tensor, place: Tensor, is_shown: Tensor, values: Tensor, *, on: Canvas
) -> None:
    """Write dots of one colour where they lie in the picture. No sync.

    Where they lie on each other, the same is written twice: the order of writes does not show.

    Args:
        memory: (3 H W + 1,) float32, by `blank` or `copied`.
        place: (..., 2) int64, px, x then y.
        is_shown: bool, one for each place, or broadcast to that.
        values: by `dot_values`, for as many dots as there are places.
        on: by `prepare_canvas`.
    """
    is_drawn = ((place >= 0) & (place <= on.last)).all(-1) & is_shown
    flat = (place * on.strides).sum(-1).view(1, -1) + on.planes  # (3, dots)
    flat = torch.where(is_drawn.view(1, -1), flat, on.spare)
    memory.scatter_(0, flat.view(-1), values)
