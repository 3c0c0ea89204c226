"""How does one solve small systems without waiting? By hand: LAPACK's calls look at the result.

`torch.linalg.solve`, `inv`, `eigh` and `svd` check on the host whether they succeeded, so a device
must be waited for. The systems of geometry are tiny (3 to 9 unknowns) and many: a fixed number of
operations over the whole batch solves them, and none asks whether it worked. A singular system has
finite numbers as its answer, and they mean nothing: judge the answer by its residual.
"""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["adjugate", "determinant", "solve_positive"]

TINY = 1e-30
"""What is divided by is at least this, where a diagonal holds nothing at all."""


def adjugate(matrix: Tensor) -> Tensor:
    """Inverse of 3x3 matrices times their determinant, (..., 3, 3); exists for singular ones, too.

    Its rows are the cross products of the columns. No sync.
    """
    first, second, third = matrix.unbind(-1)
    rows = (
        torch.linalg.cross(second, third),
        torch.linalg.cross(third, first),
        torch.linalg.cross(first, second),
    )
    return torch.stack(rows, -2)


def determinant(matrix: Tensor) -> Tensor:
    """Determinant of 3x3 matrices, (...). No sync."""
    first, second, third = matrix.unbind(-1)
    return (first * torch.linalg.cross(second, third)).sum(-1)


def solve_positive(matrix: Tensor, right: Tensor) -> Tensor:
    """Solve for a batch of symmetric positive definite matrices: no exchange of rows. No sync.

    For normal equations. A pivot that roundoff has brought to zero is taken for roundoff, so that
    what nothing is known of is a finite number. Add something to the diagonal to make it small.

    Args:
        matrix: (..., n, n) floating point.
        right: (..., n).

    Returns:
        (..., n), finite for finite inputs of moderate size. Five allocations for each unknown.
    """
    system = torch.cat((matrix, right[..., None]), -1)  # (..., n, n + 1)
    epsilon = torch.finfo(matrix.dtype).eps
    floor = matrix.diagonal(dim1=-2, dim2=-1).abs() * epsilon + TINY  # (..., n)
    for step in range(matrix.shape[-1]):
        row = system[..., step : step + 1, :]
        pivot = torch.maximum(row[..., step], floor[..., step : step + 1])
        row = row / pivot[..., None]
        system = system - system[..., step : step + 1] * row
        system[..., step : step + 1, :] = row
    return system[..., -1]
