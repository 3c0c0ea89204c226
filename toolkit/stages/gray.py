"""Brightness of each pixel. A video carries it ready made: the luma plane, no colours needed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from toolkit.stages.colorimetry import check_slot, luma_scale, turn
from toolkit.stages.declare import Gray, InputSpec, Pointwise, stage

if TYPE_CHECKING:
    from torch import Tensor

    from toolkit.spec import FrameSpec

__all__ = ["gray"]

RGB_WEIGHTS = (0.299, 0.587, 0.114)
"""Weights of `kornia.color.rgb_to_grayscale`, BT.601."""


@stage("gray", footprint=Pointwise())
def gray(pixels: Tensor, *, frame: FrameSpec, weights: tuple[Tensor, ...], black: Tensor) -> Gray:
    """Brightness, (1, 1, H, W) float32 in [0, 1], turned for display. No sync.

    From `i420` it is the luma plane, its range expanded: one allocation. From `gray` the same. From
    `rgb` it is the weighted sum of `kornia.color.rgb_to_grayscale`: three.
    """
    if frame.pixel_format == "rgb":
        planes = turn(pixels, frame.rotation)
        total = _to_float(planes[:1]).mul_(weights[0])
        for plane, weight in zip(planes[1:], weights[1:], strict=True):
            total.addcmul_(_to_float(plane), weight)
        return total[None]

    plane = pixels[0] if frame.pixel_format == "gray" else pixels  # its first rows are luma
    luma = _to_float(turn(plane[: frame.height, : frame.width], frame.rotation))
    if frame.pixel_format == "i420" and not frame.full_range:
        # Values below black and above white are legal; the range [0, 1] has no room for them.
        luma.sub_(black).mul_(weights[0]).clamp_(0.0, 1.0)
    else:
        luma.mul_(weights[0])
    return luma[None, None]


@gray.prepare
def _(spec: InputSpec) -> dict[str, Any]:
    check_slot("gray", spec)
    frame = spec.frame
    scale, black = luma_scale(frame)
    weights = tuple(one / 255 for one in RGB_WEIGHTS) if frame.pixel_format == "rgb" else (scale,)
    return {
        "frame": frame,
        "weights": torch.tensor(weights).to(spec.device).unbind(),
        "black": torch.tensor(float(black)).to(spec.device),
    }


def _to_float(plane: Tensor) -> Tensor:
    return plane.to(torch.float32, memory_format=torch.contiguous_format)
