"""Where exactly did each pixel go? Where gradients agree, and where neighbours go the same way.

A flow that is nearly right is made exact by minimising, over all pixels at once,

    sum psi(gradient of the second picture at x + flow(x), less that of the first one at x)
    + alpha * sum psi(change of the flow from pixel to pixel)

with psi(d) = sqrt(d^2 + epsilon^2), so that what does not fit (an edge of the flow, a pixel that is
hidden) costs little. Gradients, not brightness, are compared: they stay when the exposure changes.
Each warp linearises the first sum around the flow so far; what is left is a system of linear
equations, two for each pixel, that is set up anew `reweights` times and solved by `sweeps` sweeps.

Source: Brox, Bruhn, Papenberg, Weickert, High accuracy optical flow estimation based on a theory
for warping, ECCV 2004; normalised as in Weinzaepfel, Revaud, Harchaoui, Schmid, DeepFlow, ICCV
2013. The sweeps are those of Jacobi, sped up by Chebyshev's recurrence (Golub and Varga, 1961):
unlike over-relaxation they need no order among the pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional

from toolkit.stages.grids import pixel_positions, sampling_grid

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Refinement", "refine", "refinement"]

FLOW_EPSILON = 0.03
"""Steps of the flow below this, px, are smoothed like any surface; above, they may be edges."""
DATA_EPSILON = 0.1
"""Misfits below this, px, are noise, and are weighed by their square."""
NOISE = 0.3 / 255
"""Second derivatives below this say nothing of where a pixel went."""
SLOWEST = 0.98
"""By how much the slowest error shrinks in a sweep of Jacobi, as Chebyshev's recurrence assumes."""


@dataclass(frozen=True, slots=True)
class Refinement:
    """Constants of `refine` for pictures of one size.

    Attributes:
        grid: (1, H, W, 2) where `grid_sample` finds each pixel when nothing moves.
        scale: (2,) from px to the units of `grid`.
        smoothness: alpha, the weight of the second sum.
        warps: how often the first sum is linearised.
        reweights: how often for each warp the equations are set up.
        sweeps: how often for each set of equations every pixel is solved.
    """

    grid: Tensor
    scale: Tensor
    smoothness: float
    warps: int
    reweights: int
    sweeps: int


def refinement(
    height: int,
    width: int,
    *,
    device: torch.device,
    smoothness: float,
    warps: int,
    reweights: int,
    sweeps: int,
) -> Refinement:
    """Make the constants for pictures of a size. Allocates on the host, then moves."""
    positions = pixel_positions(height, width)
    scale = torch.tensor([2 / max(width - 1, 1), 2 / max(height - 1, 1)])
    return Refinement(
        sampling_grid(positions, height=height, width=width, device=device),
        scale.to(device),
        smoothness,
        warps,
        reweights,
        sweeps,
    )


class _Workspace:
    """Memory for one level. What is solved for has a border, so that neighbours are views of it."""

    def __init__(self, height: int, width: int, like: Tensor) -> None:
        self.grid = like.new_empty((1, height, width, 2))
        planes = like.new_zeros((34, height, width))
        self.diffs, self.sums = planes[0:2], planes[2:4]
        self.xx, self.xy, self.yy = planes[4:7]
        self.p, self.q, self.r = planes[7:10]
        self.s, self.t, self.z = planes[10:13]
        self.products = planes[13:18]
        self.weighed = planes[18:23]
        self.spare, self.other = planes[23:25], planes[25:27]
        self.inverse = planes[27:30]
        self.inside = planes[30]
        self.total = planes[31]
        self.weight = planes[32]
        self.psi = planes[33]
        self.across = like.new_zeros((height, width + 1))
        self.down = like.new_zeros((height + 1, width))
        self.fields = [like.new_zeros((2, height + 2, width + 2)) for _ in range(2)]


def refine(here: Tensor, there: Tensor, flow: Tensor, *, by: Refinement) -> Tensor:
    """Make a flow exact, (1, 2, H, W) px. No sync.

    Args:
        here: (1, 1, H, W) the picture whose pixels move, in [0, 1].
        there: (1, 1, H, W) where they move to.
        flow: (1, 2, H, W) px, nearly right: within a pixel or two.
        by: constants for this size.
    """
    height, width = here.shape[-2:]
    work = _Workspace(height, width, here)
    gradients = here.new_empty((2, 2, height, width))
    for picture, gradient in zip((here, there), gradients, strict=True):
        central(picture[0, 0], -1, out=gradient[0])
        central(picture[0, 0], -2, out=gradient[1])
    current, before = work.fields
    _inner(current).copy_(flow[0])
    for _ in range(by.warps):
        _linearise(work, *gradients, _inner(current), by)
        for number in range(by.reweights):
            _set_up(work, _inner(current), by, first=number == 0)
            current, before = _sweep(work, current, before, by.sweeps)
    return _inner(current).contiguous()[None]


def central(image: Tensor, axis: int, *, out: Tensor) -> None:
    """Write what lies ahead less what lies behind, border repeated: twice the derivative."""
    last = image.shape[axis] - 1
    ahead, behind = image.narrow(axis, 2, last - 1), image.narrow(axis, 0, last - 1)
    torch.sub(ahead, behind, out=out.narrow(axis, 1, last - 1))
    for at, ahead_at, behind_at in ((0, 1, 0), (last, last, last - 1)):
        torch.sub(
            image.narrow(axis, ahead_at, 1),
            image.narrow(axis, behind_at, 1),
            out=out.narrow(axis, at, 1),
        )


def _inner(field: Tensor) -> Tensor:
    return field[:, 1:-1, 1:-1]


