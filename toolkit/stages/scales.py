"""How is a picture looked at in many sizes, in one go? All sizes lie side by side in one picture.

A point that was near is small when the camera steps back, so features are looked for in smaller and
smaller copies. One operation over a *sheet* that holds all copies costs one dispatch, not one for
each size; where they touch, results mean nothing, and a margin around each copy leaves them out.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Level", "Sheet", "lay_out", "render_sheet"]


@dataclass(frozen=True, slots=True)
class Level:
    """One copy of the picture and where it lies on the sheet, px.

    Attributes:
        top: its first row.
        left: its first column.
        height: its rows.
        width: its columns.
    """

    top: int
    left: int
    height: int
    width: int

    @property
    def rows(self) -> slice:
        """Its rows on the sheet."""
        return slice(self.top, self.top + self.height)

    @property
    def columns(self) -> slice:
        """Its columns on the sheet."""
        return slice(self.left, self.left + self.width)

    def in_cells(self, side: int) -> tuple[slice, slice]:
        """Rows and columns of the cells of `side` px that it has a part in."""
        top, left = self.top // side, self.left // side
        return (
            slice(top, top + -(-self.height // side)),
            slice(left, left + -(-self.width // side)),
        )


@dataclass(frozen=True, slots=True)
class Sheet:
    """Where each copy lies: the largest first, each at a multiple of `cell` px.

    Attributes:
        height: of the sheet, px, a multiple of `cell`.
        width: of the sheet, px, a multiple of `cell`.
        cell: px.
        levels: the copies.
    """

    height: int
    width: int
    cell: int
    levels: tuple[Level, ...]


def lay_out(
    height: int, width: int, *, levels: int, factor: float, smallest: int, cell: int
) -> Sheet:
    """Sizes and places for up to `levels` copies, each `factor` smaller than the one before.

    Shelves of copies lie below each other; a copy goes to the first shelf that has room beside the
    others. Copies with a side of less than `smallest` px are left out; the first one never is.
    """
    placed: list[Level] = []
    shelves: list[list[int]] = []  # top, height, width taken
    bottom, across = 0, _up(width, cell)
    for index in range(levels):
        size = [max(round(side / factor**index), 1) for side in (height, width)]
        if index and min(size) < smallest:
            break
        tall, wide = (_up(side, cell) for side in size)
        shelf = next((one for one in shelves if one[2] + wide <= across and tall <= one[1]), None)
        if shelf is None:
            shelf = [bottom, tall, 0]
            shelves.append(shelf)
            bottom += tall
        placed.append(Level(shelf[0], shelf[2], *size))
        shelf[2] += wide
    return Sheet(bottom, across, cell, tuple(placed))


def render_sheet(picture: Tensor, sheet: Sheet) -> Tensor:
    """All copies on one sheet, (1, 1, H, W) float32, zero between them. No sync.

    Each copy is made of the one before, bilinear: for factors up to 1.5 that needs no further
    filter. One allocation for the sheet, and one for each copy but the first.
    """
    result = picture.new_zeros((1, 1, sheet.height, sheet.width))
    for level in sheet.levels:
        size = (level.height, level.width)
        if picture.shape[-2:] != size:
            picture = functional.interpolate(picture, size=size, mode="bilinear")
        result[..., level.rows, level.columns] = picture
    return result


def _up(size: int, cell: int) -> int:
    return -(-size // cell) * cell
