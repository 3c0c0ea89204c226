"""Show what was matched: a line from where each point was to where it is, drawn on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch

from toolkit.stages.declare import Choice, Global, InputSpec, Pairs, Range, Rgb, Tracks, stage
from toolkit.stages.dots import (
    COLORS,
    Canvas,
    copied,
    dot_values,
    draw_dots,
    prepare_canvas,
)
from toolkit.stages.shapes import check_image

if TYPE_CHECKING:
    from torch import Tensor

    from toolkit.stages.matches import Matches

__all__ = ["overlay_matches"]


@stage("overlay_matches", footprint=Global())
def overlay_matches(
    rgb: Rgb,
    matches: Matches | Tracks | Pairs,
    *,
    along: Tensor,
    square: Tensor,
    values: Tensor,
    on: Canvas,
) -> Rgb:
    """Draw a line for each pair, with a square where it ends, (1, 3, H, W) float32.

    No sync, fixed shapes: every line is as many dots, so one that is longer than that many px is
    dotted. What lies outside of the picture is cut off. One allocation of the size of the picture,
    and lists of all dots.
    """
    pairs = matches.pairs
    is_valid = pairs.is_valid[0, :, None]
    before = torch.where(is_valid, pairs.before[0], 0.0)[:, None]  # (K, 1, 2)
    after = torch.where(is_valid, pairs.after[0], 0.0)[:, None]
    line = torch.lerp(before, after, along)  # (K, dots, 2)
    dots = torch.cat((line, after + square), 1).round_().long()
    memory = copied(rgb)
    draw_dots(memory, dots, is_valid, values, on=on)
    return memory[:-1].view(rgb.shape)


@overlay_matches.prepare
def _(
    spec: InputSpec,
    *,
    color: Annotated[str, Choice(*COLORS, doc="colour of the lines")] = "cyan",
    dots: Annotated[int, Range(2, 1024, 1, "dots", doc="that make a line")] = 96,
    radius: Annotated[int, Range(0, 5, 1, "px", doc="of the square where a line ends")] = 1,
) -> dict[str, Any]:
    height, width = check_image("overlay_matches", spec, channels=3)
    span = torch.arange(-radius, radius + 1.0)
    square = torch.cartesian_prod(span, span)
    count = spec.inputs[1][0].shape[1] * (dots + square.shape[0])
    return {
        "along": torch.linspace(0.0, 1.0, dots)[:, None].to(spec.device),  # (dots, 1)
        "square": square.to(spec.device),  # (P, 2)
        "values": dot_values(color, count, spec.device),
        "on": prepare_canvas(height, width, spec.device),
    }