def _linearise(work: _Workspace, here: Tensor, there: Tensor, flow: Tensor, by: Refinement) -> None:
    """Misfit of the gradients as a linear function of the flow: r + p u + q v and z + s u + t v."""
    torch.addcmul(by.grid[0], flow.permute(1, 2, 0), by.scale, out=work.grid[0])
    warped = functional.grid_sample(
        there[None], work.grid, padding_mode="border", align_corners=True
    )[0]
    torch.le(work.grid[0].abs_().amax(-1), 1.0, out=work.inside)
    torch.sub(warped, here, out=work.diffs)
    torch.add(warped, here, out=work.sums)
    central(work.sums[0], -1, out=work.xx)
    central(work.sums[0], -2, out=work.xy)
    central(work.sums[1], -2, out=work.yy)
    # Sums and differences of twice the derivatives: all second ones are 8 fold, misfits 2 fold.
    _normalise(work, work.xx, work.xy, work.diffs[0], (work.p, work.q, work.r))
    _normalise(work, work.xy, work.yy, work.diffs[1], (work.s, work.t, work.z))
    u, v = flow
    p, q, r, s, t, z = work.p, work.q, work.r, work.s, work.t, work.z
    # The misfit at flow zero, instead of at this flow.
    r.addcmul_(p, u, value=-1).addcmul_(q, v, value=-1)
    z.addcmul_(s, u, value=-1).addcmul_(t, v, value=-1)
    pairs = ((p, p, s, s), (p, q, s, t), (q, q, t, t), (p, r, s, z), (q, r, t, z))
    for product, (one, two, three, four) in zip(work.products, pairs, strict=True):
        torch.mul(one, two, out=product).addcmul_(three, four)


def _normalise(
    work: _Workspace, one: Tensor, two: Tensor, misfit: Tensor, out: tuple[Tensor, ...]
) -> None:
    """Misfit in px along the gradient's own gradient, so that strong texture weighs no more."""
    length = torch.mul(one, one, out=work.weight).addcmul_(two, two).add_((8 * NOISE) ** 2)
    length.rsqrt_()
    torch.mul(one, length, out=out[0])
    torch.mul(two, length, out=out[1])
    torch.mul(misfit, length, out=out[2]).mul_(4.0)


def _set_up(work: _Workspace, flow: Tensor, by: Refinement, *, first: bool) -> None:
    """The equations of each pixel, weighed by how well the flow so far fits there."""
    u, v = flow
    one, two = work.spare
    torch.addcmul(work.r, work.p, u, out=one).addcmul_(work.q, v)
    torch.addcmul(work.z, work.s, u, out=two).addcmul_(work.t, v)
    weight = torch.mul(one, one, out=work.weight).addcmul_(two, two).add_(DATA_EPSILON**2)
    weight.rsqrt_().mul_(work.inside)
    torch.mul(work.products, weight, out=work.weighed)
    _spread(work, flow, by)
    xx, xy, yy = work.weighed[:3]
    xx.add_(work.total)
    yy.add_(work.total)
    # The inverse of the 2x2 matrix of each pixel; of `xy` with the sign that it has there.
    determinant = torch.mul(xx, yy, out=work.weight).addcmul_(xy, xy, value=-1).reciprocal_()
    torch.mul(yy, determinant, out=work.inverse[0])
    torch.mul(xx, determinant, out=work.inverse[2])
    torch.mul(xy, determinant, out=work.inverse[1]).neg_()


def _spread(work: _Workspace, flow: Tensor, by: Refinement) -> None:
    """How much the flow of a pixel must be that of its neighbours: less across edges of the flow."""
    height, width = flow.shape[-2:]
    dx, dy = work.spare, work.other
    torch.sub(flow[:, :, 1:], flow[:, :, :-1], out=dx[:, :, :-1])
    torch.sub(flow[:, 1:], flow[:, :-1], out=dy[:, :-1])
    dx[:, :, -1].zero_()
    dy[:, -1].zero_()
    psi = torch.mul(dx[0], dx[0], out=work.psi).addcmul_(dx[1], dx[1])
    psi.addcmul_(dy[0], dy[0]).addcmul_(dy[1], dy[1]).add_(FLOW_EPSILON**2).rsqrt_()
    psi.mul_(by.smoothness / 2)
    across, down = work.across, work.down
    torch.add(psi[:, 1:], psi[:, :-1], out=across[:, 1:width])
    torch.add(psi[1:], psi[:-1], out=down[1:height])
    torch.add(across[:, 1:], across[:, :-1], out=work.total).add_(down[1:]).add_(down[:-1])
    work.total.add_(1e-6)


def _sweep(
    work: _Workspace, current: Tensor, before: Tensor, sweeps: int
) -> tuple[Tensor, Tensor]:
    """Solve every pixel for its neighbours' flow, again and again; returns the newest first."""
    across, down, right = work.across, work.down, work.weighed[3:]
    left_of, right_of, above, below = across[:, :-1], across[:, 1:], down[:-1], down[1:]
    xx, xy, yy = work.inverse
    total, solved = work.spare, work.other
    omega = 1.0
    for number in range(sweeps):
        torch.mul(current[:, 1:-1, 2:], right_of, out=total).sub_(right)
        total.addcmul_(current[:, 1:-1, :-2], left_of)
        total.addcmul_(current[:, 2:, 1:-1], below).addcmul_(current[:, :-2, 1:-1], above)
        torch.mul(total[0], xx, out=solved[0]).addcmul_(total[1], xy)
        torch.mul(total[0], xy, out=solved[1]).addcmul_(total[1], yy)
        target = _inner(before)
        if number == 0:
            target.copy_(solved)
        else:
            omega = 1 / (1 - SLOWEST**2 * omega / (2 if number == 1 else 4))
            target.lerp_(solved, omega)
        current, before = before, current
    return current, before
