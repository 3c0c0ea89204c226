"""Show what was found: edges and corners drawn on the picture, on its device."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any

import torch

from toolkit.stages.declare import (
    Choice,
    Corners,
    Edges,
    Global,
    InputSpec,
    Pointwise,
    Range,
    Rgb,
    stage,
)
from toolkit.stages.shapes import check_image

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["overlay", "overlay_corners", "overlay_edges"]

COLORS = {
    "green": (0.0, 1.0, 0.2),
    "yellow": (1.0, 0.9, 0.0),
    "orange": (1.0, 0.5, 0.0),
    "red": (1.0, 0.1, 0.1),
    "magenta": (1.0, 0.0, 1.0),
    "cyan": (0.0, 0.9, 1.0),
    "white": (1.0, 1.0, 1.0),
}

EdgeColor = Annotated[str, Choice(*COLORS, doc="colour of the edges")]
Strength = Annotated[float, Range(0.0, 1.0, 0.05, doc="how much of the picture strong edges hide")]
CornerColor = Annotated[str, Choice(*COLORS, doc="colour of the corners")]
Radius = Annotated[int, Range(1, 15, 1, "px", doc="radius of the rings around corners")]


@stage("overlay", footprint=Global())
def overlay(
    rgb: Rgb, edges: Edges, corners: Corners, *, paint: dict[str, Any], rings: dict[str, Any]
) -> Rgb:
    """Draw edges and corners on the picture, (1, 3, H, W) float32. No sync, fixed shapes."""
    canvas = _blank_canvas(rgb)
    _paint_edges(canvas, rgb, edges, **paint)
    _draw_rings(canvas, corners, **rings)
    return canvas[:-1].view(rgb.shape)


@overlay.prepare
def _(
    spec: InputSpec,
    *,
    edge_color: EdgeColor = "green",
    strength: Strength = 0.8,
    corner_color: CornerColor = "orange",
    radius: Radius = 4,
) -> dict[str, Any]:
    return {
        "paint": _paint(spec, edge_color, strength),
        "rings": _rings(spec, spec.inputs[2], corner_color, radius),
    }


@stage("overlay_edges", footprint=Pointwise())
def overlay_edges(rgb: Rgb, edges: Edges, *, paint: dict[str, Any]) -> Rgb:
    """Draw edges on the picture, (1, 3, H, W) float32. Two allocations, no sync."""
    canvas = _blank_canvas(rgb)
    _paint_edges(canvas, rgb, edges, **paint)
    return canvas[:-1].view(rgb.shape)


@overlay_edges.prepare
def _(
    spec: InputSpec, *, edge_color: EdgeColor = "green", strength: Strength = 0.8
) -> dict[str, Any]:
    return {"paint": _paint(spec, edge_color, strength)}


@stage("overlay_corners", footprint=Global())
def overlay_corners(rgb: Rgb, corners: Corners, *, rings: dict[str, Any]) -> Rgb:
    """Draw a ring around each corner, (1, 3, H, W) float32. No sync, fixed shapes."""
    canvas = _blank_canvas(rgb)
    canvas[:-1].view(rgb.shape).copy_(rgb)
    _draw_rings(canvas, corners, **rings)
    return canvas[:-1].view(rgb.shape)


@overlay_corners.prepare
def _(
    spec: InputSpec, *, corner_color: CornerColor = "orange", radius: Radius = 4
) -> dict[str, Any]:
    return {"rings": _rings(spec, spec.inputs[1], corner_color, radius)}


def _paint(spec: InputSpec, name: str, strength: float) -> dict[str, Any]:
    check_image("overlay", spec, channels=3)
    return {
        "color": torch.tensor(COLORS[name]).view(1, 3, 1, 1).to(spec.device),
        "strength": torch.tensor(strength).to(spec.device),
    }


def _rings(spec: InputSpec, corners: Any, name: str, radius: int) -> dict[str, Any]:
    height, width = check_image("overlay", spec, channels=3)
    span = range(-radius, radius + 1)
    ring = [(x, y) for y in span for x in span if abs(math.hypot(x, y) - radius) < 0.5]
    writes = corners[0].shape[1] * len(ring)
    last = torch.tensor([width - 1, height - 1])
    return {
        "ring": torch.tensor(ring).to(spec.device),  # (P, 2)
        "last": last.to(spec.device),
        "strides": torch.tensor([1, width]).to(spec.device),
        "planes": (torch.arange(3) * height * width).view(3, 1).to(spec.device),
        "spare": torch.tensor(3 * height * width).to(spec.device),
        "values": torch.tensor(COLORS[name])
        .view(3, 1)
        .expand(3, writes)
        .reshape(-1)
        .to(spec.device),
    }


def _blank_canvas(rgb: Tensor) -> Tensor:
    """Memory for the picture and one number more: what must not be drawn is drawn there."""
    return rgb.new_empty(rgb.numel() + 1)


def _paint_edges(
    canvas: Tensor, rgb: Tensor, edges: Tensor, *, color: Tensor, strength: Tensor
) -> None:
    torch.lerp(rgb, color, edges * strength, out=canvas[:-1].view(rgb.shape))


def _draw_rings(
    canvas: Tensor,
    corners: Corners,
    *,
    ring: Tensor,
    last: Tensor,
    strides: Tensor,
    planes: Tensor,
    spare: Tensor,
    values: Tensor,
) -> None:
    center = corners.xy[0].round().long()  # (K, 2)
    place = center[:, None] + ring  # (K, P, 2)
    is_drawn = ((place >= 0) & (place <= last)).all(-1) & (corners.score[0] > 0)[:, None]
    flat = (place * strides).sum(-1).view(1, -1) + planes  # (3, K P)
    flat = torch.where(is_drawn.view(1, -1), flat, spare)
    # Where rings cross, the same colour is written twice, so the order of writes does not show.
    canvas.scatter_(0, flat.view(-1), values)
