"""Which new points go into which empty places? Those that are strongest and far from the others.

All of it on the device, with K places before and after: no list grows, nothing is read back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Cells", "cells", "fill", "is_oldest", "is_remote"]


class Cells(NamedTuple):
    """A grid over the picture that tells who is near whom.

    Attributes:
        side_px: of a cell.
        rows: of the grid.
        columns: of the grid.
        last: (2,) int64: the last column and row.
        strides: (2,) int64: from a cell to the next one along x, and along y.
    """

    side_px: int
    rows: int
    columns: int
    last: Tensor
    strides: Tensor

    def of(self, xy: Tensor) -> Tensor:
        """The cell of each point, (K,) int64; of one outside of the picture the nearest cell."""
        place = (xy / self.side_px).long().clamp_(min=0).minimum(self.last)
        return (place * self.strides).sum(-1)


def cells(side_px: int, height: int, width: int, device: torch.device) -> Cells:
    """A grid for pictures of `height` x `width` px. Made on the host, then moved."""
    rows, columns = -(-height // side_px), -(-width // side_px)
    return Cells(
        side_px,
        rows,
        columns,
        torch.tensor([columns - 1, rows - 1]).to(device),
        torch.tensor([1, columns]).to(device),
    )


def is_oldest(xy: Tensor, identity: Tensor, is_there: Tensor, grid: Cells) -> Tensor:
    """Which points are there and the oldest of their cell, (K,) bool. No sync.

    Points that ran into each other follow the same window from then on: one of them is enough.

    Args:
        xy: (K, 2) float32, px.
        identity: (K,) int64: the smaller, the older.
        is_there: (K,) bool.
        grid: cells as small as the distance at which two points are one.
    """
    nobody = torch.iinfo(torch.int64).max
    cell = grid.of(xy)
    identity = identity.masked_fill(~is_there, nobody)
    oldest = identity.new_full((grid.rows * grid.columns,), nobody)
    oldest.scatter_reduce_(0, cell, identity, "amin")
    return is_there & (oldest.index_select(0, cell) == identity)


def is_remote(xy: Tensor, others: Tensor, is_there: Tensor, grid: Cells) -> Tensor:
    """Which points have nobody in their own cell or in one around it, (K,) bool. No sync.

    So they are more than a cell's side away from all others, along x or y.

    Args:
        xy: (K, 2) float32, px: the points that are judged.
        others: (N, 2) float32, px.
        is_there: (N,) bool: which of the others count.
        grid: cells of the distance that is wanted.
    """
    spare = grid.rows * grid.columns
    taken = xy.new_zeros(spare + 1)
    taken.scatter_(0, grid.of(others).masked_fill(~is_there, spare), 1.0)
    near = functional.max_pool2d(taken[:-1].view(1, grid.rows, grid.columns), 3, 1, 1)
    return near.view(-1).index_select(0, grid.of(xy)) == 0


def fill(is_free: Tensor, is_offered: Tensor, places: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Give the first offer to the first free place, the second to the second. No sync.

    Args:
        is_free: (K,) bool: which places are empty.
        is_offered: (K,) bool: which offers are meant.
        places: (K,) int64: 0, 1, 2, ...

    Returns:
        (K,) bool: which places are filled; (K,) int64: each with which offer; (K,) int64: how many
        places before it are filled. The last two mean nothing where a place is not filled.
    """
    count = places.shape[0]
    turn = is_offered.cumsum(0) - 1
    queue = places.new_zeros(count + 1)
    queue.scatter_(0, turn.masked_fill(~is_offered, count), places)
    turn_of_place = is_free.cumsum(0) - 1
    is_filled = is_free & (turn_of_place < is_offered.sum())
    turn_of_place = turn_of_place.clamp_(min=0)
    return is_filled, queue.index_select(0, turn_of_place), turn_of_place
