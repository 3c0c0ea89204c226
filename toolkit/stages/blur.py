"""Gaussian blur: the step before every derivative, because noise has the steepest slopes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from toolkit.stages.declare import Gray, InputSpec, Range, Stencil, stage
from toolkit.stages.shapes import check_image, check_radius
from toolkit.stages.taps import correlate, gaussian_radius, gaussian_taps

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["blur"]


@stage("blur", footprint=Stencil(radius=10))
def blur(gray: Gray, *, kernel: Tensor) -> Gray:
    """Smooth with a Gaussian, (1, C, H, W) float32. Three allocations, no sync.

    The border is mirrored (`reflect`), as `kornia.filters.gaussian_blur2d` does. Works on any
    number of channels: `blur.using(gray="rgb")`.
    """
    return correlate(gray, kernel)


@blur.prepare
def _(
    spec: InputSpec,
    *,
    sigma: Annotated[
        float, Range(0.3, 5.0, 0.1, "px", doc="standard deviation; the taps reach twice as far")
    ] = 1.0,
) -> dict[str, Any]:
    height, width = check_image("blur", spec)
    check_radius("blur", gaussian_radius(sigma), height, width)
    return {"kernel": gaussian_taps(sigma, device=spec.device)}
