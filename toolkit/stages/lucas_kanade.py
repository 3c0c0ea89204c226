"""Where did this little window go? Slide it until it looks the same, coarse to fine.

Lucas and Kanade: the slopes of the window say how its pixels would change if it slid, so the
difference that is seen says how far it slid. Slopes are taken in the picture where the point is
known, so they and the 2x2 matrix that they make are computed once a level, and each iteration only
reads, subtracts and sums (inverse compositional).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional

from toolkit.stages.patches import Reader, reader, with_margin

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = ["Readers", "follow", "readers", "with_margins"]

STEP_PX = 2.0
"""No iteration moves a window further than this: what the slopes say holds nearby only."""


class Readers(NamedTuple):
    """Constants of one level: how its windows are read, with a rim for slopes and without."""

    rimmed: Reader
    plain: Reader


class Template(NamedTuple):
    """Windows as they are known, and what to multiply a difference with to get a step.

    Attributes:
        pixels: (K, P) float32.
        steps: (K, 2, P) float32: px a unit of brightness.
        slope: (K,) float32: root mean square change a px along the axis of least change.
    """

    pixels: Tensor
    steps: Tensor
    home: Tensor
    slope: Tensor


def readers(
    window: int, sizes: Sequence[tuple[int, int]], device: torch.device
) -> tuple[Readers, ...]:
    """Constants for pyramids with levels of these heights and widths."""
    margin = window // 2 + 3
    return tuple(
        Readers(
            reader(window + 2, margin, height, width, device),
            reader(window, margin, height, width, device),
        )
        for height, width in sizes
    )


def with_margins(pyramid: Sequence[Tensor], levels: Sequence[Readers]) -> list[Tensor]:
    """Each level with the margin that `follow` needs. One allocation a level."""
    return [
        with_margin(one, level.plain.margin) for one, level in zip(pyramid, levels, strict=False)
    ]


def follow(
    before: Sequence[Tensor],
    after: Sequence[Tensor],
    xy: Tensor,
    *,
    levels: Sequence[Readers],
    iterations: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Find in one pyramid the points of another. No sync, fixed shapes, finite for any picture.

    A window without texture is not moved.

    Args:
        before: levels of the pyramid where the points are known, by `with_margins`.
        after: levels of the one where they are sought.
        xy: (K, 2) float32, px at full size.
        levels: constants of each level, by `readers`.
        iterations: steps on each level.

    Returns:
        (K, 2) float32, px: where they are; (K,) float32: the smaller slope of the window at full
        size, per px. About 10 allocations of K windows a level.

    Source:
        Baker and Matthews, "Lucas-Kanade 20 Years On", IJCV 2004; Bouguet, "Pyramidal
        implementation of the affine Lucas Kanade feature tracker", Intel 2001.
    """
    shift = torch.zeros_like(xy)
    seen = template = None
    for level in range(len(levels) - 1, -1, -1):
        read = levels[level]
        begin = (xy + 0.5) * 0.5**level - (0.5 + read.plain.side // 2)  # (K, 2): first pixel
        template = _template(read, before[level], begin)
        shift = shift * 2
        for _ in range(iterations[level]):
            seen = read.plain.read(after[level], begin + shift)  # (K, P)
            moved = (template.steps * seen[:, None]).sum(-1)  # (K, 2)
            shift = shift + (template.home - moved).clamp_(-STEP_PX, STEP_PX)
    difference = (template.pixels - seen).mul_(levels[0].plain.mask).square().sum(-1).sqrt()
    side = levels[0].plain.side
    return xy + shift, template.slope, difference / side / template.slope.clamp(min=1e-9)


def _template(read: Readers, picture: Tensor, begin: Tensor) -> Template:
    """What windows say about themselves; `begin` is where their first pixel lies."""
    side, rimmed_side = read.plain.side, read.rimmed.side
    flat = functional.pad(read.rimmed.read(picture, begin - 1), (0, 1))
    rimmed = flat.view(-1, rimmed_side, rimmed_side + 1)  # (K, side + 2, side + 3)
    across = rimmed[:, 1:-1, 2:] - rimmed[:, 1:-1, :-2]  # (K, side, side + 1), twice the slope
    down = rimmed[:, 2:, 1:-1] - rimmed[:, :-2, 1:-1]
    slopes = torch.stack((across, down), 1).flatten(2)[..., :-1] * read.plain.mask  # (K, 2, P)
    slopes=slopes*.5
    xx, yy = slopes.square().sum(-1).unbind(-1)  # (K,)
    xy = (slopes[:, 0] * slopes[:, 1]).sum(-1)
    root = ((xx - yy).square() + 4 * xy.square()).sqrt()
    least, most = (xx + yy - root).clamp_(min=0.0) / 2, (xx + yy + root) / 2
    # Where one direction cannot be told from noise there is no step at all.
    scale = (least > 1e-5 * most) / (least * most).clamp_(min=1e-12)
    inverse = torch.stack((yy, -xy, -xy, xx), -1).view(-1, 2, 2) * scale[:, None, None]
    steps = (
        inverse[:, :, 0, None] * slopes[:, None, 0] + inverse[:, :, 1, None] * slopes[:, None, 1]
    )
    pixels = rimmed[:, 1:-1, 1:-1].flatten(1)[:, :-1]
    home = (steps * pixels[:, None]).sum(-1)
    return Template(pixels, steps, home, (least / side**2).sqrt())
