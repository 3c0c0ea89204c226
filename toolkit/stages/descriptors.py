"""How are two corners told apart? By 256 comparisons of brightness around each: one bit each.

Two pictures of one corner answer most comparisons alike, whatever the exposure, so the number of
bits that differ, the Hamming distance, says how alike two corners look. The pattern of comparisons
is turned with the patch, so that a turned picture has the same bits (oriented BRIEF).

Source:
    Calonder et al., BRIEF, ECCV 2010. Rublee et al., ORB, ICCV 2011.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

__all__ = [
    "BITS",
    "PATCH_RADIUS",
    "REACH",
    "angles_of",
    "bits_of",
    "comparison_pattern",
    "disc",
    "smoothed",
    "turned_offsets",
    "unpacked",
]

BITS = 256
PATCH_RADIUS = 15
"""All that describes a point lies within this many px of it."""

REACH = PATCH_RADIUS + 3
"""And the smoothed picture there depends on pixels up to this far away."""


def comparison_pattern(seed: int = 0) -> Tensor:
    """Which two places each bit compares, (256, 2, 2) float64 x and y in px, on the host.

    Both are drawn from a normal distribution around the point, as BRIEF found best, within the
    patch.
    """
    generator = torch.Generator().manual_seed(seed)
    spread = 0.4 * PATCH_RADIUS
    drawn = torch.randn(16 * BITS, 2, 2, dtype=torch.float64, generator=generator) * spread
    is_inside = (drawn.norm(dim=-1) <= PATCH_RADIUS - 1).all(-1)
    is_apart = (drawn[:, 0] - drawn[:, 1]).norm(dim=-1) >= 2.0
    return drawn[is_inside & is_apart][:BITS]


def turned_offsets(pattern: Tensor, *, turns: int, stride: int) -> Tensor:
    """The pattern turned to each of `turns` directions, as distances in memory, (turns, 512) int64.

    Args:
        pattern: (256, 2, 2) float64 x, y in px, on the host.
        turns: directions on the full circle; direction 0 is the x axis, and they go towards y.
        stride: px between two rows of the picture that will be read.
    """
    angle = torch.arange(turns, dtype=torch.float64) * (2 * math.pi / turns)
    cosine, sine = angle.cos().view(-1, 1, 1), angle.sin().view(-1, 1, 1)
    x, y = pattern.unbind(-1)
    turned_x, turned_y = cosine * x - sine * y, sine * x + cosine * y  # (turns, 256, 2)
    flat = turned_y.round().long() * stride + turned_x.round().long()
    return flat.transpose(1, 2).reshape(turns, -1)  # first places of all bits, then second ones


def disc(stride: int) -> tuple[Tensor, Tensor]:
    """Every other pixel of the patch: distances in memory (P,) int64, x and y (P, 2) float32."""
    span = torch.arange(-PATCH_RADIUS, PATCH_RADIUS + 1)
    y, x = torch.meshgrid(span, span, indexing="ij")
    is_inside = (x * x + y * y <= PATCH_RADIUS**2) & ((x + y) % 2 == 0)
    x, y = x[is_inside], y[is_inside]
    return y * stride + x, torch.stack((x, y), -1).float()


def smoothed(picture: Tensor) -> Tensor:
    """Weighted sums over 7x7 px, (1, 1, H, W); like a Gaussian of 1.9 px, times 64. No sync.

    Three times two neighbours, 1, 2 and 3 px apart, along each axis: six additions and no
    multiplication. Of no use in the outermost 3 px, which are zero. Two allocations.
    """
    height, width = picture.shape[-2:]
    result, spare = torch.zeros_like(picture), torch.empty_like(picture)
    source, target = picture, spare
    for axis, size in ((-1, width), (-2, height)):
        for step in (1, 2, 3):
            size -= step
            one, other = source.narrow(axis, 0, size), source.narrow(axis, step, size)
            torch.add(one, other, out=target.narrow(axis, 0, size))
            source, target = target, (result if target is spare else spare)
    return result


def angles_of(picture: Tensor, place: Tensor, *, offsets: Tensor, positions: Tensor) -> Tensor:
    """Which way each patch points: from its middle to its centre of brightness, (K,) radians.

    Args:
        picture: (N,) float32, flat.
        place: (K,) int64 of the middles.
        offsets: (P,) int64, see `disc`.
        positions: (P, 2) float32, see `disc`.
    """
    around = (place[:, None] + offsets).view(-1)
    moments = picture.index_select(0, around).view(place.shape[0], -1) @ positions  # (K, 2)
    return torch.atan2(moments[:, 1], moments[:, 0])


def bits_of(picture: Tensor, place: Tensor, turn: Tensor, *, offsets: Tensor) -> Tensor:
    """Compare the places of the pattern around each point, (K, 256) bool.

    Args:
        picture: (N,) float32, flat.
        place: (K,) int64 of the middles.
        turn: (K,) int64, the direction of each.
        offsets: (turns, 512) int64, see `turned_offsets`.
    """
    around = (place[:, None] + offsets.index_select(0, turn)).view(-1)
    first, second = picture.index_select(0, around).view(place.shape[0], 2, -1).unbind(1)
    return first < second


def unpacked(descriptor: Tensor, weights: Tensor) -> Tensor:
    """Bits of (..., 32) uint8 as -1 and +1, (..., 256) float32, the lowest of a byte first.

    Args:
        descriptor: (..., 32) uint8.
        weights: (8,) uint8, 1, 2, 4 to 128.
    """
    is_set = (descriptor[..., None] & weights) != 0
    return is_set.flatten(-2).to(torch.float32) * 2 - 1
