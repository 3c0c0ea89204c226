"""Where did this little window go? Slide it until it looks the same, coarse to fine.

Lucas and Kanade: the slopes of the window say how its pixels would change if it slid, so the
difference that is seen says how far it slid. Slopes are taken in the picture where the point is
known, so they and the 2x2 matrix that they make are computed once a level, and each iteration only
reads, multiplies and sums (inverse compositional).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional

from toolkit.stages.patches import Reader, Spare, reader, with_margin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = ["Found", "Readers", "follow", "iterations_of", "readers", "with_margins"]

STEP_PX = 1.0
"""No iteration moves a window further than this: what the slopes say holds nearby only."""

COARSEST = 4
"""How many times as many steps the coarsest level has: there a window has the furthest to go, and
what it misses no finer level makes good.
"""

BRIGHTER = 0.01
"""How much brighter or darker a window as a whole may become without looking different."""

EDGE = 0.2
"""Least part of its largest slope by which a window's mismatch is judged."""


class Readers(NamedTuple):
    """Constants of one level: how its windows are read, with a rim for slopes and without."""

    rimmed: Reader
    plain: Reader


class Found(NamedTuple):
    """Where windows were found, and what speaks for it.

    Attributes:
        xy: (K, 2) float32, px at full size.
        slope: (K,) float32: root mean square change a px of the window, along the axis where it
            changes least.
        mismatch: (K,) float32, px: how far the window would have to be off along that axis to
            explain what still differs, `BRIGHTER` light as a whole aside. On an edge, where
            the other axis explains it, too, the axis is taken to change at least a fifth as much as
            the other.
    """

    xy: Tensor
    slope: Tensor
    mismatch: Tensor


class _Template(NamedTuple):
    """Windows where they are known, and how to turn pixels into steps.

    Attributes:
        begin: (K, 2) float32, px of the level: where their first pixels lie.
        pixels: (K, P) float32.
        steps: (K, 2, P) float32: times pixels and summed, a position in px.
        home: (K, 2) float32: that position for the window's own pixels.
        slope: (K,) float32: as in `Found`.
        firmness: (K,) float32: the slope that a mismatch is judged by.
    """

    begin: Tensor
    pixels: Tensor
    steps: Tensor
    home: Tensor
    slope: Tensor
    firmness: Tensor


def readers(
    window: int, sizes: Sequence[tuple[int, int]], device: torch.device
) -> tuple[Readers, ...]:
    """Constants for pyramids with levels of these heights and widths, largest first."""
    margin = window // 2 + 3
    return tuple(
        Readers(
            reader(window + 2, margin, height, width, device),
            reader(window, margin, height, width, device),
        )
        for height, width in sizes
    )


def iterations_of(count: int, levels: int) -> tuple[int, ...]:
    """Steps on each level, finest first: `count`, and `COARSEST` times that on the coarsest."""
    return (*[count] * (levels - 1), COARSEST * count)


def with_margins(pyramid: Sequence[Tensor], levels: Sequence[Readers]) -> list[Tensor]:
    """Each level with the margin that `follow` needs. One allocation a level."""
    return [
        with_margin(one, level.plain.margin) for one, level in zip(pyramid, levels, strict=True)
    ]


def follow(
    before: Sequence[Tensor],
    after: Sequence[Tensor],
    xy: Tensor,
    *,
    levels: Sequence[Readers],
    iterations: Sequence[int],
    guess: Tensor | None = None,
) -> Found:
    """Find in one pyramid the points of another. No sync, fixed shapes, finite for any picture.

    A window without texture is not moved.

    Args:
        before: levels of the pyramid where the points are known, by `with_margins`.
        after: levels of the one where they are sought.
        xy: (K, 2) float32, px at full size.
        levels: constants of each level, by `readers`.
        iterations: steps on each level that is used, finest first, at least one each.
        guess: (K, 2) float32, px: where to begin; without it, where they were.

    Returns:
        K points. Seven allocations of K windows for all steps, and twelve for each level.

    Source:
        Baker and Matthews, "Lucas-Kanade 20 Years On", IJCV 2004; Bouguet, "Pyramidal
        implementation of the affine Lucas Kanade feature tracker", Intel 2001.
    """
    coarsest = len(iterations) - 1
    shift = torch.zeros_like(xy) if guess is None else (guess - xy) * 0.5**coarsest
    desk = _desk(levels[0], before[0], xy.shape[0])
    template = _template(levels[coarsest], before[coarsest], xy, coarsest, desk)
    shift = _slide(template, levels[coarsest], after[coarsest], shift, iterations[coarsest], desk)
    for level in range(coarsest - 1, -1, -1):
        template = _template(levels[level], before[level], xy, level, desk)
        shift = _slide(template, levels[level], after[level], shift * 2, iterations[level], desk)
    read, seen = levels[0].plain, desk.plain.windows  # what was seen one step before the last shift
    differs = seen.sub_(template.pixels).mul_(read.mask)
    brighter = differs.sum(-1) / read.side**2  # (K,)
    forgiven = brighter.clamp(-BRIGHTER, BRIGHTER)
    square = differs.square_().sum(-1) / read.side**2 - (2 * brighter - forgiven) * forgiven
    spread = square.clamp_(min=0.0).sqrt_()
    return Found(xy + shift, template.slope, spread / template.firmness.clamp_(min=1e-6))


