"""Where does each pixel of the result come from? A grid says so, made once."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["pixel_positions", "sampling_grid"]


def pixel_positions(height: int, width: int) -> Tensor:
    """Position x, y of every pixel, (H, W, 2) float64 on the host; the first one is (0, 0)."""
    y, x = torch.meshgrid(
        torch.arange(height, dtype=torch.float64),
        torch.arange(width, dtype=torch.float64),
        indexing="ij",
    )
    return torch.stack((x, y), -1)


def sampling_grid(source: Tensor, *, height: int, width: int, device: torch.device) -> Tensor:
    """Grid for `grid_sample(align_corners=True)` that reads a picture at `source`.

    Args:
        source: (h, w, 2) x and y in px, where each pixel of the result comes from.
        height: height of the picture that is read.
        width: its width.
        device: where the grid will live.

    Returns:
        (1, h, w, 2) float32.
    """
    last = torch.tensor([max(width - 1, 1), max(height - 1, 1)], dtype=source.dtype)
    return (2 * source / last - 1).float()[None].to(device)
