"""How does one solve small systems without waiting? By hand: LAPACK's calls look at the result.

`torch.linalg.solve`, `inv`, `eigh` and `svd` check on the host whether they succeeded, so a device
must be waited for. The systems of geometry are tiny (3 to 9 unknowns) and many: a fixed number of
operations over the whole batch solves them, and none asks whether it worked. A singular system has
finite numbers as its answer, and they mean nothing: judge the answer by its residual.
"""

from __future__ import annotations

from itertools import combinations

import torch
from torch import Tensor

__all__ = ["adjugate", "determinant", "solve", "solve_positive", "symmetric_eigen"]

TINY = 1e-30
"""What is divided by is at least this far from zero: far below what a healthy pivot is."""


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


def solve(matrix: Tensor, right: Tensor) -> Tensor:
    """Solve matrix x = right for a batch by Gauss-Jordan elimination, rows exchanged. No sync.

    Args:
        matrix: (..., n, n) floating point.
        right: (..., n).

    Returns:
        (..., n), finite for finite inputs of moderate size. About ten dispatches for each unknown.
    """
    system = torch.cat((matrix, right[..., None]), -1)  # (..., n, n + 1)
    count = matrix.shape[-1]
    for step in range(count):
        below = system[..., step:, step].abs()
        place = below.argmax(-1, keepdim=True)[..., None] + step  # (..., 1, 1), the largest pivot
        place = place.expand(*place.shape[:-1], count + 1)
        pivot = system.gather(-2, place)  # (..., 1, n + 1)
        system = system.scatter(-2, place, system[..., step : step + 1, :])
        pivot = pivot / _away_from_zero(pivot[..., step : step + 1])
        system = system - system[..., step : step + 1] * pivot
        system[..., step : step + 1, :] = pivot
    return system[..., -1]


def solve_positive(matrix: Tensor, right: Tensor) -> Tensor:
    """Solve for a batch of symmetric positive definite matrices: no exchange of rows. No sync.

    For normal equations. Add something to the diagonal where they may be singular.

    Args:
        matrix: (..., n, n) floating point.
        right: (..., n).

    Returns:
        (..., n). About four dispatches for each unknown.
    """
    system = torch.cat((matrix, right[..., None]), -1)  # (..., n, n + 1)
    for step in range(matrix.shape[-1]):
        row = system[..., step : step + 1, :]
        row = row / _away_from_zero(row[..., step : step + 1])
        system = system - system[..., step : step + 1] * row
        system[..., step : step + 1, :] = row
    return system[..., -1]


def symmetric_eigen(matrix: Tensor, *, sweeps: int = 6) -> tuple[Tensor, Tensor]:
    """Eigenvalues and eigenvectors of small symmetric matrices by Jacobi's rotations. No sync.

    Each sweep turns every pair of axes once; six sweeps take 3x3 to 9x9 matrices in float32 to
    roundoff. About twenty dispatches a pair: for 3x3 three pairs, for 9x9 thirty-six.

    Args:
        matrix: (..., n, n), symmetric.
        sweeps: how often every pair is turned.

    Returns:
        Values, (..., n), ascending; vectors, (..., n, n), in columns, each of length 1.

    Source:
        Golub and Van Loan, Matrix Computations, section 8.5.
    """
    columns = list(matrix.unbind(-1))
    size = matrix.shape[-1]
    basis = torch.zeros_like(matrix)
    basis.diagonal(dim1=-2, dim2=-1).fill_(1.0)
    vectors = list(basis.unbind(-1))
    for _ in range(sweeps):
        for one, other in combinations(range(size), 2):
            _turn(columns, vectors, one, other)
    values = torch.stack([columns[place][..., place] for place in range(size)], -1)
    values, order = values.sort(-1)
    order = order[..., None, :].expand(matrix.shape)
    return values, torch.stack(vectors, -1).gather(-1, order)


def _turn(columns: list[Tensor], vectors: list[Tensor], one: int, other: int) -> None:
    """Rotate two axes so that the entry of a symmetric matrix between them becomes zero."""
    between = columns[other][..., one]
    gap = (columns[other][..., other] - columns[one][..., one]) / 2
    reach = torch.hypot(gap, between)
    # The smaller of the two angles: tan = between / (gap +- reach), with the sign of the gap.
    tangent = between / _away_from_zero(gap + torch.where(gap < 0, -reach, reach))
    cosine = torch.rsqrt(1 + tangent * tangent)
    sine = tangent * cosine
    for held in (columns, vectors):
        held[one], held[other] = _rotated(
            held[one], held[other], cosine[..., None], sine[..., None]
        )
    rows = torch.stack(columns, -1)  # rows of the result are columns turned once more
    first, second = _rotated(
        rows[..., one, :], rows[..., other, :], cosine[..., None], sine[..., None]
    )
    rows[..., one, :], rows[..., other, :] = first, second
    columns[:] = rows.unbind(-1)


def _rotated(first: Tensor, second: Tensor, cosine: Tensor, sine: Tensor) -> tuple[Tensor, Tensor]:
    return cosine * first - sine * second, sine * first + cosine * second


def _away_from_zero(values: Tensor) -> Tensor:
    """The same, but of magnitude `TINY` at least, so that it can be divided by."""
    return torch.where(values < 0, values.clamp(max=-TINY), values.clamp(min=TINY))
