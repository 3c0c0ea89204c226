"""Which colour is which direction? The colour code in which optical flow is published.

Hue says where to, saturation how far: white stands still. The hues are spaced by how well people
tell them apart, not evenly.

Source: Baker, Scharstein, Lewis, Roth, Black, Szeliski, A database and evaluation methodology for
optical flow, IJCV 2011, and the code that came with it; the wheel is that of Sim Chern.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["color_wheel", "paint_flow"]

ARCS = (
    (15, (1, 0, 0), (1, 1, 0)),
    (6, (1, 1, 0), (0, 1, 0)),
    (4, (0, 1, 0), (0, 1, 1)),
    (11, (0, 1, 1), (0, 0, 1)),
    (13, (0, 0, 1), (1, 0, 1)),
    (6, (1, 0, 1), (1, 0, 0)),
)
"""Hues from one colour up to the next: red, yellow, green, cyan, blue, magenta, red."""
TOO_FAR = 0.75
"""What moves further than the longest is darker than any that does not."""


def color_wheel(device: torch.device) -> Tensor:
    """The 55 hues in a row, a picture (1, 3, 1, 55) float32 in [0, 1]. Made on the host, moved."""
    hues = []
    for count, begin, end in ARCS:
        along = (torch.arange(count) / count)[:, None]
        hues.append(torch.lerp(torch.tensor(begin).float(), torch.tensor(end).float(), along))
    return torch.cat(hues).T[None, :, None].contiguous().to(device)


def paint_flow(flow: Tensor, wheel: Tensor, *, longest: float) -> tuple[Tensor, Tensor]:
    """Colours of a flow, (1, 3, H, W) in [0, 1], and its length, (1, 1, H, W) in `longest`.

    No sync. Ten allocations, of colours and of planes.

    Args:
        flow: (1, 2, H, W) px.
        wheel: of `color_wheel`, on the same device.
        longest: px, what has a full colour; what is longer is darker.
    """
    u, v = flow[:, :1], flow[:, 1:]
    length = torch.hypot(u, v).div_(longest)
    # From -1 to 1, which is how `grid_sample` counts from the first hue to the last.
    angle = torch.atan2(-v, -u).div_(math.pi)
    grid = torch.stack((angle, torch.zeros_like(angle)), -1)[:, 0]  # (1, H, W, 2)
    hue = functional.grid_sample(wheel, grid, padding_mode="border", align_corners=True)
    pale = (1 - hue).mul_(length).neg_().add_(1)
    return torch.where(length <= 1, pale, hue.mul_(TOO_FAR)), length
