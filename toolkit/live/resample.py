"""How does a picture get smaller without an allocation? By sums of gathered rows, then columns.

Each pixel of the result is the mean of the area that it covers, as a few rows (or columns) of the
source with weights. Places and weights are computed once for a pair of sizes; a frame only gathers
and adds, in memory that was made beforehand. torch's own `interpolate` makes its tables anew each
time.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from toolkit.live.scratch import Scratch

__all__ = ["Resampler", "area_taps", "fit"]

_TINY = 1e-9


def fit(width: int, height: int, box_width: float, box_height: float) -> tuple[int, int]:
    """The largest size (width, height) of these proportions in the box, never enlarged.

    A side of the box that is not known yet (0) sets no limit.
    """
    scale = min(
        1.0,
        box_width / width if box_width > 0 else 1.0,
        box_height / height if box_height > 0 else 1.0,
    )
    return max(1, round(width * scale)), max(1, round(height * scale))


def area_taps(source: int, target: int) -> list[tuple[list[int], list[float]]]:
    """Which source pixels make up each target pixel, and how much of each: (places, weights).

    Target pixel `i` covers the source from `i * source / target` to the next one. The list is as
    long as the most source pixels that one target pixel touches; the weights of a target pixel
    sum to one.
    """
    step = source / target
    edges = [(place * step, (place + 1) * step) for place in range(target)]
    firsts = [math.floor(begin + _TINY) for begin, _ in edges]
    most = max(
        math.ceil(end - _TINY) - first for first, (_, end) in zip(firsts, edges, strict=True)
    )
    taps = []
    for tap in range(most):
        places = [min(first + tap, source - 1) for first in firsts]
        weights = [
            max(0.0, min(end, first + tap + 1) - max(begin, first + tap)) / step
            for first, (begin, end) in zip(firsts, edges, strict=True)
        ]
        taps.append((places, weights))
    return taps


class Resampler:
    """Brings (C, H, W) float32 to (C, h, w), each pixel the mean of the area that it covers.

    All memory is taken from `scratch` at construction, but that of the tables.

    Args:
        channels: C.
        source: (H, W).
        target: (h, w).
        scratch: where they are made, on the device where they live.
        flips: whether rows, and columns, come out in the opposite order.
    """

    def __init__(
        self,
        channels: int,
        source: tuple[int, int],
        target: tuple[int, int],
        scratch: Scratch,
        flips: tuple[bool, bool] = (False, False),
    ) -> None:
        (rows, columns), (new_rows, new_columns) = source, target
        self._rows = _Axis(1, (channels, rows, columns), new_rows, flips[0])
        self._columns = _Axis(2, (channels, new_rows, columns), new_columns, flips[1])
        for one in (self._rows, self._columns):
            if not one.is_idle:
                one.prepare(scratch)

    @property
    def is_idle(self) -> bool:
        """Whether pictures have their size and order already."""
        return self._rows.is_idle and self._columns.is_idle

    def __call__(self, planes: Tensor) -> Tensor:
        """The picture at its new size, in memory of the scratch. No allocation.

        `planes` itself where there is nothing to do.
        """
        return self._columns(self._rows(planes))


class _Axis:
    """One direction: gathers along `axis` and adds with weights."""

    def __init__(self, axis: int, shape: tuple[int, ...], target: int, flip: bool) -> None:
        self._axis = axis
        self._shape = shape
        self._target = target
        self._flip = flip
        self._taps: list[tuple[Tensor, Tensor | None]] = []
        self.is_idle = shape[axis] == target and not flip

    def prepare(self, scratch: Scratch) -> None:
        """Make the tables, and take the memory."""
        result, along = list(self._shape), [1, 1, 1]
        result[self._axis] = along[self._axis] = self._target
        self._sum, self._one = scratch.take(result), scratch.take(result)
        for places, weights in area_taps(self._shape[self._axis], self._target):
            if self._flip:
                places, weights = places[::-1], weights[::-1]
            is_plain = all(weight == 1.0 for weight in weights)
            weight = None if is_plain else torch.tensor(weights).view(along).to(scratch.device)
            self._taps.append((torch.tensor(places).to(scratch.device), weight))

    def __call__(self, planes: Tensor) -> Tensor:
        if not self._taps:
            return planes
        for number, (places, weight) in enumerate(self._taps):
            out = self._one if number else self._sum
            torch.index_select(planes, self._axis, places, out=out)
            if weight is not None and number:
                self._sum.addcmul_(self._one, weight)
            elif weight is not None:
                self._sum.mul_(weight)
            elif number:
                self._sum.add_(self._one)
        return self._sum
