"""How does a flat world become a picture with exact geometry? Ray-plane rendering in torch.

A pinhole camera sees a plane's coordinates (a, b) and its inverse depth w as ratios of linear
functions of the pixel: with p = (x, y, 1), w = W.p, a = A.p / w, b = B.p / w. A ray meets the
rectangle when |A.p| <= w and |B.p| <= w, and the nearest rectangle is the one of largest w. So the
hidden-surface test needs no division, and depth, flow and visibility follow in closed form.

Coefficients are float64. `cast` works in the type of its pixels: float64 for truth, float32 for
colours.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from toolkit.media.atlas import Atlas, sample_page
from toolkit.media.worlds import World

__all__ = [
    "Cast",
    "Coefficients",
    "Geometry",
    "build_geometry",
    "cast",
    "coefficients",
    "focal_length",
    "render",
]

_NEAR_METRES = 0.05
_BAND_SAMPLES = 1 << 19  # rays in flight: bounds the scratch memory of one picture


@dataclass(frozen=True, slots=True)
class Geometry:
    """Rectangles as tensors: centres and half-axes, (R, 3) float64."""

    centre: Tensor
    u: Tensor
    v: Tensor
    is_two_sided: Tensor


@dataclass(frozen=True, slots=True)
class Coefficients:
    """The linear functions of one view, (R, 3) float64 each, and which rectangles face it."""

    inverse_depth: Tensor
    across: Tensor
    down: Tensor
    facing: Tensor


@dataclass(frozen=True, slots=True)
class Cast:
    """What each ray meets first: rectangle or -1, inverse depth (0 at infinity), picture place."""

    rect: Tensor
    inverse_depth: Tensor
    across: Tensor
    down: Tensor


def build_geometry(world: World, device: torch.device) -> Geometry:
    """The world's rectangles in float64 on `device`."""

    def stack(field: str) -> Tensor:
        rows = [getattr(rect, field) for rect in world.rects]
        return torch.tensor(rows, dtype=torch.float64, device=device)

    sides = torch.tensor([rect.is_two_sided for rect in world.rects], device=device)
    return Geometry(stack("centre"), stack("u"), stack("v"), sides)


def coefficients(
    geometry: Geometry, rotation: Tensor, translation: Tensor, intrinsics: Tensor
) -> Coefficients:
    """The view's linear functions of the pixel, float64, for X_camera = R X_world + t."""
    eye = -rotation.T @ translation
    to_pixel = torch.linalg.inv(intrinsics).T @ rotation  # d.n = p . (K^-T R n)
    normal = torch.linalg.cross(geometry.u, geometry.v)
    offset = geometry.centre - eye
    height = (normal * offset).sum(-1, keepdim=True)
    # A camera exactly in a rectangle's plane sees its edge only: nothing.
    safe = torch.where(height.abs() < 1e-9, torch.full_like(height, torch.inf), height)
    inverse_depth = normal @ to_pixel.T / safe
    uu = (geometry.u**2).sum(-1, keepdim=True)
    vv = (geometry.v**2).sum(-1, keepdim=True)
    across = (
        geometry.u @ to_pixel.T / uu
        - (offset * geometry.u).sum(-1, keepdim=True) / uu * inverse_depth
    )
    down = (
        geometry.v @ to_pixel.T / vv
        - (offset * geometry.v).sum(-1, keepdim=True) / vv * inverse_depth
    )
    return Coefficients(inverse_depth, across, down, (height[:, 0] > 0) | geometry.is_two_sided)


def _linear(row: list[float], x: Tensor, y: Tensor) -> Tensor:
    """A row times (x, y, 1), broadcast: a (1, W) x and an (H, 1) y cost one pass over the grid."""
    return x * row[0] + (y * row[1] + row[2])


def _bounds(view: Coefficients, x: Tensor, y: Tensor) -> list[tuple[slice, slice]]:
    """For each rectangle the rows and columns of a sorted grid that it can cover."""
    h = torch.stack([view.across, view.down, view.inverse_depth], 1).cpu()  # (R, 3, 3)
    corners = torch.tensor([(a, b, 1.0) for a in (-1, 1) for b in (-1, 1)], dtype=torch.float64).T
    # p ~ H^-1 (a, b, 1), with the scale 1 / w: behind the eye where it is negative.
    pixels = torch.linalg.pinv(h) @ corners  # (R, 3, 4)
    xs, ys = x[0].cpu(), y[:, 0].cpu()
    everything = (slice(None), slice(None))
    bounds = []
    for points in pixels:
        scale = points[2]
        if bool((scale <= 1e-6).any()) or not bool(torch.isfinite(points).all()):
            bounds.append(everything)
            continue
        px, py = points[0] / scale, points[1] / scale
        edges_x = torch.searchsorted(xs, torch.stack([px.min() - 1, px.max() + 1])).tolist()
        edges_y = torch.searchsorted(ys, torch.stack([py.min() - 1, py.max() + 1])).tolist()
        bounds.append((slice(*edges_y), slice(*edges_x)))
    return bounds


