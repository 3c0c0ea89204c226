"""Small systems of equations, many at once, with no library call that waits for the device."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["solve"]


def solve(matrix: Tensor, right: Tensor) -> Tensor:
    """Solve a symmetric positive definite system by elimination without pivoting, (..., n).

    Args:
        matrix: (..., n, n), damped, so that no pivot is 0.
        right: (..., n).
    """
    size = right.shape[-1]
    rows = torch.cat((matrix, right[..., None]), -1)  # (..., n, n + 1)
    for index in range(size):
        column = rows[..., index : index + 1].clone()
        pivot = column[..., index : index + 1, :].clamp(min=1e-30)
        row = rows[..., index : index + 1, :] / pivot
        column[..., index, :] -= 1
        rows = rows - column * row
    return rows[..., -1]
