"""The picture at half the size, again and again: large motion becomes small motion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch
from torch.nn import functional

from toolkit.stages.declare import Gather, Gray, InputSpec, Pyramid, Range, stage
from toolkit.stages.shapes import check_image

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["TAPS", "halve", "pyramid"]

TAPS = (1, 5, 10, 10, 5, 1)
"""A Gaussian pyramid's 5-tap binomial filter and the mean of two in one, in 32nds."""


@stage("pyramid", footprint=Gather())
def pyramid(gray: Gray, *, levels: int, taps: Tensor) -> Pyramid:
    """Levels of a Gaussian pyramid, largest first, a tuple of (1, C, H / 2^i, W / 2^i). No sync.

    Level 0 is the input itself. Sizes are halved and rounded down, the border is mirrored, and
    pixel x of a level lies at 2 x + 0.5 of the one below, for odd sizes too. For even sizes this is
    `kornia.geometry.build_pyramid`, which for odd ones stretches each level a little. Three
    allocations a level.
    """
    result = [gray]
    for _ in range(levels - 1):
        result.append(halve(result[-1], taps))
    return tuple(result)


@pyramid.prepare
def _(
    spec: InputSpec,
    *,
    levels: Annotated[int, Range(2, 8, 1, "levels", doc="how many, the input included")] = 4,
) -> dict[str, Any]:
    height, width = check_image("pyramid", spec)
    smallest = min(height, width) >> (levels - 2)
    if smallest < 3:
        most = (min(height, width) // 3).bit_length() + 1
        way_out = f"set levels to {most} or less, or give" if most > 1 else "give"
        raise ValueError(
            f"pyramid: a picture of {width}x{height} px cannot be halved {levels - 1} times, the "
            f"level before the last would have {smallest} px; {way_out} a larger picture"
        )
    return {"levels": levels, "taps": (torch.tensor(TAPS) / 32.0).to(spec.device)}


def halve(image: Tensor, taps: Tensor) -> Tensor:
    """One level from the one below it, (1, C, H / 2, W / 2). Three allocations, no sync.

    Args:
        image: (1, C, H, W) float32, at least 3 px on each side.
        taps: (6,) `TAPS` in 32nds, on the image's device.
    """
    height, width = image.shape[-2] // 2, image.shape[-1] // 2
    mirrored = functional.pad(image, (2, 2, 2, 2), mode="reflect")
    weights = taps.unbind()
    rows = mirrored[..., 0 : 2 * height : 2, :] * weights[0]  # (1, C, h, W + 4)
    for offset in range(1, len(weights)):
        rows.addcmul_(mirrored[..., offset : offset + 2 * height : 2, :], weights[offset])
    half = rows[..., 0 : 2 * width : 2] * weights[0]  # (1, C, h, w)
    for offset in range(1, len(weights)):
        half.addcmul_(rows[..., offset : offset + 2 * width : 2], weights[offset])
    return half
