"""How is a line in space drawn without knowing how long it will be? As a fixed number of dots.

A segment is sampled in `prepare`; on every frame its samples are projected and each is painted with
a small square brush. What lies behind the camera or outside of the picture goes to one spare number
behind the canvas, so shapes never change and nothing is asked of the device.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import torch

from toolkit.stages.overlay import COLORS

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
    """What drawing needs to know of the picture, on the device.

    Attributes:
        offsets: (B, 2) int64, px.
        last: (2,) int64: last column and row.
        strides: (2,) int64: of a pixel's place.
        planes: (3, 1) int64: where each colour begins.
        spare: () int64: the place behind the picture.
    """

    offsets: Tensor
    last: Tensor
    strides: Tensor
    planes: Tensor
    spare: Tensor


def prepare_brush(height: int, width: int, thickness: int, device: torch.device) -> Brush:
    """A square brush of `thickness` px for a picture of (1, 3, H, W). Uploads."""
    span = torch.arange(thickness) - thickness // 2
    offsets = torch.cartesian_prod(span, span).view(-1, 2)
    return Brush(
        offsets.to(device),
        torch.tensor([width - 1, height - 1]).to(device),
        torch.tensor([1, width]).to(device),
        (torch.arange(3) * height * width).view(3, 1).to(device),
        torch.tensor(3 * height * width).to(device),
    )


def wires(segments: Sequence[Segment], color: str, brush: Brush, samples: int) -> Wires:
    """Lines of a colour of `COLORS`, sampled. Uploads."""
    ends = torch.tensor(segments)  # (n, 2, 3)
    step = torch.linspace(0, 1, samples).view(1, samples, 1)
    dots = torch.lerp(ends[:, :1], ends[:, 1:], step).reshape(-1, 3)
    count = dots.shape[0] * brush.offsets.shape[0]
    written = torch.tensor(COLORS[color])[:, None].expand(3, count).reshape(-1)
    device = brush.last.device
    return Wires(dots.mT.contiguous().to(device), written.to(device))


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
    is_inside = ((place >= 0) & (place <= brush.last)).all(-1) & is_ahead[:, None]
    flat = (place * brush.strides).sum(-1).view(1, -1) + brush.planes  # (3, S B)
    flat = torch.where(is_inside.view(1, -1), flat, brush.spare)
    # Where lines of one colour cross, the same is written twice: the order does not show.
    canvas.scatter_(0, flat.view(-1), lines.color)


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
