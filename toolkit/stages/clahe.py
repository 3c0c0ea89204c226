"""Show what lies in the shadows: equalise each tile's histogram, but not without limit."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import torch
from torch.nn import functional

from toolkit.stages.declare import Global, Gray, InputSpec, Range, stage
from toolkit.stages.shapes import check_image

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["clahe"]

BINS = 256


@stage("clahe", footprint=Global())
def clahe(
    gray: Gray,
    *,
    padding: tuple[int, int],
    tile: Tensor,
    tiles: int,
    pixels: int,
    limit: float,
    bins: Tensor,
    one: Tensor,
    rows: tuple[Tensor, Tensor, Tensor],
    columns: tuple[Tensor, Tensor, Tensor],
) -> Gray:
    """Equalise contrast locally, (1, 1, H, W) float32 in [0, 1]. No sync.

    The same numbers as `kornia.enhance.equalize_clahe`, which makes its tables of indices anew, and
    uploads them, on every call. Values outside of [0, 1] count as 0 or 1.
    """
    height, width = gray.shape[-2:]
    levels = (gray[0] * (BINS - 1)).clamp_(0, BINS - 1).to(torch.int32)  # (1, H, W)
    counted = levels
    if any(padding):
        counted = functional.pad(levels.float(), (0, padding[1], 0, padding[0]), mode="reflect")
    counts = gray.new_zeros(tiles * BINS)
    counts.scatter_add_(0, (counted + tile).view(-1).long(), one.expand(tile.numel()))
    table = _lookup_tables(counts.view(tiles, BINS), pixels, limit, bins).view(-1)

    levels = levels[0]
    upper, lower, down = rows
    left, right, across = columns

    def look_up(row: Tensor) -> Tensor:
        start = levels + row
        first = table.index_select(0, (start + left).view(-1))
        second = table.index_select(0, (start + right).view(-1))
        return first.view(height, width).lerp_(second.view(height, width), across)

    return look_up(upper).lerp_(look_up(lower), down)[None, None]


@clahe.prepare
def _(
    spec: InputSpec,
    *,
    clip_limit: Annotated[
        float, Range(0.0, 40.0, 0.5, doc="steepest contrast, in average bins; 0 is no limit")
    ] = 2.0,
    grid: Annotated[int, Range(2, 16, 1, "tiles", doc="tiles along each axis")] = 8,
) -> dict[str, Any]:
    height, width = check_image("clahe", spec, channels=1)
    if min(height, width) <= grid:
        raise ValueError(
            f"clahe: a picture of {width}x{height} px has no {grid}x{grid} tiles of more than one "
            f"pixel; "
            f"set grid to {max(min(height, width) - 1, 2)} or less, or give a larger picture"
        )
    tile_height, tile_width = math.ceil(height / grid), math.ceil(width / grid)
    padding = (tile_height * grid - height, tile_width * grid - width)
    row = torch.arange(tile_height * grid).div(tile_height, rounding_mode="floor")
    column = torch.arange(tile_width * grid).div(tile_width, rounding_mode="floor")
    pixels = tile_height * tile_width
    return {
        "padding": padding,
        "tile": ((row[:, None] * grid + column) * BINS).to(spec.device, torch.int32),
        "tiles": grid * grid,
        "pixels": pixels,
        "limit": float(max(clip_limit * pixels // BINS, 1)) if clip_limit > 0 else math.inf,
        "bins": torch.arange(BINS, dtype=torch.float32).to(spec.device),
        "one": torch.ones(1).to(spec.device),
        "rows": _neighbours(height, tile_height, grid, grid * BINS, spec.device, column=True),
        "columns": _neighbours(width, tile_width, grid, BINS, spec.device, column=False),
    }


def _neighbours(
    length: int, tile: int, grid: int, stride: int, device: torch.device, *, column: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """For each pixel along an axis: where the two nearest tiles' tables start, and the blend."""
    position = (torch.arange(length, dtype=torch.float32) - (tile - 1) / 2) / tile
    first = position.floor()
    blend = torch.where((position < 0) | (position > grid - 1), 0.0, position - first)
    shape = (-1, 1) if column else (1, -1)
    starts = [
        (one.clamp(0, grid - 1) * stride).to(device, torch.int32).view(shape)
        for one in (first, first + 1)
    ]
    return starts[0], starts[1], blend.to(device).view(shape)


def _lookup_tables(counts: Tensor, pixels: int, limit: float, bins: Tensor) -> Tensor:
    """New value in [0, 1] for each level of each tile, (T, 256); what exceeds `limit` is spread."""
    if not math.isinf(limit):
        counts.clamp_(max=limit)
        clipped = pixels - counts.sum(1, keepdim=True)  # (T, 1)
        rest = torch.remainder(clipped, BINS)
        counts += (clipped - rest) / BINS
        # The rest goes to every n-th bin, one each, as OpenCV does.
        step = torch.div(BINS, rest.clamp(min=1), rounding_mode="floor").clamp_(min=1)
        hits = (torch.remainder(bins, step) == 0) & (
            torch.div(bins, step, rounding_mode="floor") < rest
        )
        counts += hits
    scale = (BINS - 1) / pixels
    return torch.cumsum(counts, 1).mul_(scale).clamp_(0, BINS - 1).round_().div_(BINS - 1)
