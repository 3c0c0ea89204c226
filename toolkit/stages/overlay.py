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
from toolkit.stages.dots import (
    COLORS,
    Canvas,
    blank,
    copied,
    dot_values,
    draw_dots,
    prepare_canvas,
)
from toolkit.stages.shapes import check_image

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["overlay", "overlay_corners", "overlay_edges"]

EdgeColor = Annotated[str, Choice(*COLORS, doc="colour of the edges")]
Strength = Annotated[float, Range(0.0, 1.0, 0.05, doc="how much of the picture strong edges hide")]
CornerColor = Annotated[str, Choice(*COLORS, doc="colour of the corners")]
Radius = Annotated[int, Range(1, 15, 1, "px", doc="radius of the rings around corners")]


@stage("overlay", footprint=Global())
def overlay(
    rgb: Rgb, edges: Edges, corners: Corners, *, paint: dict[str, Any], rings: dict[str, Any]
) -> Rgb:
    """Draw edges and corners on the picture, (1, 3, H, W) float32. No sync, fixed shapes."""
    canvas = blank(rgb)
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
    canvas = blank(rgb)
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
    canvas = copied(rgb)
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
    return {
        "ring": torch.tensor(ring).to(spec.device),  # (P, 2)
        "values": dot_values(name, writes, spec.device),
        "on": prepare_canvas(height, width, spec.device),
    }


def _paint_edges(
    canvas: Tensor, rgb: Tensor, edges: Tensor, *, color: Tensor, strength: Tensor
) -> None:
    torch.lerp(rgb, color, edges * strength, out=canvas[:-1].view(rgb.shape))


def _draw_rings(
    canvas: Tensor, corners: Corners, *, ring: Tensor, values: Tensor, on: Canvas
) -> None:
    center = corners.xy[0].round().long()  # (K, 2)
    is_there = (corners.score[0] > 0)[:, None]  # (K, 1)
    draw_dots(canvas, center[:, None] + ring, is_there, values, on=on)
