"""Does it stick? A wireframe drawn on what was found: a flat target, or the camera's world."""

from __future__ import annotations

from typing import Annotated, Any

from toolkit.stages.declare import (
    Choice,
    Global,
    InputSpec,
    Odometry,
    Pose,
    Range,
    Rgb,
    stage,
)
from toolkit.stages.dots import COLORS, copied
from toolkit.stages.resection import View
from toolkit.stages.shapes import check_image
from toolkit.stages.views import DEFAULT_CAMERA, Camera, CameraMatrix, prepare_camera
from toolkit.stages.wires import (
    Brush,
    Wires,
    axes,
    box,
    draw_wires,
    frustum,
    prepare_brush,
    rectangle,
    wires,
)

__all__ = ["overlay_target", "overlay_world"]

Thickness = Annotated[int, Range(1, 9, 1, "px", doc="thickness of the lines")]
ObjectColor = Annotated[str, Choice(*COLORS, doc="colour of the object")]
AXES = ("red", "green", "cyan")
"""Colours of x, y and z."""
FRUSTUM = 0.05
"""How deep the first frame's camera is drawn, in units of the world."""


@stage("overlay_target", footprint=Global())
def overlay_target(
    rgb: Rgb, target_pose: Pose, *, camera: Camera, brush: Brush, lines: tuple[Wires, ...]
) -> Rgb:
    """Draw a box that stands on a flat target, its outline and axes, (1, 3, H, W). No sync.

    The axes are red (x), green (y) and cyan (z, into the target). Without a valid pose, the picture
    is as it was. One allocation of a picture, and numbers for each dot of the lines.
    """
    canvas = copied(rgb)
    view = View(target_pose.rotation[0], target_pose.translation[0])
    for one in lines:
        draw_wires(canvas, one, view, target_pose.is_valid[0], camera=camera, brush=brush)
    return canvas[:-1].view(rgb.shape)


@overlay_target.prepare
def _(
    spec: InputSpec,
    *,
    camera: CameraMatrix = DEFAULT_CAMERA,
    target_width: Annotated[float, Range(0.01, 10.0, 0.01, "m", doc="of the target")] = 0.8,
    target_height: Annotated[float, Range(0.01, 10.0, 0.01, "m", doc="of the target")] = 0.6,
    box_height: Annotated[
        float, Range(0.0, 10.0, 0.01, "m", doc="how far the box stands out of the target")
    ] = 0.3,
    object_color: ObjectColor = "yellow",
    thickness: Thickness = 3,
) -> dict[str, Any]:
    height, width = check_image("overlay_target", spec, channels=3)
    brush = prepare_brush(height, width, thickness, spec.device)
    samples = _samples(height, width, thickness)
    size = min(target_width, target_height) / 2
    outline = rectangle(target_width, target_height)
    standing = box((0.0, 0.0, -box_height / 2), (size, size, box_height))
    made = [
        wires(outline, "white", brush, samples),
        wires(standing, object_color, brush, samples),
    ]
    made += [
        wires([axis], color, brush, samples) for axis, color in zip(axes(size), AXES, strict=True)
    ]
    return {
        "camera": prepare_camera("overlay_target", camera, spec.device),
        "brush": brush,
        "lines": tuple(made),
    }


@stage("overlay_world", footprint=Global())
def overlay_world(
    rgb: Rgb,
    odometry: Odometry,
    *,
    camera: Camera,
    brush: Brush,
    placed: Wires,
    first: Wires,
) -> Rgb:
    """Draw a box that stays where it is in the world, and the first frame's camera. No sync.

    (1, 3, H, W). The box's place is given in units of the world, in which the points that were seen
    first are 1 away. The first frame's camera is drawn where all of it is ahead: of one that is
    beside the camera, a stray line would be seen. Without a valid pose, the picture is as it was.
    """
    canvas = copied(rgb)
    view = View(odometry.rotation[0], odometry.translation[0])
    is_shown = odometry.is_valid[0]
    draw_wires(canvas, placed, view, is_shown, camera=camera, brush=brush)
    is_ahead = is_shown & (view.translation[2] > 2 * FRUSTUM)
    draw_wires(canvas, first, view, is_ahead, camera=camera, brush=brush)
    return canvas[:-1].view(rgb.shape)


@overlay_world.prepare
def _(
    spec: InputSpec,
    *,
    camera: CameraMatrix = DEFAULT_CAMERA,
    x: Annotated[float, Range(-10.0, 10.0, 0.01, doc="of the box, to the right")] = 0.0,
    y: Annotated[float, Range(-10.0, 10.0, 0.01, doc="of the box, down")] = 0.0,
    z: Annotated[float, Range(-10.0, 10.0, 0.01, doc="of the box, ahead of the first frame")] = 1.0,
    size: Annotated[float, Range(0.01, 5.0, 0.01, doc="of the box")] = 0.2,
    object_color: ObjectColor = "yellow",
    thickness: Thickness = 3,
) -> dict[str, Any]:
    height, width = check_image("overlay_world", spec, channels=3)
    brush = prepare_brush(height, width, thickness, spec.device)
    samples = _samples(height, width, thickness)
    aspect = (width / 2 / camera[0][0], height / 2 / camera[1][1])
    return {
        "camera": prepare_camera("overlay_world", camera, spec.device),
        "brush": brush,
        "placed": wires(box((x, y, z), (size, size, size)), object_color, brush, samples),
        "first": wires(frustum(aspect, FRUSTUM), "magenta", brush, samples),
    }


def _samples(height: int, width: int, thickness: int) -> int:
    """Dots on a line that crosses the picture, such that brushes touch."""
    return max(8, round((height**2 + width**2) ** 0.5 / thickness))
