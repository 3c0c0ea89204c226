"""Grow, shrink, fill holes, drop specks: the largest or the smallest value around each pixel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import torch
from torch.nn import functional

from toolkit.stages.declare import Choice, Image, InputSpec, Range, Stencil, stage
from toolkit.stages.shapes import check_image
from toolkit.stages.windows import sliding_max, sliding_min

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["morphology"]


@stage("morphology", footprint=Stencil(radius=30))
def morphology(gray: Image, *, steps: tuple[str, ...], radius: int, shape: str) -> Image:
    """Dilate, erode, open or close, (1, C, H, W) float32. No sync.

    What lies outside of the picture does not count, as with `border_type="geodesic"` of
    `kornia.morphology`, whose results these are. A window of 5x5 px takes 6 passes over the
    picture, one of 31x31 px takes 10; nothing of the windows is materialised.
    """
    for step in steps:
        gray = _spread(gray, radius, shape, grow=step == "dilate")
    return gray


@morphology.prepare
def _(
    spec: InputSpec,
    *,
    operation: Annotated[
        str, Choice("dilate", "erode", "open", "close", doc="open drops specks, close fills holes")
    ] = "open",
    radius: Annotated[int, Range(1, 15, 1, "px", doc="half the width of the window")] = 1,
    shape: Annotated[str, Choice("square", "cross", doc="shape of the window")] = "square",
) -> dict[str, Any]:
    check_image("morphology", spec)
    steps = {"open": ("erode", "dilate"), "close": ("dilate", "erode")}
    return {"steps": steps.get(operation, (operation,)), "radius": radius, "shape": shape}


def _spread(image: Tensor, radius: int, shape: str, *, grow: bool) -> Tensor:
    slide, pick, outside = (
        (sliding_max, torch.maximum, -math.inf) if grow else (sliding_min, torch.minimum, math.inf)
    )
    side = 2 * radius + 1
    wide = functional.pad(image, (radius, radius), value=outside)
    along = slide(wide, 1, side)
    tall = functional.pad(
        along if shape == "square" else image, (0, 0, radius, radius), value=outside
    )
    down = slide(tall, side, 1)
    return down if shape == "square" else pick(along, down)
