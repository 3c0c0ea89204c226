"""How does a picture move when the camera only turns? A rotation, found without a decomposition.

Points are directions, columns of (..., 3, N): what is far away moves as the directions turn. All
closed forms are batched and of fixed length, so that nothing waits for the device.
"""

from __future__ import annotations

import torch
from torch import Tensor

from toolkit.stages.linear import determinant, solve_positive

__all__ = ["fit_turn", "hat", "rotation_of", "turn_by_two", "unit"]


def hat(vector: Tensor) -> Tensor:
    """Matrix (..., 3, 3) of the cross product: of a vector (..., 3) and whatever it is times."""
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    rows = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), -1)
    return rows.view(*vector.shape[:-1], 3, 3)


def rotation_of(vector: Tensor) -> Tensor:
    """Rotation about an axis (..., 3) by its length in radians, (..., 3, 3), orthogonal to 1e-7.

    The unit quaternion (2, v) / |(2, v)| is taken through the Cayley map, which agrees with the
    exponential to third order: exact enough for the steps of an iteration, and always a rotation.
    """
    half = hat(vector * 0.5)
    square = half @ half
    scale = 2 / (1 + (vector * vector).sum(-1, keepdim=True)[..., None] * 0.25)
    turn = (half + square) * scale
    turn.diagonal(dim1=-2, dim2=-1).add_(1)
    return turn


def turn_by_two(before: Tensor, after: Tensor) -> Tensor:
    """The rotation of two directions into two others, (M, 3, 3); none, where two are one.

    Args:
        before: (M, 3, 2) directions.
        after: (M, 3, 2).

    Source: H. D. Black, A passive system for determining the attitude of a satellite, 1964.
    """
    turn = _triad(after) @ _triad(before).mT
    identity = torch.zeros_like(turn)
    identity.diagonal(dim1=-2, dim2=-1).add_(1)
    return torch.where((determinant(turn) > 0.5)[..., None, None], turn, identity)


def _triad(pair: Tensor) -> Tensor:
    """A right-handed base, (M, 3, 3), from the sum, the difference and the normal of two."""
    one, other = unit(pair, dim=-2).unbind(-1)
    along, across = unit(one + other), unit(one - other)
    return torch.stack((along, across, torch.linalg.cross(along, across)), -1)


def unit(vector: Tensor, dim: int = -1) -> Tensor:
    """Scaled to length 1; what is 0 stays 0."""
    return vector / vector.norm(dim=dim, keepdim=True).clamp(min=1e-12)


def fit_turn(rotation: Tensor, before: Tensor, after: Tensor, weights: Tensor) -> Tensor:
    """One step of Gauss and Newton on the rotation that takes unit directions to unit directions.

    Args:
        rotation: (..., 3, 3), where to begin.
        before: (3, N) unit directions.
        after: (3, N).
        weights: (..., N), not negative.
    """
    turned = rotation @ before  # (..., 3, N)
    weighted = turned * weights[..., None, :]
    outer = weighted @ turned.mT
    matrix = -outer
    trace = outer.diagonal(dim1=-2, dim2=-1).sum(-1, keepdim=True)
    # A little more: where all directions are one, nothing says how far it turned about itself.
    matrix.diagonal(dim1=-2, dim2=-1).add_(trace * (1 + 1e-6) + 1e-9)
    product = weighted @ after.mT  # sum of w y b^T: its skew part holds the sum of w y x b
    skew = product - product.mT
    moment = torch.stack((skew[..., 1, 2], skew[..., 2, 0], skew[..., 0, 1]), -1)
    return rotation_of(solve_positive(matrix, moment)) @ rotation