class _Desk(NamedTuple):
    """Memory to work in, the same for all levels."""

    rimmed: Spare
    plain: Spare
    products: Tensor


def _desk(read: Readers, picture: Tensor, count: int) -> _Desk:
    """Memory for `count` windows."""
    plain = read.plain.spare(picture, count)
    products = picture.new_empty((count, 2, plain.windows.shape[1]))
    return _Desk(read.rimmed.spare(picture, count), plain, products)


def _slide(
    template: _Template, read: Readers, picture: Tensor, shift: Tensor, count: int, desk: _Desk
) -> Tensor:
    """Take `count` steps from `shift`; what the last one saw stays on the desk."""
    for _ in range(count):
        seen = read.plain.read(picture, template.begin + shift, desk.plain)  # (K, P)
        place = torch.mul(template.steps, seen[:, None], out=desk.products).sum(-1)  # (K, 2)
        shift = shift + (template.home - place).clamp_(-STEP_PX, STEP_PX)
    return shift


def _template(read: Readers, picture: Tensor, xy: Tensor, level: int, desk: _Desk) -> _Template:
    """What the windows around points at full size say of themselves on a level."""
    side, rimmed_side = read.plain.side, read.rimmed.side
    begin = (xy + 0.5) * 0.5**level - (0.5 + side // 2)
    rows = read.rimmed.read(picture, begin - 1, desk.rimmed)
    rimmed = functional.pad(rows, (0, 1)).view(-1, rimmed_side, rimmed_side + 1)
    slopes = rimmed.new_empty((rimmed.shape[0], 2, side, side + 1))
    torch.sub(rimmed[:, 1:-1, 2:], rimmed[:, 1:-1, :-2], out=slopes[:, 0])  # twice the slope
    torch.sub(rimmed[:, 2:, 1:-1], rimmed[:, :-2, 1:-1], out=slopes[:, 1])
    slopes = slopes.flatten(2)[..., :-1].mul_(read.plain.mask * 0.5)  # (K, 2, P)
    pixels = rimmed[:, 1:-1, 1:-1].flatten(1)[:, :-1]  # (K, P)
    steps, least, most = _steps(slopes)
    home = torch.mul(steps, pixels[:, None], out=desk.products).sum(-1)
    firmness = torch.maximum(least, most * EDGE**2).sqrt_() / side
    return _Template(begin, pixels, steps, home, least.sqrt() / side, firmness)


def _steps(slopes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Slopes times the inverse of the 2x2 matrix that they make, and its eigenvalues.

    Where the two axes cannot be told from each other's noise, the steps are zero.
    """
    across, down = slopes.unbind(1)  # (K, P)
    xx, yy = slopes.square().sum(-1).unbind(-1)  # (K,)
    xy = (across * down).sum(-1)
    root = ((xx - yy).square() + 4 * xy.square()).sqrt_()
    least, most = (xx + yy - root).clamp_(min=0.0) / 2, (xx + yy + root) / 2
    is_sure = (least > 1e-5 * most) & (least > 1e-9)
    scale = (is_sure / (xx * yy - xy * xy).clamp_(min=1e-18))[:, None]
    xx, yy, xy = xx[:, None] * scale, yy[:, None] * scale, xy[:, None] * scale
    steps = torch.stack((across * yy, down * xx), 1)  # (K, 2, P)
    steps[:, 0].addcmul_(down, xy, value=-1)
    steps[:, 1].addcmul_(across, xy, value=-1)
    return steps, least, most
