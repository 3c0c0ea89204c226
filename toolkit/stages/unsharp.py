"""Sharper: add what a blur takes away."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch

from toolkit.stages.declare import Image, InputSpec, Range, Stencil, stage
from toolkit.stages.shapes import check_image, check_radius
from toolkit.stages.taps import correlate, gaussian_radius, gaussian_taps

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["unsharp"]


@stage("unsharp", footprint=Stencil(radius=10))
def unsharp(rgb: Image, *, kernel: Tensor, gain: Tensor) -> Image:
    """Sharpen: `rgb + amount (rgb - blurred)`, (1, C, H, W) float32. Three allocations, no sync.

    With amount 1 it is `kornia.filters.unsharp_mask`, border mirrored (`reflect`). Next to an edge
    the result leaves [0, 1], as it does there.
    """
    blurred = correlate(rgb, kernel)
    return torch.lerp(blurred, rgb, gain, out=blurred)


@unsharp.prepare
def _(
    spec: InputSpec,
    *,
    sigma: Annotated[float, Range(0.3, 5.0, 0.1, "px", doc="size of the details")] = 1.0,
    amount: Annotated[
        float, Range(0.0, 5.0, 0.1, doc="how much is added; 0 changes nothing")
    ] = 1.0,
) -> dict[str, Any]:
    height, width = check_image("unsharp", spec)
    check_radius("unsharp", gaussian_radius(sigma), height, width)
    return {
        "kernel": gaussian_taps(sigma, device=spec.device),
        "gain": torch.tensor(1.0 + amount).to(spec.device),
    }
