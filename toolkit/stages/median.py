"""Take single wrong pixels out, and leave edges where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch
from torch.nn import functional

from toolkit.stages.declare import Image, InputSpec, Range, Stencil, stage
from toolkit.stages.shapes import check_image, check_radius

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["median"]


@stage("median", footprint=Stencil(radius=4))
def median(gray: Image, *, passes: int) -> Image:
    """Middle value of 3x3 px, as often as `passes` says, (1, C, H, W) float32. No sync.

    The border is mirrored (`reflect`), and one pass equals `kornia.filters.median_blur(gray, 3)` on
    finite pixels. Each column of three is sorted once and shared by the three windows that it is
    part of: 9 minima and 9 maxima instead of a sort of nine. Eleven allocations a pass.
    """
    for _ in range(passes):
        gray = _middle(functional.pad(gray, (1, 1, 1, 1), mode="reflect"))
    return gray


@median.prepare
def _(
    spec: InputSpec,
    *,
    passes: Annotated[int, Range(1, 4, 1, "passes", doc="more passes take larger specks out")] = 1,
) -> dict[str, Any]:
    height, width = check_image("median", spec)
    check_radius("median", 1, height, width)
    return {"passes": passes}


def _middle(image: Tensor) -> Tensor:
    upper, middle, lower = image[..., :-2, :], image[..., 1:-1, :], image[..., 2:, :]
    # Sort each column of three: low <= mid <= high.
    low, high = torch.minimum(upper, middle), torch.maximum(upper, middle)
    mid = torch.minimum(high, lower)
    torch.maximum(high, lower, out=high)
    spare = torch.maximum(low, mid)
    torch.minimum(low, mid, out=low)
    mid = spare
    # The middle of nine is the middle of three: the largest low, the middle mid, the smallest high.
    left, center, right = (slice(0, -2), slice(1, -1), slice(2, None))
    lowest = torch.maximum(low[..., left], low[..., center])
    torch.maximum(lowest, low[..., right], out=lowest)
    highest = torch.minimum(high[..., left], high[..., center])
    torch.minimum(highest, high[..., right], out=highest)
    return _middle_of_three(
        lowest, _middle_of_three(mid[..., left], mid[..., center], mid[..., right]), highest
    )


def _middle_of_three(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    lesser, greater = torch.minimum(a, b), torch.maximum(a, b)
    torch.minimum(greater, c, out=greater)
    return torch.maximum(lesser, greater, out=lesser)
