"""Seen from elsewhere: move each pixel by a 3x3 matrix, affine or perspective."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch
from torch.nn import functional

from toolkit.stages.declare import Choice, Gather, Image, InputSpec, Matrix, stage
from toolkit.stages.grids import pixel_positions, sampling_grid
from toolkit.stages.shapes import check_image

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["warp"]


@stage("warp", footprint=Gather())
def warp(rgb: Image, *, grid: Tensor, mode: str, outside: str) -> Image:
    """Warp by a matrix, (1, C, H, W) float32. One allocation, no sync.

    The picture of `kornia.geometry.warp_perspective` (and of `warp_affine`, when the last row is 0
    0 1), with the grid made once instead of on every call.
    """
    return functional.grid_sample(rgb, grid, mode=mode, padding_mode=outside, align_corners=True)


@warp.prepare
def _(
    spec: InputSpec,
    *,
    matrix: Annotated[
        tuple, Matrix(3, 3, doc="takes a pixel (x, y, 1) of the input to one of the result")
    ] = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)),
    mode: Annotated[
        str, Choice("bilinear", "bicubic", "nearest", doc="how pixels are mixed")
    ] = "bilinear",
    outside: Annotated[
        str, Choice("zeros", "border", "reflection", doc="what lies outside of the picture")
    ] = "zeros",
) -> dict[str, Any]:
    height, width = check_image("warp", spec)
    forward = torch.tensor(matrix, dtype=torch.float64)
    determinant = float(torch.linalg.det(forward))
    if abs(determinant) < 1e-12:
        raise ValueError(
            f"warp: the matrix has determinant {determinant:g}, so it flattens the picture and "
            f"cannot be "
            "turned around; give one that keeps an area"
        )
    positions = functional.pad(pixel_positions(height, width), (0, 1), value=1.0)  # (H, W, 3)
    source = positions @ torch.linalg.inv(forward).T
    # A pixel that comes from beyond the horizon comes from nowhere: far outside.
    depth = source[..., 2:]
    flat = torch.where(depth.abs() > 1e-8, source[..., :2] / depth, 1e9)
    grid = sampling_grid(flat, height=height, width=width, device=spec.device)
    return {"grid": grid, "mode": mode, "outside": outside}
