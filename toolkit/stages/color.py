"""Brightness, contrast, saturation, hue and gamma: one matrix, and a power if asked for."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import torch

from toolkit.stages.declare import InputSpec, Pointwise, Range, Rgb, stage
from toolkit.stages.gray import RGB_WEIGHTS
from toolkit.stages.shapes import check_image

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["color"]


@stage("color", footprint=Pointwise())
def color(rgb: Rgb, *, matrix: Tensor, offset: Tensor, gamma: Tensor | None) -> Rgb:
    """Adjust colours, (1, 3, H, W) float32 in [0, 1]. One allocation, no sync.

    Hue, saturation, contrast and brightness are one 3x3 matrix and an offset, in that order, cut to
    [0, 1] once, at the end. By themselves they equal `kornia.enhance.adjust_brightness`,
    `adjust_contrast` and `adjust_saturation_with_gray_subtraction`. Hue turns the colours around
    the gray axis: at thirds of a turn it is `adjust_hue`, in between it does not take the way
    around the HSV hexagon.
    """
    flat = rgb.reshape(3, -1)
    adjusted = torch.addmm(offset, matrix, flat).clamp_(0.0, 1.0)
    if gamma is not None:
        adjusted.pow_(gamma)
    return adjusted.view(rgb.shape)


@color.prepare
def _(
    spec: InputSpec,
    *,
    brightness: Annotated[float, Range(-1.0, 1.0, 0.01, doc="added to every channel")] = 0.0,
    contrast: Annotated[float, Range(0.0, 4.0, 0.05, doc="multiplies every channel")] = 1.0,
    saturation: Annotated[float, Range(0.0, 4.0, 0.05, doc="0 is gray, 1 is unchanged")] = 1.0,
    hue: Annotated[float, Range(-180.0, 180.0, 1.0, "degrees", doc="turn of the colours")] = 0.0,
    gamma: Annotated[float, Range(0.1, 5.0, 0.05, doc="power; above 1 darkens the shadows")] = 1.0,
) -> dict[str, Any]:
    check_image("color", spec, channels=3)
    weights = torch.tensor(RGB_WEIGHTS, dtype=torch.float64)
    identity = torch.eye(3, dtype=torch.float64)
    saturate = saturation * identity + (1 - saturation) * weights.expand(3, 3)
    matrix = contrast * saturate @ _turn_hue(hue)
    return {
        "matrix": matrix.float().to(spec.device),
        "offset": torch.full((3, 1), brightness).to(spec.device),
        "gamma": torch.tensor(gamma).to(spec.device) if gamma != 1.0 else None,
    }


def _turn_hue(degrees: float) -> Tensor:
    """Rotation around the gray axis (1, 1, 1); 120 degrees take red to green."""
    angle = math.radians(degrees)
    keep = math.cos(angle) + (1 - math.cos(angle)) / 3
    mean, swing = (1 - math.cos(angle)) / 3, math.sin(angle) / math.sqrt(3)
    less, more = mean - swing, mean + swing
    return torch.tensor(
        [[keep, less, more], [more, keep, less], [less, more, keep]], dtype=torch.float64
    )
