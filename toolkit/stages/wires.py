"""How is a line in space drawn without knowing how long it will be? As a fixed number of dots.

A segment is sampled in `prepare`; on every frame its samples are projected and each is painted with
a small square brush. What lies behind the camera or outside of the picture goes to one spare number
behind the canvas, so shapes never change and nothing is asked of the device.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import torch

from toolkit.stages.dots import Canvas, dot_values, draw_dots, prepare_canvas

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

    from toolkit.stages.resection import View
    from toolkit.stages.views import Camera

__all__ = [
    "Brush",
    "Segment",
    "Wires",
    "axes",
    "box",
    "draw_wires",
    "frustum",
    "prepare_brush",
    "rectangle",
    "wires",
]

Point = tuple[float, float, float]
Segment = tuple[Point, Point]

NEAR = 0.02
"""Nearer to the camera than this, in units of the scene, nothing is drawn."""


class Wires(NamedTuple):
    """Lines of one colour.

    Attributes:
        dots: (3, S) float32, in the axes of what they belong to.
        color: (3 S B,) float32: what is written, for a brush of B pixels.
    """

    dots: Tensor
    color: Tensor


class Brush(NamedTuple):
    """What a dot of a line covers, and what of.

    Attributes:
        offsets: (B, 2) int64, px.
        on: the picture.
    """

    offsets: Tensor
    on: Canvas


def prepare_brush(height: int, width: int, thickness: int, device: torch.device) -> Brush:
    """A square brush of `thickness` px for a picture of (1, 3, H, W). Uploads."""
    span = torch.arange(thickness) - thickness // 2
    offsets = torch.cartesian_prod(span, span).view(-1, 2)
    return Brush(offsets.to(device), prepare_canvas(height, width, device))


def wires(segments: Sequence[Segment], color: str, brush: Brush, samples: int) -> Wires:
    """Lines of a colour of `COLORS`, sampled. Uploads."""
    ends = torch.tensor(segments)  # (n, 2, 3)
    step = torch.linspace(0, 1, samples).view(1, samples, 1)
    dots = torch.lerp(ends[:, :1], ends[:, 1:], step).reshape(-1, 3)
    count = dots.shape[0] * brush.offsets.shape[0]
    device = brush.offsets.device
    return Wires(dots.mT.contiguous().to(device), dot_values(color, count, device))


def draw_wires(
    canvas: Tensor, lines: Wires, view: View, is_shown: Tensor, *, camera: Camera, brush: Brush
) -> None:
    """Paint lines on a canvas of 3 H W numbers and a spare one, where `is_shown`, (). No sync.

    A line hides what was drawn before it.
    """
    there = view.rotation @ lines.dots + view.translation[:, None]  # (3, S)
    is_ahead = (there[2] > NEAR) & is_shown
    place = there[:2] / there[2].clamp(min=NEAR) * camera.focal + camera.center
    place = place.nan_to_num(0.0).clamp(-1e6, 1e6).round().long().mT  # (S, 2)
    place = place[:, None] + brush.offsets  # (S, B, 2)
    draw_dots(canvas, place, is_ahead[:, None], lines.color, on=brush.on)


def box(center: Point, size: Point) -> list[Segment]:
    """The twelve edges of a box along the axes."""
    halves = torch.tensor(size) / 2
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0])] * 3)  # (8, 3)
    corners = [(x, y, z) for x, y, z in (torch.tensor(center) + signs * halves).tolist()]
    pairs = combinations(range(8), 2)
    # Corners are numbered by three bits; an edge joins two that differ in one.
    return [(corners[a], corners[b]) for a, b in pairs if (a ^ b).bit_count() == 1]


def rectangle(width: float, height: float) -> list[Segment]:
    """The four sides of a rectangle around the origin, at z = 0."""
    x, y = width / 2, height / 2
    return _ring([(-x, -y, 0.0), (x, -y, 0.0), (x, y, 0.0), (-x, y, 0.0)])


def axes(length: float) -> tuple[Segment, Segment, Segment]:
    """From the origin along x, y and z."""
    origin = (0.0, 0.0, 0.0)
    return (
        (origin, (length, 0.0, 0.0)),
        (origin, (0.0, length, 0.0)),
        (origin, (0.0, 0.0, length)),
    )


def frustum(aspect: tuple[float, float], depth: float) -> list[Segment]:
    """A camera as a pyramid: its tip at the origin, its picture `depth` ahead.

    Args:
        aspect: half the width and half the height of the picture at depth 1.
        depth: how far ahead the picture is.
    """
    x, y = aspect[0] * depth, aspect[1] * depth
    corners = [(-x, -y, depth), (x, -y, depth), (x, y, depth), (-x, y, depth)]
    tip = (0.0, 0.0, 0.0)
    return [*((tip, one) for one in corners), *_ring(corners)]


def _ring(corners: list[Point]) -> list[Segment]:
    return list(zip(corners, [*corners[1:], corners[0]], strict=True))
