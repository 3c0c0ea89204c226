"""How is a small window read between pixels, for many points at once? By rows, then by two blends.

A window of p x p at a whole position is p runs of p numbers. Seen as a matrix whose row i begins at
number i, the picture hands them out by one `index_select`: on a CPU four times faster than one
index for each pixel. What lies between pixels is blended from neighbours, with one weight a point.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Reader", "reader", "with_margin"]


class Reader(NamedTuple):
    """Constants to read windows of one size out of pictures of one size.

    Attributes:
        side: of a window, px.
        margin: px around the picture; see `with_margin`.
        width: of the picture with its margin.
        offsets: (side + 1,) int64: where the rows of a window begin, from its first pixel.
        last: (2,) float32: the last x and y, in the margin, at which a window can begin.
    """

    side: int
    margin: int
    width: int
    offsets: Tensor
    last: Tensor

    def read(self, picture: Tensor, xy: Tensor) -> Tensor:
        """Windows whose first pixel lies at `xy`, blended from four pixels each.

        Args:
            picture: (1, 1, H + 2 margin, W + 2 margin) float32, by `with_margin`.
            xy: (K, 2) float32, px in the picture without margin. Beyond the margin the nearest
                window that lies inside is read.

        Returns:
            (K, side, side) float32. Three allocations of about that size, no sync.
        """
        side = self.side
        place = (xy + self.margin).clamp_(min=0.0).minimum(self.last)
        corner = place.floor()
        weight = (place - corner)[:, :, None, None]  # (K, 2, 1, 1)
        x, y = corner.long().unbind(-1)
        rows = (y * self.width + x)[:, None] + self.offsets  # (K, side + 1)
        runs = picture.as_strided((picture.numel() - side, side + 1), (1, 1))
        pixels = runs.index_select(0, rows.view(-1)).view(-1, side + 1, side + 1)
        between = torch.lerp(pixels[:, :-1], pixels[:, 1:], weight[:, 1])
        return torch.lerp(between[:, :, :-1], between[:, :, 1:], weight[:, 0])


def reader(side: int, margin: int, height: int, width: int, device: torch.device) -> Reader:
    """A reader for pictures of `height` x `width` px. Made on the host, then moved."""
    padded_width, padded_height = width + 2 * margin, height + 2 * margin
    last = (padded_width - side - 1, padded_height - side - 1)
    return Reader(
        side,
        margin,
        padded_width,
        (torch.arange(side + 1) * padded_width).to(device),
        torch.tensor(last, dtype=torch.float32).to(device),
    )


def with_margin(picture: Tensor, margin: int) -> Tensor:
    """The picture with its outermost pixels repeated, (1, 1, H + 2 margin, W + 2 margin).

    So windows may hang over the border: points near it need no other code and are not lost. One
    allocation.
    """
    return functional.pad(picture, (margin, margin, margin, margin), mode="replicate")
