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

__all__ = ["PLANES", "Refinement", "refine", "refinement"]

PLANES = 29
"""How many planes of the picture's size `refine` works on."""

FLOW_EPSILON = 0.015
"""Steps of the flow below this, px, are smoothed like any surface; above, they may be edges."""
DATA_EPSILON = 0.1
"""Misfits below this, px, are noise, and are weighed by their square."""
NOISE = 0.3 / 255
"""Second derivatives below this say nothing of where a pixel went."""
SLOWEST = 0.99
"""By how much the slowest error shrinks in a sweep of Jacobi, as Chebyshev's recurrence assumes."""


@dataclass(frozen=True, slots=True)
class Refinement:
    """Constants of `refine` for pictures of one size.

    Attributes:
        grid: (2, H, W) x and y where `grid_sample` finds each pixel when nothing moves.
        scale: (2, 1, 1) from px to the units of `grid`.
        smoothness: alpha, the weight of the second sum.
        warps: how often the first sum is linearised.
        reweights: how often for each warp the equations are set up.
        relaxation: how far to go in each sweep over all pixels, by Chebyshev's recurrence.
    """

    grid: Tensor
    scale: Tensor
    smoothness: float
    warps: int
    reweights: int
    relaxation: tuple[float, ...]


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
    grid = sampling_grid(pixel_positions(height, width), height=height, width=width, device=device)
    scale = torch.tensor([2 / max(width - 1, 1), 2 / max(height - 1, 1)])
    return Refinement(
        grid[0].permute(2, 0, 1).contiguous(),
        scale.view(2, 1, 1).to(device),
        smoothness,
        warps,
        reweights,
        tuple(_relaxation(sweeps)),
    )


def _relaxation(sweeps: int) -> list[float]:
    """How far to go in each sweep, from the flow of the sweep before to the solved one."""
    omegas = [1.0]
    for number in range(1, sweeps):
        omegas.append(1 / (1 - SLOWEST**2 * omegas[-1] / (2 if number == 1 else 4)))
    return omegas


class _Planes:
    """Names for the planes that `refine` works on. Where two names share one, see the order."""

    def __init__(self, scratch: Tensor, height: int, width: int) -> None:
        planes = scratch[: PLANES * height * width].view(PLANES, height, width)
        self.here, self.there = planes[0:2], planes[2:4]  # gradients of the pictures
        self.fields = (planes[4:6], planes[6:8])  # the flow, and that of the sweep before
        self.p, self.q, self.r, self.s, self.t, self.z = planes[8:14]
        self.inside = planes[14]
        # Needed while the misfit is linearised:
        self.grid = self.difference = planes[15:17]
        self.sum = planes[17:19]
        self.second = planes[19:22]
        # And after that, while the equations are set up and solved:
        self.spare, self.other = planes[15:17], planes[17:19]
        self.equations = planes[19:24]  # xx, yy and xy of the matrix, then the right side
        self.across, self.down = planes[24, :, 1:], planes[25, 1:]
        self.total, self.psi = planes[26], planes[27]
        self.weight = planes[28]


def refine(here: Tensor, there: Tensor, flow: Tensor, *, by: Refinement, scratch: Tensor) -> Tensor:
    """Make a flow exact, (1, 2, H, W) px. One allocation for each warp, no sync.

    Args:
        here: (1, 1, H, W) the picture whose pixels move, in [0, 1].
        there: (1, 1, H, W) where they move to.
        flow: (1, 2, H, W) px, nearly right: within a pixel or two.
        by: constants for this size.
        scratch: (>= PLANES * H * W,) memory to work in. The result lies there, too.
    """
    planes = _Planes(scratch, *here.shape[-2:])
    for picture, gradient in ((here, planes.here), (there, planes.there)):
        central(picture[0, 0], 1, out=gradient[0])
        central(picture[0, 0], 0, out=gradient[1])
    current, before = ((one, _neighbours(one)) for one in planes.fields)
    current[0].copy_(flow[0])
    for _ in range(by.warps):
        _linearise(planes, current[0], by)
        for _ in range(by.reweights):
            _set_up(planes, current[0], by)
            _spread(planes, current[0], by)
            _invert(planes)
            for omega in by.relaxation:
                _sweep(planes, *current, before[0], omega)
                current, before = before, current
    return current[0][None]


def central(image: Tensor, axis: int, *, out: Tensor) -> None:
    """Write what lies ahead less what lies behind, border repeated: twice the derivative.

    Args:
        image: (H, W).
        axis: 0 looks down, 1 to the right.
        out: (H, W).
    """
    last = image.shape[axis] - 1
    for at, ahead, behind, size in (
        (0, 1, 0, 1),
        (1, 2, 0, last - 1),
        (last, last, last - 1, 1),
    ):
        ahead_of, behind_of = image.narrow(axis, ahead, size), image.narrow(axis, behind, size)
        torch.sub(ahead_of, behind_of, out=out.narrow(axis, at, size))


