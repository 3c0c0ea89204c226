"""How does a stage keep its temporaries in the cache? It works band by band: some rows at a time.

A stage that goes over a picture thirty times reads and writes memory thirty times, unless the rows
it works on stay in a cache meanwhile. That takes about a third off the time on a CPU, and most of
the memory. A GPU wants few and large launches instead: there, the picture is one band.

All bands of a picture are equally high, so that a stage makes the views of its temporaries once;
the last band repeats a few rows of the one before it. Views are not free: each is a call into
torch, and a stage that indexes in every band makes more of these than it computes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

__all__ = ["bands", "rows_per_band", "windows"]

BAND_BYTES = 1536 * 1024
"""Size of one temporary. The four or five of a stage fit into a last level cache of 8 MiB."""


def rows_per_band(image: Tensor, height: int, *, planes: int = 1) -> int:
    """How many of `height` rows to work on at once, when a temporary has `planes` planes."""
    if image.device.type != "cpu":
        return height
    row_bytes = planes * image.shape[-1] * image.element_size()
    most = min(height, max(8, BAND_BYTES // row_bytes))
    return math.ceil(height / math.ceil(height / most))


def bands(rows: int, *images: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Views of the bands of pictures of one height, side by side, from top to bottom.

    Args:
        rows: of a band.
        images: (..., H, W) each.

    Yields:
        A view (..., rows, W) of each image.
    """
    height = images[0].shape[-2]
    count, rest = divmod(height, rows)
    sizes = [rows] * count + [rest] * (rest > 0)
    columns = [image.split_with_sizes(sizes, -2) for image in images]
    if rest:
        last = height - rows
        columns = [
            (*column[:-1], image.narrow(-2, last, rows))
            for column, image in zip(columns, images, strict=True)
        ]
    return zip(*columns, strict=True)


def windows(image: Tensor, rows: int, around: int) -> tuple[Tensor, ...]:
    """Views of the same bands with `around` rows more on both sides, which the image has as border.

    Args:
        image: (..., H + 2 around, W).
        rows: of a band.
        around: rows above and below that a band needs.
    """
    last = image.shape[-2] - 2 * around - rows
    tops = (*range(0, last, rows), last)
    return tuple(image.narrow(-2, top, rows + 2 * around) for top in tops)
