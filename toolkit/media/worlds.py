"""What stands where in a synthetic scene? Worlds made of textured rectangles, drawn from a seed.

World axes are the camera's at rest: x right, y down, z forward, in metres. A rectangle is a centre
and two perpendicular half-axes: `u` runs to the right of its picture, `v` down, as one sees it from
its front.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator

__all__ = ["KINDS", "Rect", "World", "build_world"]

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Rect:
    """One flat, textured rectangle. Its front is where `u` runs right and `v` runs down."""

    name: str
    painter: str
    centre: Vector
    u: Vector
    v: Vector
    is_two_sided: bool = False

    @property
    def width_metres(self) -> float:
        """Length of the side along `u`."""
        return 2 * math.hypot(*self.u)

    @property
    def height_metres(self) -> float:
        """Length of the side along `v`."""
        return 2 * math.hypot(*self.v)


@dataclass(frozen=True, slots=True)
class World:
    """Rectangles, where the lamp hangs, and what the camera likes to look at."""

    rects: tuple[Rect, ...]
    lamp: Vector
    target: Vector
    reach_metres: float
    """How far from the origin a camera may wander before it meets something."""


def _sphere(generator: Generator) -> list[float]:
    return (torch.rand(8, generator=generator) * 2 - 1).tolist()


def _turn_y(vector: Vector, degrees: float) -> Vector:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y, z = vector
    return (c * x + s * z, y, -s * x + c * z)


def _turn_x(vector: Vector, degrees: float) -> Vector:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    x, y, z = vector
    return (x, c * y - s * z, s * y + c * z)


def _panel(
    name: str,
    painter: str,
    centre: Vector,
    size: tuple[float, float],
    *,
    yaw: float = 0.0,
    pitch: float = 0.0,
) -> Rect:
    """A board that faces the camera at rest, turned about its own vertical and horizontal axes."""
    u = _turn_y((size[0] / 2, 0.0, 0.0), yaw)
    v = _turn_y(_turn_x((0.0, size[1] / 2, 0.0), pitch), yaw)
    return Rect(name, painter, centre, u, v, is_two_sided=True)


def _box(
    name: str,
    painters: tuple[str, str],
    foot: Vector,
    size: Vector,
    *,
    yaw: float = 0.0,
) -> list[Rect]:
    """The five visible faces of a box that stands on `foot`: (sides' painter, top's painter)."""
    width, height, depth = (length / 2 for length in size)
    middle = (foot[0], foot[1] - height, foot[2])
    faces = (
        ("front", painters[0], (0, 0, -depth), (width, 0, 0), (0, height, 0)),
        ("back", painters[0], (0, 0, depth), (-width, 0, 0), (0, height, 0)),
        ("right", painters[0], (width, 0, 0), (0, 0, depth), (0, height, 0)),
        ("left", painters[0], (-width, 0, 0), (0, 0, -depth), (0, height, 0)),
        ("top", painters[1], (0, -height, 0), (width, 0, 0), (0, 0, -depth)),
    )
    rects: list[Rect] = []
    for face, painter, offset, u, v in faces:
        out = _turn_y(offset, yaw)
        centre = (middle[0] + out[0], middle[1] + out[1], middle[2] + out[2])
        rects.append(Rect(f"{name} {face}", painter, centre, _turn_y(u, yaw), _turn_y(v, yaw)))
    return rects


def _shell(floor: str, back: str, left: str, right: str) -> list[Rect]:
    """A closed room, 6.4 x 2.8 x 7.6 m, seen from inside."""
    x, top, bottom, near, far = 3.2, -1.35, 1.45, -2.4, 5.2
    mid_y, half_y = (top + bottom) / 2, (bottom - top) / 2
    mid_z, half_z = (near + far) / 2, (far - near) / 2
    return [
        Rect("floor", floor, (0, bottom, mid_z), (x, 0, 0), (0, 0, -half_z)),
        Rect("ceiling", "plaster", (0, top, mid_z), (x, 0, 0), (0, 0, half_z)),
        Rect("back wall", back, (0, mid_y, far), (x, 0, 0), (0, half_y, 0)),
        Rect("left wall", left, (-x, mid_y, mid_z), (0, 0, half_z), (0, half_y, 0)),
        Rect("right wall", right, (x, mid_y, mid_z), (0, 0, -half_z), (0, half_y, 0)),
        Rect("near wall", "plaster", (0, mid_y, near), (-x, 0, 0), (0, half_y, 0)),
    ]


def _on_left(name: str, painter: str, z: float, y: float, size: tuple[float, float]) -> Rect:
    return Rect(name, painter, (-3.185, y, z), (0, 0, size[0] / 2), (0, size[1] / 2, 0))


def _on_right(name: str, painter: str, z: float, y: float, size: tuple[float, float]) -> Rect:
    return Rect(name, painter, (3.185, y, z), (0, 0, -size[0] / 2), (0, size[1] / 2, 0))


def _on_back(name: str, painter: str, x: float, y: float, size: tuple[float, float]) -> Rect:
    return Rect(name, painter, (x, y, 5.185), (size[0] / 2, 0, 0), (0, size[1] / 2, 0))


def _room(generator: Generator) -> World:
    """A furnished room. The seed moves the furniture and repaints everything."""
    j = _sphere(generator)
    floor = 1.45
    side = ("plaster", "stone")[int(j[0] > 0)]
    rects = _shell(("planks", "tiles")[int(j[1] > 0.4)], "bricks", side, "plaster")
    rects += [
        Rect("rug", "rug", (0.1, floor - 0.012, 3.1), (1.25, 0, 0), (0, 0, -0.85)),
        _on_back("painting", "painting", -0.55 + 0.15 * j[2], -0.35, (1.3, 0.9)),
        _on_back("notice", "poster", 1.05 + 0.1 * j[3], -0.25, (0.62, 0.86)),
        _on_left("left picture", "painting", 2.4 + 0.2 * j[4], -0.3, (1.1, 0.8)),
        _on_left("left sheet", "poster", 0.8, -0.2, (0.7, 0.95)),
        _on_left("left mosaic", "mosaic", 4.2, -0.25, (1.0, 1.0)),
        _on_right("right picture", "painting", 3.5 + 0.2 * j[5], -0.3, (1.2, 0.9)),
        _on_right("right sheet", "poster", 1.7, -0.15, (0.8, 1.1)),
    ]
    rects += _box("bookcase", ("books", "crate"), (2.25, floor, 4.85), (1.5, 2.05, 0.5))
    big = (-1.75 + 0.12 * j[6], floor, 3.7)
    rects += _box("crate", ("crate", "crate"), big, (0.85, 0.85, 0.85), yaw=24 + 12 * j[7])
    small = (big[0] + 0.05, floor - 0.85, big[2])
    rects += _box("small crate", ("crate", "crate"), small, (0.46, 0.46, 0.46), yaw=-18 * j[2])
    block = (0.85 + 0.1 * j[3], floor, 3.45)
    rects += _box("block", ("mosaic", "tiles"), block, (0.55, 0.6, 0.5), yaw=-28 + 10 * j[4])
    rects += _box("plinth", ("stone", "stone"), (-0.75, floor, 4.6), (0.4, 0.95, 0.4), yaw=12)
    rects.append(_panel("easel", "poster", (1.75, 0.35, 2.75), (0.8, 1.1), yaw=32 + 8 * j[5]))
    return World(tuple(rects), (0.2, -1.2, 1.9), (0.05, 0.1, 4.2), 0.9)


def _planes(generator: Generator) -> World:
    """Boards that float at many depths and tilts before a far wall: parallax and occlusion."""
    painters = ("bricks", "poster", "mosaic", "painting", "stone", "books", "tiles", "rug", "crate")
    order = torch.randperm(len(painters), generator=generator).tolist()
    rects = [
        Rect("back", "stone", (0, 0, 9.0), (11, 0, 0), (0, 8, 0), is_two_sided=True),
        Rect("ground", painters[order[0]], (0, 2.2, 4.5), (11, 0, 0), (0, 0, -6), True),
    ]
    places = ((-1.5, -0.8), (1.45, -0.7), (0.05, 0.15), (-1.9, 0.9), (1.7, 0.95), (0.1, -1.3))
    depths = (3.6, 4.2, 5.4, 4.6, 3.3, 6.2)
    for index, ((x, y), depth) in enumerate(zip(places, depths, strict=True)):
        j = _sphere(generator)
        z = depth + 0.4 * j[0]
        centre = ((x + 0.2 * j[1]) * z / 4, (y + 0.15 * j[2]) * z / 4, z)
        size = (1.3 + 0.35 * j[3], 1.0 + 0.25 * j[4])
        painter = painters[order[1 + index]]
        rects.append(
            _panel(f"board {index}", painter, centre, size, yaw=38 * j[5], pitch=26 * j[6])
        )
    return World(tuple(rects), (-2.0, -3.5, 0.5), (0.0, 0.0, 4.6), 1.2)


def _plane(generator: Generator) -> World:
    """One slanted plane that fills the view: every pixel of every pair obeys one homography."""
    j = _sphere(generator)
    painter = ("mosaic", "stone", "bricks", "tiles")[int(torch.randint(4, (), generator=generator))]
    wall = _panel("plane", painter, (0, 0, 4.2), (16.0, 12.0), yaw=14 * j[0], pitch=10 * j[1])
    return World((wall,), (-1.5, -2.0, 0.5), (0.0, 0.0, 4.2), 1.2)


def _target(generator: Generator) -> World:
    """A printed card of 0.8 x 0.6 m, 1.6 m away, before a wall: something to find and to pose."""
    j = _sphere(generator)
    card = _panel("target", "poster", (0, 0, 1.6), (0.8, 0.6), yaw=30 * j[0], pitch=18 * j[1])
    wall = _panel("wall", "plaster", (0, 0, 4.0), (16.0, 12.0))
    return World((card, wall), (-1.2, -1.5, 0.0), (0.0, 0.0, 1.6), 0.5)


_BUILDERS = {"plane": _plane, "planes": _planes, "room": _room, "target": _target}
KINDS: tuple[str, ...] = tuple(_BUILDERS)


def build_world(kind: str, seed: int) -> World:
    """Lay out one of the `KINDS` of worlds; the same seed, the same world.

    Raises:
        ValueError: no such kind.
    """
    if kind not in _BUILDERS:
        raise ValueError(f"{kind = } is no kind of scene; choose one of {', '.join(KINDS)}.")
    return _BUILDERS[kind](torch.Generator().manual_seed(seed * 7919 + 11))
