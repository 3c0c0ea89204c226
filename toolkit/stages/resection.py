"""Where is the camera, given points in space and where it sees them? One step of Gauss-Newton.

Points are columns (3, N); what is seen are columns (2, N) of the picture at focal length 1, the
first two rows of K^-1 (x, y, 1). Everything is batched over poses and of fixed length.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from toolkit.stages.linear import solve_positive
from toolkit.stages.rotations import rotation_of

__all__ = ["View", "Whitening", "refine_view", "view_error", "whitening_of"]

NEAREST = 1e-3
"""Points nearer than this, or behind, are taken as that near: they are far off, so count little."""


class View(NamedTuple):
    """Where cameras are: rotation (..., 3, 3), translation (..., 3); X_camera = R X + t."""

    rotation: Tensor
    translation: Tensor


class Whitening(NamedTuple):
    """What makes errors of both coordinates alike and independent: the factor of their covariance.

    Attributes:
        first: (N,) standard deviation of x.
        shared: (N,) how much of y's error follows from that of x, in its standard deviations.
        second: (N,) standard deviation of the rest.
    """

    first: Tensor
    shared: Tensor
    second: Tensor

    def apply(self, both: Tensor) -> Tensor:
        """Errors (..., 2, N) in standard deviations."""
        x = both[..., 0, :] / self.first
        return torch.stack((x, (both[..., 1, :] - self.shared * x) / self.second), -2)


def whitening_of(covariance: Tensor) -> Whitening:
    """The whitening of symmetric matrices (N, 2, 2), by Cholesky's factors."""
    first = covariance[:, 0, 0].clamp(min=1e-12).sqrt()
    shared = covariance[:, 0, 1] / first
    return Whitening(first, shared, (covariance[:, 1, 1] - shared**2).clamp(min=1e-12).sqrt())


def view_error(
    view: View, points: Tensor, seen: Tensor, whitening: Whitening | None = None
) -> Tensor:
    """Squared distance between where points (3, N) should be seen and where they are, (..., N)."""
    there = view.rotation @ points + view.translation[..., None]
    residual = seen - there[..., :2, :] / there[..., 2:, :].clamp(min=NEAREST)
    return (residual if whitening is None else whitening.apply(residual)).square().sum(-2)


def refine_view(
    view: View,
    points: Tensor,
    seen: Tensor,
    weights: Tensor,
    *,
    damping: float = 1e-5,
    whitening: Whitening | None = None,
) -> View:
    """One step towards the pose with the least weighted error. No sync.

    Args:
        view: where to begin, any number of poses.
        points: (3, N).
        seen: (2, N).
        weights: (..., N), not negative.
        damping: added to the diagonal, as a part of it (Levenberg and Marquardt).
        whitening: for errors that are not the same in each direction.
    """
    turned = view.rotation @ points  # (..., 3, N)
    there = turned + view.translation[..., None]
    near = 1 / there[..., 2, :].clamp(min=NEAREST)
    place = there[..., :2, :] * near[..., None, :]
    jacobian = _jacobian(turned * near[..., None, :], place, near)  # (..., 6, 2, N)
    residual = seen - place
    if whitening is not None:
        jacobian, residual = whitening.apply(jacobian), whitening.apply(residual)
    weighted = (jacobian * weights[..., None, None, :]).flatten(-2)
    matrix = weighted @ jacobian.flatten(-2).mT
    right = (weighted @ residual.flatten(-2)[..., None])[..., 0]
    matrix.diagonal(dim1=-2, dim2=-1).mul_(1 + damping).add_(1e-9)
    step = solve_positive(matrix, right)
    turn = rotation_of(step[..., :3].clamp(-0.5, 0.5))
    return View(turn @ view.rotation, view.translation + step[..., 3:])


def _jacobian(turned: Tensor, place: Tensor, near: Tensor) -> Tensor:
    """How both coordinates change with a turn about the points' origin and with a shift."""
    x, y, z = turned.unbind(-2)
    u, v = place.unbind(-2)
    zero = torch.zeros_like(u)
    along_x = (-u * y, z + u * x, -y, near, zero, -u * near)
    along_y = (-z - v * y, v * x, x, zero, near, -v * near)
    return torch.stack((torch.stack(along_x, -2), torch.stack(along_y, -2)), -2)