def cast(view: Coefficients, x: Tensor, y: Tensor) -> Cast:
    """Meet the world along the rays through pixels (x, y), in the dtype of `x`.

    `x` (1, W) with `y` (H, 1) is a grid, whose rectangles are clipped to where they can lie; equal
    shapes are free points.
    """
    is_grid = x.shape[0] == 1 and y.shape[1] == 1
    shape = torch.broadcast_shapes(x.shape, y.shape)
    nearest = x.new_zeros(shape)
    across, down = x.new_zeros(shape), x.new_zeros(shape)
    rect = torch.full(shape, -1, dtype=torch.int32, device=x.device)
    bounds = _bounds(view, x, y) if is_grid else [(slice(None), slice(None))] * len(view.facing)
    tables = [table.tolist() for table in (view.inverse_depth, view.across, view.down)]
    for index, (faces, (rows, columns)) in enumerate(
        zip(view.facing.tolist(), bounds, strict=True)
    ):
        window = nearest[rows, columns]
        if not faces or not window.numel():
            continue
        px, py = (x[:, columns], y[rows]) if is_grid else (x, y)
        w = _linear(tables[0][index], px, py)
        a = _linear(tables[1][index], px, py)
        b = _linear(tables[2][index], px, py)
        hit = (torch.maximum(a.abs(), b.abs()) <= w) & (w > window) & (w < 1 / _NEAR_METRES)
        window.copy_(torch.where(hit, w, window))
        across[rows, columns] = torch.where(hit, a, across[rows, columns])
        down[rows, columns] = torch.where(hit, b, down[rows, columns])
        rect[rows, columns].masked_fill_(hit, index)
    return Cast(rect, nearest, across, down)


def _sky(view_y: Tensor) -> Tensor:
    """Colour at infinity by the downward part of the ray's direction, (N, 4) in [0, 255]."""
    up = (0.5 - 0.5 * view_y).clamp(0, 1)[:, None]
    low = up.new_tensor((196.0, 188.0, 178.0, 0.0))
    return low + up * (up.new_tensor((116.0, 150.0, 196.0, 0.0)) - low)


def _colours(atlas: Atlas, met: Cast, detail: Tensor, down: Tensor) -> Tensor:
    """Colour of every ray, (H, W, 4) float32 in [0, 255]: trilinear in the atlas."""
    rect = met.rect.reshape(-1).long()
    w = met.inverse_depth.reshape(-1)
    safe = w.clamp(min=1e-9)
    a = met.across.reshape(-1) / safe
    b = met.down.reshape(-1) / safe
    known = rect.clamp(min=0)
    lod = (detail[known] - 1.5 * safe.log2()).clamp_(0, atlas.levels - 1.001)
    level = lod.long()
    page = known * atlas.levels + level
    fine = sample_page(atlas, page, a, b)
    coarse = sample_page(atlas, page + 1, a, b)
    colour = torch.lerp(fine, coarse, (lod - level)[:, None])
    nothing = rect < 0
    if bool(nothing.any()):
        colour = torch.where(nothing[:, None], _sky(down.reshape(-1)), colour)
    return colour.view(*met.rect.shape, 4)


def render(
    geometry: Geometry,
    atlas: Atlas,
    pose: tuple[Tensor, Tensor],
    intrinsics: Tensor,
    *,
    height: int,
    width: int,
    supersample: int,
) -> Tensor:
    """See the world: (1, 3, H, W) float32 in [0, 1], `supersample`² rays to a pixel.

    Allocates its result and scratch of a bounded size; copies nothing between host and device but
    a few numbers of each rectangle.
    """
    view = coefficients(geometry, *pose, intrinsics)
    device = intrinsics.device
    step = torch.arange(supersample, dtype=torch.float64, device=device)
    inside = (step + 0.5) / supersample - 0.5
    xs = (torch.arange(width, dtype=torch.float64, device=device)[:, None] + inside).reshape(1, -1)
    picture = torch.empty(1, 3, height, width, device=device)
    rows_of_band = max(1, _BAND_SAMPLES // (width * supersample**2))
    # How fast texels go by at inverse depth 1: the determinant of the pixel-to-plane map.
    h = torch.stack([view.across, view.down, view.inverse_depth], 1)
    area = torch.linalg.det(h).abs() * (atlas.width * atlas.height)[:: atlas.levels] / 4
    detail = (0.5 * (area / supersample**2).clamp(min=1e-30).log2()).float()
    up = (torch.linalg.inv(intrinsics).T @ pose[0])[:, 1].tolist()  # world y of a ray, per pixel
    for top in range(0, height, rows_of_band):
        bottom = min(top + rows_of_band, height)
        ys = torch.arange(top, bottom, dtype=torch.float64, device=device)
        ys = (ys[:, None] + inside).reshape(-1, 1)
        met = cast(view, xs.float(), ys.float())
        colour = _colours(atlas, met, detail, _linear(up, xs, ys).float())
        block = (bottom - top, supersample, width, supersample, 4)
        mean = colour.view(block).mean((1, 3))[..., :3]
        picture[0, :, top:bottom] = mean.permute(2, 0, 1)
    return picture.mul_(1 / 255).clamp_(0, 1)


def focal_length(width: int, field_of_view_degrees: float) -> float:
    """Focal length in px of a pinhole camera with a horizontal field of view."""
    return width / 2 / math.tan(math.radians(field_of_view_degrees) / 2)
