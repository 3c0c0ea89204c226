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

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["correlate", "correlate_inside", "gaussian_radius", "gaussian_taps"]


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
        (1, C, H, W). Three allocations: the mirrored picture, one pass, the result.
    """
    radius = taps.shape[0] // 2
    mirrored = functional.pad(image, (radius, radius, radius, radius), mode="reflect")
    return correlate_inside(mirrored, taps)


def correlate_inside(image: Tensor, taps: Tensor) -> Tensor:
    """As `correlate`, of a picture that has its border already: the result is smaller by it.

    Args:
        image: (1, C, H + 2 radius, W + 2 radius) float32.
        taps: (2 radius + 1,) float32 on the same device.

    Returns:
        (1, C, H, W). Two allocations.
    """
    weights = taps.unbind()
    last = len(weights) - 1
    height, width = image.shape[-2] - last, image.shape[-1] - last
    rows = image[..., :height, :] * weights[0]  # (1, C, H, W + 2 radius)
    for offset in range(1, last + 1):
        rows.addcmul_(image[..., offset : offset + height, :], weights[offset])
    result = rows[..., :width] * weights[0]  # (1, C, H, W)
    for offset in range(1, last + 1):
        result.addcmul_(rows[..., offset : offset + width], weights[offset])
    return result
