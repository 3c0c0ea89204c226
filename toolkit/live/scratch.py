"""How do pictures of many kinds cost the memory of one? Each is made in the same blocks.

What one picture needs while it is made, the next one may overwrite. So whoever makes a kind of
picture takes its blocks from a scratch, in order; the first block is then the first of every kind,
as large as the largest of them. Without it, each result, size and camera that a person looks at
costs some ten megabytes more, and they lie in pieces when they are given back.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor

__all__ = ["Scratch"]


class Scratch:
    """Blocks of memory on one device, for one user at a time.

    Attributes:
        device: where they live.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._blocks: list[Tensor] = []
        self._taken = 0
        self._has_grown = False

    @property
    def nbytes(self) -> int:
        """Of all blocks."""
        return sum(block.nbytes for block in self._blocks)

    @property
    def has_grown(self) -> bool:
        """Whether a block was replaced since `rewind`: what was taken before holds the old one."""
        return self._has_grown

    def rewind(self) -> None:
        """Take from the first block again."""
        self._taken = 0
        self._has_grown = False

    def take(self, shape: Sequence[int], dtype: torch.dtype = torch.float32) -> Tensor:
        """The next block as a tensor of this shape, with whatever is in it.

        Allocates where the block is not there yet, or too small.
        """
        nbytes = math.prod(shape) * dtype.itemsize
        number, self._taken = self._taken, self._taken + 1
        if number == len(self._blocks):
            self._blocks.append(self._allocate(nbytes))
        elif self._blocks[number].nbytes < nbytes:
            self._blocks[number] = self._allocate(nbytes)
            self._has_grown = True
        return self._blocks[number][:nbytes].view(dtype).view(*shape)

    def _allocate(self, nbytes: int) -> Tensor:
        return torch.empty(nbytes, dtype=torch.uint8, device=self.device)
