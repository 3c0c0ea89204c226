"""How is a picture filtered with few passes? By two one-dimensional rows of weights, the taps.

A (2r+1) x (2r+1) kernel that is a product of a column and a row costs 2 (2r+1) passes, not
(2r+1)^2. Each pass adds a shifted *view* times one weight to an accumulator, so nothing of the
window is ever materialised: on a CPU that is faster than a convolution, which copies every window
into a matrix first.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from kornia.filters import get_gaussian_kernel1d
from torch.nn import functional

from toolkit.stages.bands import bands, rows_per_band

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = ["correlate", "gaussian_radius", "gaussian_taps", "shifted", "weigh"]


def gaussian_radius(sigma: float) -> int:
    """Radius in px of the taps of a Gaussian: two standard deviations, and at least one pixel."""
    # Rounded first, so that a slider's 1.0000000000000002 is not one tap wider than its 1.0.
    return max(1, math.ceil(round(2 * sigma, 6)))


def gaussian_taps(sigma: float, *, device: torch.device) -> Tensor:
    """Weights of a Gaussian, (2 radius + 1,) float32, sum 1. Made on the host, then moved."""
    size = 2 * gaussian_radius(sigma) + 1
    return get_gaussian_kernel1d(size, float(sigma))[0].to(device)


def correlate(image: Tensor, taps: Tensor) -> Tensor:
    """Weigh the rows, then the columns, around each pixel. Border mirrored (`reflect`).

    Args:
        image: (1, C, H, W) float32.
        taps: (2 radius + 1,) float32 on the same device.

    Returns:
        (1, C, H, W). Three allocations: the mirrored picture, a band of rows, the result.
    """
    radius = taps.shape[0] // 2
    mirrored = functional.pad(image, (radius, radius, radius, radius), mode="reflect")
    result = torch.empty_like(image, memory_format=torch.contiguous_format)
    height, width = image.shape[-2:]
    rows = rows_per_band(mirrored, height, planes=image.shape[1])
    spare = mirrored.new_empty((1, image.shape[1], rows, mirrored.shape[-1]))
    weights = taps.unbind()
    side_by_side = shifted(spare, width, axis=-1)
    for band, *parts in bands(rows, result, *shifted(mirrored, height, axis=-2)):
        weigh(parts, weights, out=spare)
        weigh(side_by_side, weights, out=band)
    return result


def shifted(image: Tensor, size: int, *, axis: int) -> tuple[Tensor, ...]:
    """All views of `size` px along an axis of an image that has a border there."""
    return image.unfold(axis, image.shape[axis] - size + 1, 1).unbind(-1)


def weigh(images: Sequence[Tensor], weights: Sequence[Tensor], *, out: Tensor) -> None:
    """Write the sum of all `images`, each times its weight, to `out`. No allocation."""
    torch.mul(images[0], weights[0], out=out)
    for image, weight in zip(images[1:], weights[1:], strict=True):
        out.addcmul_(image, weight)
