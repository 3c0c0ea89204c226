"""How bright is each place of a synthetic scene? Light that stays with the surface, computed once.

One square lamp casts soft shadows, and corners are darker than open walls. Light is a property of
the surface, never of the view: a surface point has the same colour in every frame, so that optical
flow's assumption of constant brightness holds exactly, up to sampling.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from toolkit.media.worlds import Rect, World

__all__ = ["bake_light"]

_CELL_METRES = 0.13
_LAMP_SAMPLES = 3  # along each side of the lamp
_SKY_SAMPLES = 14


def _stack(rects: tuple[Rect, ...], field: str) -> Tensor:
    return torch.tensor([getattr(rect, field) for rect in rects], dtype=torch.float32)


def _is_blocked(start: Tensor, ray: Tensor, walls: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Whether a rectangle cuts each segment `start + s * ray`, 0 < s < 1. (N, 3) -> (N,) bool."""
    centre, u, v = walls
    normal = torch.linalg.cross(u, v)  # (R, 3)
    slope = ray @ normal.T  # (N, R)
    reach = ((centre * normal).sum(-1) - start @ normal.T) / slope
    # Where the segment meets the plane, in units of the half-axes, without building the points.
    uu, vv = (u * u).sum(-1), (v * v).sum(-1)
    a = (start @ u.T - (centre * u).sum(-1) + reach * (ray @ u.T)) / uu
    b = (start @ v.T - (centre * v).sum(-1) + reach * (ray @ v.T)) / vv
    hit = (reach > 0.001) & (reach < 0.98) & (a.abs() < 1) & (b.abs() < 1)
    return hit.any(1)


def _hemisphere(normal: Tensor) -> Tensor:
    """Evenly spread directions on the side of `normal`, (K, 3): a Fibonacci spiral."""
    k = torch.arange(_SKY_SAMPLES) + 0.5
    up = 1 - k / _SKY_SAMPLES
    ring, turn = (1 - up * up).sqrt(), k * 2.399963
    side = torch.linalg.cross(normal, torch.tensor((0.31, 0.87, 0.38)).roll(1), dim=0)
    side = side / side.norm()
    other = torch.linalg.cross(normal, side, dim=0)
    return (
        up[:, None] * normal
        + (ring * torch.cos(turn))[:, None] * side
        + (ring * torch.sin(turn))[:, None] * other
    )


def _openness(points: Tensor, normal: Tensor, walls: tuple[Tensor, Tensor, Tensor]) -> Tensor:
    """Share of the half-space within 0.7 m that nothing fills, (N,) in [0, 1]."""
    rays = 0.7 * _hemisphere(normal)  # (K, 3)
    starts = points[:, None].expand(-1, len(rays), -1).reshape(-1, 3)
    blocked = _is_blocked(starts, rays.repeat(len(points), 1), walls)
    return 1 - blocked.view(len(points), -1).float().mean(1)


def _lamp_light(
    points: Tensor,
    normal: Tensor,
    lamp: Tensor,
    walls: tuple[Tensor, Tensor, Tensor],
    *,
    fold: bool,
) -> Tensor:
    """Light that arrives from the lamp, with soft shadows, (N,)."""
    steps = (torch.arange(_LAMP_SAMPLES) / (_LAMP_SAMPLES - 1) - 0.5) * 0.7
    total = torch.zeros(len(points))
    for dx in steps:
        for dz in steps:
            ray = lamp + torch.stack([dx, torch.zeros(()), dz]) - points
            distance = ray.norm(dim=1)
            cosine = (ray @ normal) / distance
            cosine = cosine.abs() if fold else cosine.clamp(min=0)
            lit = ~_is_blocked(points, ray, walls)
            total += lit * cosine / (1 + 0.09 * distance**2)
    return total / _LAMP_SAMPLES**2


def bake_light(world: World) -> list[Tensor]:
    """Brightness over each rectangle of `world`: a small (h, w) float32 map each, 0.3 to 1.6."""
    rects = world.rects
    walls = (_stack(rects, "centre"), _stack(rects, "u"), _stack(rects, "v"))
    lamp = torch.tensor(world.lamp)
    maps: list[Tensor] = []
    for index, rect in enumerate(rects):
        rows = int(min(48, max(4, rect.height_metres / _CELL_METRES)))
        columns = int(min(48, max(4, rect.width_metres / _CELL_METRES)))
        centre, u, v = (part[index] for part in walls)
        front = -torch.linalg.cross(u, v)
        front = front / front.norm()
        b = (torch.arange(rows) + 0.5) / rows * 2 - 1
        a = (torch.arange(columns) + 0.5) / columns * 2 - 1
        points = centre + a[None, :, None] * u + b[:, None, None] * v + 0.004 * front
        points = points.reshape(-1, 3)
        direct = _lamp_light(points, front, lamp, walls, fold=rect.is_two_sided)
        ambient = 0.30 + 0.38 * _openness(points, front, walls)
        light = (ambient + 0.95 * direct).view(1, 1, rows, columns)
        smooth = avg_pool2d(pad(light, (1, 1, 1, 1), mode="replicate"), 3, 1)
        maps.append(smooth[0, 0])
    return maps