def _linearise(planes: _Planes, flow: Tensor, by: Refinement) -> None:
    """Misfit of the gradients as a linear function of the flow: r + p u + q v and z + s u + t v."""
    grid = torch.addcmul(by.grid, flow, by.scale, out=planes.grid)
    # Planes of x and of y, seen as pairs: nothing is copied, and it is read faster than pairs are.
    pairs = grid.permute(1, 2, 0)[None]
    warped = functional.grid_sample(
        planes.there[None], pairs, padding_mode="border", align_corners=True
    )[0]
    # What left the picture is not seen, so its misfit counts nothing.
    grid.abs_()
    torch.le(torch.maximum(grid[0], grid[1], out=planes.weight), 1.0, out=planes.inside)
    misfit = torch.sub(warped, planes.here, out=planes.difference)
    slope = torch.add(warped, planes.here, out=planes.sum)
    xx, xy, yy = planes.second
    central(slope[0], 1, out=xx)
    central(slope[0], 0, out=xy)
    central(slope[1], 0, out=yy)
    p, q, r, s, t, z = planes.p, planes.q, planes.r, planes.s, planes.t, planes.z
    _normalise(xx, xy, misfit[0], out=(p, q, r), length=planes.weight)
    _normalise(xy, yy, misfit[1], out=(s, t, z), length=planes.weight)
    u, v = flow
    # The misfit at flow zero, instead of at this flow.
    r.addcmul_(p, u, value=-1).addcmul_(q, v, value=-1)
    z.addcmul_(s, u, value=-1).addcmul_(t, v, value=-1)


def _normalise(
    x: Tensor, y: Tensor, misfit: Tensor, *, out: tuple[Tensor, Tensor, Tensor], length: Tensor
) -> None:
    """Divide by the length of x and y: a misfit in px, so that strong texture weighs no more."""
    # Second derivatives come 8 fold, misfits 2 fold: both are of differences over two px, and the
    # former are the sum of two pictures.
    torch.mul(x, x, out=length).addcmul_(y, y).add_((8 * NOISE) ** 2).rsqrt_()
    torch.mul(x, length, out=out[0])
    torch.mul(y, length, out=out[1])
    torch.mul(misfit, length, out=out[2]).mul_(4.0)


def _set_up(planes: _Planes, flow: Tensor, by: Refinement) -> None:
    """The equations of each pixel by itself, weighed by how well the flow so far fits there."""
    u, v = flow
    p, q, r, s, t, z = planes.p, planes.q, planes.r, planes.s, planes.t, planes.z
    one, two = planes.spare
    torch.addcmul(r, p, u, out=one).addcmul_(q, v)
    torch.addcmul(z, s, u, out=two).addcmul_(t, v)
    weight = torch.mul(one, one, out=planes.weight).addcmul_(two, two).add_(DATA_EPSILON**2)
    weight.rsqrt_().mul_(planes.inside)
    factors = ((p, p, s, s), (q, q, t, t), (p, q, s, t), (p, r, s, z), (q, r, t, z))
    for equation, (a, b, c, d) in zip(planes.equations, factors, strict=True):
        torch.mul(a, b, out=equation).addcmul_(c, d)
    planes.equations.mul_(weight)


def _spread(planes: _Planes, flow: Tensor, by: Refinement) -> None:
    """How much neighbours must have the same flow: less across edges of the flow."""
    dx, dy = planes.spare, planes.other
    torch.sub(flow[:, :, 1:], flow[:, :, :-1], out=dx[:, :, :-1])
    torch.sub(flow[:, 1:], flow[:, :-1], out=dy[:, :-1])
    dx[:, :, -1].zero_()
    dy[:, -1].zero_()
    psi = torch.mul(dx[0], dx[0], out=planes.psi).addcmul_(dx[1], dx[1])
    psi.addcmul_(dy[0], dy[0]).addcmul_(dy[1], dy[1]).add_(FLOW_EPSILON**2).rsqrt_()
    psi.mul_(by.smoothness / 2)
    across, down, total = planes.across, planes.down, planes.total
    torch.add(psi[:, 1:], psi[:, :-1], out=across)
    torch.add(psi[1:], psi[:-1], out=down)
    total[:, 0].zero_()
    total[:, 1:].copy_(across)
    total[:, :-1].add_(across)
    total[1:].add_(down)
    total[:-1].add_(down)


def _invert(planes: _Planes) -> None:
    """Turn the matrices of all pixels, with what ties them to neighbours, into their inverses."""
    diagonal, xy = planes.equations[:2], planes.equations[2]
    diagonal.add_(planes.total)
    xx, yy = diagonal
    scale = torch.mul(xx, yy, out=planes.weight).addcmul_(xy, xy, value=-1).reciprocal_()
    planes.psi.copy_(xx)
    torch.mul(yy, scale, out=xx)
    torch.mul(planes.psi, scale, out=yy)
    xy.mul_(scale).neg_()
    planes.equations[3:].neg_()


def _neighbours(flow: Tensor) -> tuple[Tensor, ...]:
    """Views of what has a neighbour to the left, right, above and below: that neighbour."""
    return flow[:, :, :-1], flow[:, :, 1:], flow[:, :-1], flow[:, 1:]


def _sweep(
    planes: _Planes,
    current: Tensor,
    neighbours: tuple[Tensor, ...],
    before: Tensor,
    omega: float,
) -> None:
    """Solve every pixel for its neighbours' flow; overwrites the flow before the current one."""
    left, right, above, below = neighbours
    across, down = planes.across, planes.down
    total, solved = planes.spare, planes.other
    diagonal, xy, rest = planes.equations[:2], planes.equations[2], planes.equations[3:]
    torch.addcmul(rest[:, :, :-1], right, across, out=total[:, :, :-1])
    total[:, :, -1].copy_(rest[:, :, -1])
    total[:, :, 1:].addcmul_(left, across)
    total[:, 1:].addcmul_(above, down)
    total[:, :-1].addcmul_(below, down)
    if omega == 1.0:
        solved = before
    torch.mul(total, diagonal, out=solved)
    solved[0].addcmul_(total[1], xy)
    solved[1].addcmul_(total[0], xy)
    if omega != 1.0:
        before.lerp_(solved, omega)
