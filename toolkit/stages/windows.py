"""How does one find the largest value in every window, when a window has hundreds of pixels?

By doubling: the maximum over 2 pixels gives that over 4, that over 8, and the last step overlaps. A
window of 15 px takes 4 passes along each axis instead of 14, and the passes take turns in the
memory of two.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from torch import Tensor

__all__ = ["sliding_max", "sliding_min"]


def sliding_max(values: Tensor, height: int, width: int) -> Tensor:
    """Largest value in each window that lies wholly inside the picture.

    Args:
        values: (..., H, W), any dtype with an order.
        height: rows of the window.
        width: columns of the window.

    Returns:
        (..., H - height + 1, W - width + 1); entry (y, x) is the window whose first pixel is (y,
        x). Two allocations, no larger than `values`; `values` itself where the window is one pixel.
    """
    return _doubled(values, height, width, torch.maximum)


def sliding_min(values: Tensor, height: int, width: int) -> Tensor:
    """Smallest value in each window; else as `sliding_max`."""
    return _doubled(values, height, width, torch.minimum)


def _doubled(values: Tensor, height: int, width: int, pick: Callable[..., Tensor]) -> Tensor:
    shape = list(values.shape)
    spare: Tensor | None = None
    taken: Tensor | None = None  # what the last pass wrote to
    for axis, step in (*_steps(width, -1), *_steps(height, -2)):
        shape[axis] -= step
        one, other = (values.narrow(axis, at, shape[axis]) for at in (0, step))
        if spare is None:
            spare = values.new_empty(shape)
        strides = [math.prod(shape[place + 1 :]) for place in range(len(shape))]
        values = pick(one, other, out=spare.as_strided(shape, strides))
        spare, taken = taken, spare
    return values


def _steps(size: int, axis: int) -> Iterator[tuple[int, int]]:
    covered = 1
    while covered < size:
        step = min(covered, size - covered)
        covered += step
        yield axis, step
