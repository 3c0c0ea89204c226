"""Straight lines straight again: the map that undoes the lens is made once, not on every frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch
from kornia.geometry.calibration import distort_points
from torch.nn import functional

from toolkit.stages.declare import Gather, Image, InputSpec, Range, stage
from toolkit.stages.grids import pixel_positions, sampling_grid
from toolkit.stages.shapes import check_image
from toolkit.stages.views import DEFAULT_CAMERA, CameraMatrix

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["undistort"]


@stage("undistort", footprint=Gather())
def undistort(rgb: Image, *, grid: Tensor) -> Image:
    """Compensate lens distortion, (1, C, H, W) float32. One allocation, no sync.

    The picture of `kornia.geometry.calibration.undistort_image`, which computes its map anew on
    every call: bilinear, black where the lens saw nothing.
    """
    return functional.grid_sample(
        rgb, grid, mode="bilinear", padding_mode="zeros", align_corners=True
    )


@undistort.prepare
def _(
    spec: InputSpec,
    *,
    camera: CameraMatrix = DEFAULT_CAMERA,
    k1: Annotated[float, Range(-2.0, 2.0, 0.01, doc="radial, r^2; negative is a barrel")] = 0.0,
    k2: Annotated[float, Range(-4.0, 4.0, 0.01, doc="radial, r^4")] = 0.0,
    k3: Annotated[float, Range(-8.0, 8.0, 0.01, doc="radial, r^6")] = 0.0,
    p1: Annotated[float, Range(-0.5, 0.5, 0.001, doc="tangential, y")] = 0.0,
    p2: Annotated[float, Range(-0.5, 0.5, 0.001, doc="tangential, x")] = 0.0,
) -> dict[str, Any]:
    height, width = check_image("undistort", spec)
    focal, last = (camera[0][0], camera[1][1]), camera[2]
    if min(focal) <= 0 or last != (0.0, 0.0, 1.0):
        raise ValueError(
            f"undistort: fx, fy = {focal[0]:g}, {focal[1]:g} and a last row of {last} are no "
            f"camera matrix; "
            "it is ((fx, 0, cx), (0, fy, cy), (0, 0, 1)) with fx and fy above 0, in px"
        )
    positions = pixel_positions(height, width)
    matrix = torch.tensor(camera, dtype=torch.float64)
    coefficients = torch.tensor((k1, k2, p1, p2, k3), dtype=torch.float64)
    source = distort_points(positions.view(-1, 2), matrix, coefficients)
    source = source.reshape(height, width, 2)
    return {"grid": sampling_grid(source, height=height, width=width, device=spec.device)}
