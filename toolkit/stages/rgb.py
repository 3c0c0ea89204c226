"""Colours from a slot: 1.5 bytes a pixel come from the decoder, and only the device sees 12."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch
from torch.nn import functional

from toolkit.stages.colorimetry import check_slot, chroma_terms, luma_scale, turn
from toolkit.stages.declare import Choice, InputSpec, Rgb, Stencil, stage

if TYPE_CHECKING:
    from torch import Tensor

    from toolkit.spec import FrameSpec

__all__ = ["rgb"]


@stage("rgb", footprint=Stencil(radius=2))
def rgb(
    pixels: Tensor,
    *,
    frame: FrameSpec,
    matrix: Tensor,
    bias: Tensor,
    scale: float,
    chroma: str,
) -> Rgb:
    """Pixels of the slot as (1, 3, H, W) float32 in [0, 1], turned for display. No sync.

    `i420` is converted by the exact BT.601, BT.709 or BT.2020 matrix, limited or full range, as the
    frame says. Chroma is sampled up by repeating it (`nearest`: two by two pixels share it, five
    times cheaper) or linearly (`bilinear`, sited between the four). Four allocations for `i420`,
    one for `rgb`.
    """
    if frame.pixel_format != "i420":
        picture = turn(pixels, frame.rotation).to(
            torch.float32, memory_format=torch.contiguous_format
        )
        picture = picture.mul_(matrix)[None]
        return picture if picture.shape[1] == 3 else picture.repeat(1, 3, 1, 1)

    luma = turn(pixels[: frame.height, : frame.width], frame.rotation)  # the first of its planes
    both = pixels[frame.padded_height :].view(2, frame.padded_height // 2, -1)
    both = turn(both, frame.rotation).to(torch.float32, memory_format=torch.contiguous_format)
    height, width = both.shape[1:]
    terms = torch.addmm(bias, matrix, both.view(2, -1)).view(1, 3, height, width)
    align = None if chroma == "nearest" else False
    picture = functional.interpolate(
        terms, size=(2 * height, 2 * width), mode=chroma, align_corners=align
    )
    picture = _cut_padding(picture, frame)
    return picture.add_(luma.to(torch.float32), alpha=scale).clamp_(0.0, 1.0)


@rgb.prepare
def _(
    spec: InputSpec,
    *,
    chroma: Annotated[
        str, Choice("nearest", "bilinear", doc="how the half-size colour planes are sampled up")
    ] = "nearest",
) -> dict[str, Any]:
    frame = spec.frame
    check_slot("rgb", spec)
    if frame.pixel_format == "i420":
        matrix, bias = chroma_terms(frame)
    else:
        matrix, bias = torch.tensor(1 / 255), torch.tensor(0.0)
    return {
        "frame": frame,
        "matrix": matrix.to(spec.device),
        "bias": bias.to(spec.device),
        "scale": luma_scale(frame)[0],
        "chroma": chroma,
    }


def _cut_padding(picture: Tensor, frame: FrameSpec) -> Tensor:
    # Odd sizes carry one padding column on the right, one padding row below. Turned
    # counter-clockwise, the right side comes to the top, the bottom to the right.
    columns, rows = frame.padded_width - frame.width, frame.padded_height - frame.height
    if not columns and not rows:
        return picture
    top, left = {0: (0, 0), 90: (columns, 0), 180: (rows, columns), 270: (0, rows)}[frame.rotation]
    height, width = frame.display_height, frame.display_width
    return picture[..., top : top + height, left : left + width].contiguous()
