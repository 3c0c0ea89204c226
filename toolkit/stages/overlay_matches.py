"""Show what was matched: a line from where each point was to where it is, drawn on the device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import torch

from toolkit.stages.declare import Choice, Global, InputSpec, Pairs, Range, Rgb, Tracks, stage
from toolkit.stages.overlay import COLORS
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
    last: Tensor,
    strides: Tensor,
    planes: Tensor,
    spare: Tensor,
    values: Tensor,
) -> Rgb:
    """Draw a line for each pair, with a square where it ends, (1, 3, H, W) float32.

    No sync, fixed shapes: every line is as many dots, so one that is longer than that many px is
    dotted. What lies outside of the picture is cut off. One allocation of the size of the picture,
    and lists of all dots.
    """
    pairs = matches if isinstance(matches, Pairs) else matches.pairs
    is_valid = pairs.is_valid[0, :, None]
    before = torch.where(is_valid, pairs.before[0], 0.0)[:, None]  # (K, 1, 2)
    after = torch.where(is_valid, pairs.after[0], 0.0)[:, None]
    line = torch.lerp(before, after, along)  # (K, dots, 2)
    dots = torch.cat((line, after + square), 1).round_().long()

    is_drawn = ((dots >= 0) & (dots <= last)).all(-1) & is_valid
    place = (dots * strides).sum(-1).view(1, -1) + planes  # (3, K dots)
    place = torch.where(is_drawn.view(1, -1), place, spare)
    # One number more than the picture has: what must not be drawn is drawn there.
    canvas = rgb.new_empty(rgb.numel() + 1)
    picture = canvas[:-1].view(rgb.shape)
    picture.copy_(rgb)
    canvas.scatter_(0, place.view(-1), values)
    return picture


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
    on_host = {
        "along": torch.linspace(0.0, 1.0, dots)[:, None],  # (dots, 1)
        "square": square,  # (P, 2)
        "last": torch.tensor([width - 1, height - 1]),
        "strides": torch.tensor([1, width]),
        "planes": (torch.arange(3) * height * width).view(3, 1),
        "spare": torch.tensor(3 * height * width),
        "values": torch.tensor(COLORS[color]).repeat_interleave(count),
    }
    return {name: one.to(spec.device) for name, one in on_host.items()}
