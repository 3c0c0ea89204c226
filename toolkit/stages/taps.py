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
    from torch import Tensor

__all__ = ["correlate", "correlate_into", "gaussian_radius", "gaussian_taps"]


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
    height, channels = image.shape[-2], image.shape[1]
    rows = rows_per_band(mirrored, height, planes=channels)
    spare = mirrored.new_empty((1, channels, rows, mirrored.shape[-1]))
    weights = taps.unbind()
    for top, count in bands(height, rows):
        part = mirrored[..., top : top + count + 2 * radius, :]
        correlate_into(result[..., top : top + count, :], part, weights, spare[..., :count, :])
    return result


def correlate_into(
    result: Tensor, image: Tensor, weights: tuple[Tensor, ...], spare: Tensor
) -> None:
    """Weigh the rows, then the columns, of a picture that has its border already. No allocation.

    Args:
        result: (1, C, H, W), written.
        image: (1, C, H + 2 radius, W + 2 radius).
        weights: the 2 radius + 1 taps, one tensor each.
        spare: (1, C, H, W + 2 radius), written: the picture after the first pass.
    """
    height, width = result.shape[-2:]
    torch.mul(image[..., :height, :], weights[0], out=spare)
    for offset in range(1, len(weights)):
        spare.addcmul_(image[..., offset : offset + height, :], weights[offset])
    torch.mul(spare[..., :width], weights[0], out=result)
    for offset in range(1, len(weights)):
        result.addcmul_(spare[..., offset : offset + width], weights[offset])
