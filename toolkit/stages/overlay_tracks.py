"""Show where points went: a dot where each one is, and a tail where it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import torch

from toolkit.stages.declare import Choice, Global, InputSpec, Range, Rgb, Tracks, stage
from toolkit.stages.dots import COLORS
from toolkit.stages.shapes import check_image

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["overlay_tracks"]

STEPS = 8
"""Places drawn between two positions of a tail: without a gap up to 8 px a frame."""


class _Brush(NamedTuple):
    """What is drawn, and where it may be.

    Attributes:
        disc: (D, 2) float32, px: the pixels of a dot, from its centre.
        way: (STEPS,) float32: how far along from one position to the next.
        fade: (T - 1, 1) float32: how strong each part of a tail is, the newest first.
        last: (2,) float32: the last x and y of the picture.
        strides: (2,) int64: from a pixel to the next one along x, and along y.
        dot_color: (3, 1, 1) float32.
        tail_color: (3, 1, 1) float32.
    """

    disc: Tensor
    way: Tensor
    fade: Tensor
    last: Tensor
    strides: Tensor
    dot_color: Tensor
    tail_color: Tensor


@stage("overlay_tracks", footprint=Global())
def overlay_tracks(rgb: Rgb, tracks: Tracks, *, brush: _Brush) -> Rgb:
    """Draw each track as a dot with a tail that fades, (1, 3, H, W) float32. No sync, fixed shapes.

    Where tails cross the stronger one shows, and dots lie above tails, so the order of drawing does
    not matter. Three allocations: a plane for tails, one for dots, and the result.
    """
    is_there = tracks.id[0, :, None] >= 0  # (K, 1)
    tails = _stroke(rgb, *_tail(tracks, is_there, brush), brush)
    dots = tracks.xy[0, :, None] + brush.disc  # (K, D, 2)
    is_dot = is_there.expand(-1, dots.shape[1])
    dot = _stroke(rgb, dots, is_dot.to(rgb.dtype), brush)
    return torch.lerp(rgb[0], brush.tail_color, tails).lerp_(brush.dot_color, dot)[None]


@overlay_tracks.prepare
def _(
    spec: InputSpec,
    *,
    dot_color: Annotated[str, Choice(*COLORS, doc="colour of the dots")] = "yellow",
    tail_color: Annotated[str, Choice(*COLORS, doc="colour of the tails")] = "green",
    radius: Annotated[int, Range(0, 10, 1, "px", doc="radius of the dots")] = 2,
) -> dict[str, Any]:
    height, width = check_image("overlay_tracks", spec, channels=3)
    parts = spec.inputs[1][-1].shape[2] - 1
    span = range(-radius, radius + 1)
    disc = [(x, y) for y in span for x in span if x * x + y * y <= radius * radius + 1]
    brush = _Brush(
        disc=torch.tensor(disc if radius else [(0, 0)], dtype=torch.float32),
        way=torch.arange(STEPS, dtype=torch.float32) / STEPS,
        fade=1.0 - 0.85 * torch.arange(parts, dtype=torch.float32)[:, None] / max(parts, 1),
        last=torch.tensor([width - 1.0, height - 1.0]),
        strides=torch.tensor([1, width]),
        dot_color=torch.tensor(COLORS[dot_color]).view(3, 1, 1),
        tail_color=torch.tensor(COLORS[tail_color]).view(3, 1, 1),
    )
    return {"brush": _Brush(*(one.to(spec.device) for one in brush))}


def _tail(tracks: Tracks, is_there: Tensor, brush: _Brush) -> tuple[Tensor, Tensor]:
    """Places along all tails, (K, N, 2) px, and how strong they are, (K, N)."""
    trail = tracks.trail[0]  # (K, T, 2)
    newer, older = trail[:, :-1, None], trail[:, 1:, None]
    places = torch.lerp(newer, older, brush.way[:, None]).flatten(1, 2)
    strength = brush.fade.expand(-1, STEPS).reshape(1, -1) * is_there
    return places, strength


def _stroke(rgb: Tensor, places: Tensor, strength: Tensor, brush: _Brush) -> Tensor:
    """A plane with the strongest stroke at each pixel, (H, W) float32; 0 where there is none."""
    height, width = rgb.shape[-2:]
    pixel = places.round()
    is_inside = ((pixel >= 0) & (pixel <= brush.last)).all(-1)
    flat = (pixel.clamp_(min=0.0).minimum(brush.last).long() * brush.strides).sum(-1)
    plane = rgb.new_zeros(height * width)
    plane.scatter_reduce_(0, flat.view(-1), (strength * is_inside).view(-1), "amax")
    return plane.view(height, width)
