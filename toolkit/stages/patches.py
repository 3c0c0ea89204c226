"""How is a small window read between pixels, for many points at once? By rows, then by two blends.

A window of p x p at a whole position is p runs of p numbers. Seen as a matrix whose row i begins at
number i, the picture hands them out by one `index_select`: on a CPU four times faster than one
index for each pixel. What lies between pixels is blended from neighbours, with two weights a point.

Both blends run over a whole window as one row of numbers, which on a CPU takes half the time of
many short rows. The price is one column more, in which the end of a row is blended with the
beginning of the next: `Reader.mask` is 0 there, and whoever sums over a window weighs by it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Reader", "Spare", "reader", "with_margin"]


class Spare(NamedTuple):
    """Memory that reading K windows needs, used again for each read.

    Attributes:
        pixels: (K * (side + 1), side + 1) float32: what was read, at whole positions.
        rows: (K, side * (side + 1)) float32: blended along y.
        windows: (K, P) float32: blended along x, too.
    """

    pixels: Tensor
    rows: Tensor
    windows: Tensor


class Reader(NamedTuple):
    """Constants to read windows of one size out of pictures of one size.

    Attributes:
        side: of a window, px.
        margin: px around the picture; see `with_margin`.
        offsets: (side + 1,) int64: where the rows of a window begin, from its first pixel.
        first: (2,) float32: the first x and y, in the margin, at which a window can begin: 0.
        last: (2,) float32: the last ones.
        strides: (2,) int64: numbers from a pixel to the next one along x, and along y.
        mask: (P,) float32: 1 where a window's own pixels are, 0 in the column more.
    """

    side: int
    margin: int
    offsets: Tensor
    first: Tensor
    last: Tensor
    strides: Tensor
    mask: Tensor

    def spare(self, picture: Tensor, count: int) -> Spare:
        """Memory for `read` to work in, for `count` windows. Three allocations."""
        pitch, size = self.side + 1, self.side * (self.side + 1)
        return Spare(
            picture.new_empty((count * pitch, pitch)),
            picture.new_empty((count, size)),
            picture.new_empty((count, size - 1)),
        )

    def read(self, picture: Tensor, xy: Tensor, spare: Spare) -> Tensor:
        """Windows whose first pixel lies at `xy`, blended from four pixels each. No sync.

        Args:
            picture: (1, 1, H + 2 margin, W + 2 margin) float32, by `with_margin`.
            xy: (K, 2) float32, px in the picture without margin. Beyond the margin the nearest
                window that lies inside is read.
            spare: memory for K windows.

        Returns:
            (K, P) float32: P = side * (side + 1) - 1 numbers, `side` rows of a window, each with
            one number more, but for the last. It is `spare.windows`, so the next read overwrites
            it.
        """
        pitch, size = self.side + 1, self.side * (self.side + 1)
        # Not by clamp, which lets NaN pass, and NaN is no place to read from.
        place = (xy + self.margin).fmax(self.first).fmin(self.last)
        corner = place.floor()
        weight = place - corner  # (K, 2)
        first = (corner.long() * self.strides).sum(-1, keepdim=True)  # (K, 1)
        runs = picture.as_strided((picture.numel() - self.side, pitch), (1, 1))
        torch.index_select(runs, 0, (first + self.offsets).view(-1), out=spare.pixels)
        pixels, rows = spare.pixels.view(-1, pitch * pitch), spare.rows
        torch.lerp(pixels[:, :size], pixels[:, pitch:], weight[:, 1:], out=rows)
        return torch.lerp(rows[:, :-1], rows[:, 1:], weight[:, :1], out=spare.windows)


def reader(side: int, margin: int, height: int, width: int, device: torch.device) -> Reader:
    """A reader for pictures of `height` x `width` px. Made on the host, then moved."""
    pitch = width + 2 * margin
    last = (pitch - side - 1, height + 2 * margin - side - 1)
    mask = (torch.arange(side * (side + 1) - 1) + 1) % (side + 1) != 0
    return Reader(
        side,
        margin,
        (torch.arange(side + 1) * pitch).to(device),
        torch.zeros(2).to(device),
        torch.tensor(last, dtype=torch.float32).to(device),
        torch.tensor([1, pitch]).to(device),
        mask.float().to(device),
    )


def with_margin(picture: Tensor, margin: int) -> Tensor:
    """The picture with its outermost pixels repeated, (1, 1, H + 2 margin, W + 2 margin).

    So windows may hang over the border: points near it need no other code and are not lost. One
    allocation.
    """
    return functional.pad(picture, (margin, margin, margin, margin), mode="replicate")
