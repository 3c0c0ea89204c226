"""Where do the pictures of a synthetic scene lie? In one run of packed texels, at every halving.

One gather reads any texel of any rectangle at any level, so that a whole picture is shaded at once,
whatever it shows.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate

from toolkit.media.light import bake_light
from toolkit.media.textures import PAINTERS
from toolkit.media.worlds import Rect, World

__all__ = ["Atlas", "build_atlas", "paint", "sample_page", "texels_per_metre"]

_MAX_TEXELS = 2048


@dataclass(frozen=True, slots=True)
class Atlas:
    """Every rectangle's picture, lit, at every halving, in one run of packed 8-bit RGBA texels.

    `place`, `width`, `height` are (R * levels,): first texel and size of each level.
    """

    texels: Tensor
    place: Tensor
    width: Tensor
    height: Tensor
    levels: int

    @property
    def nbytes(self) -> int:
        """Bytes that the texels hold."""
        return self.texels.numel() * 4


def paint(rect: Rect, seed: int, texels_per_metre: float) -> Tensor:
    """One rectangle's picture before any light falls on it, (3, H, W) float32 in [0, 1]."""
    longest = max(rect.width_metres, rect.height_metres)
    tpm = min(texels_per_metre, _MAX_TEXELS / longest)
    height = max(16, round(rect.height_metres * tpm))
    width = max(16, round(rect.width_metres * tpm))
    generator = torch.Generator().manual_seed(seed)
    return PAINTERS[rect.painter](height, width, tpm, generator)


def _pack(picture: Tensor) -> Tensor:
    """(3, H, W) float in [0, 1] -> (H * W,) int32 of RGBA bytes."""
    texels = torch.empty(picture.shape[1] * picture.shape[2], 4, dtype=torch.uint8)
    for channel, plane in enumerate(picture.mul(255).add_(0.5)):  # truncated below: rounds
        texels[:, channel] = plane.reshape(-1)
    return texels.view(torch.int32)[:, 0]


def build_atlas(world: World, seed: int, texels_per_metre: float, device: torch.device) -> Atlas:
    """Paint, light and halve every rectangle's picture. Allocates the atlas; nothing per frame."""
    pages: list[list[Tensor]] = []
    for index, (rect, light) in enumerate(zip(world.rects, bake_light(world), strict=True)):
        picture = paint(rect, seed * 1009 + index, texels_per_metre)
        size = (picture.shape[1], picture.shape[2])
        lit = interpolate(light[None, None], size, mode="bilinear", align_corners=False)[0]
        level = (picture * lit).clamp(0, 1)
        pyramid = [level]
        while min(level.shape[1:]) > 1:
            level = avg_pool2d(level[None], 2)[0]
            pyramid.append(level)
        pages.append(pyramid)
    levels = max(len(pyramid) for pyramid in pages)
    packed: list[Tensor] = []
    table: list[tuple[int, int, int]] = []
    place = 0
    for pyramid in pages:
        for level in pyramid:
            table.append((place, level.shape[2], level.shape[1]))
            packed.append(_pack(level))
            place += packed[-1].numel()
        table += [table[-1]] * (levels - len(pyramid))
    columns = torch.tensor(table, device=device).T.contiguous()
    return Atlas(torch.cat(packed).to(device), columns[0], columns[1], columns[2], levels)


def sample_page(atlas: Atlas, page: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """Texels of `page` at (a, b) in [-1, 1], (N, 4) float32 in [0, 255]."""
    place, width, height = atlas.place[page], atlas.width[page], atlas.height[page]
    tx = ((a * 0.5 + 0.5) * width - 0.5).clamp_(min=0)
    ty = ((b * 0.5 + 0.5) * height - 0.5).clamp_(min=0)
    x0 = torch.minimum(tx.long(), width - 1)
    y0 = torch.minimum(ty.long(), height - 1)
    fx, fy = (tx - x0).clamp_(max=1)[:, None], (ty - y0).clamp_(max=1)[:, None]
    step_x = (x0 + 1 < width).long()
    step_y = torch.where(y0 + 1 < height, width, 0)
    corner = place + y0 * width + x0

    def fetch(where: Tensor) -> Tensor:
        return atlas.texels[where].view(torch.uint8).view(-1, 4).float()

    top = torch.lerp(fetch(corner), fetch(corner + step_x), fx)
    bottom = torch.lerp(fetch(corner + step_y), fetch(corner + step_x + step_y), fx)
    return torch.lerp(top, bottom, fy)


def texels_per_metre(focal_px: float, typical_depth_metres: float = 2.6) -> float:
    """How fine pictures must be for a texel not to outgrow a pixel at a typical depth."""
    return max(8.0, min(focal_px / typical_depth_metres * 1.15, 1200.0))
