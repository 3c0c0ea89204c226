"""What lives on the device? Every block of emulated memory, counted as it comes and goes.

The memory of the emulated device is host memory that nothing but its kernels reaches. A block is
there as long as some tensor of the device refers to it; views share one. With a capacity, what does
not fit is an error, as on CUDA.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["MEMORY", "Memory"]

_MEBIBYTE = 1 << 20


class Memory:
    """Blocks of the device by storage, with statistics named as in `torch.cuda.memory_stats`."""

    def __init__(self, capacity_bytes: int | None = None) -> None:
        self.capacity_bytes = capacity_bytes
        self._lock = threading.RLock()  # a finaliser may come in on the thread that is inside
        self._blocks: dict[int, list[int]] = {}  # storage -> bytes, tensors
        self._allocated = self._freed = 0
        self._allocated_bytes = self._freed_bytes = self._peak_bytes = self._refused = 0

    @property
    def allocated_bytes(self) -> int:
        """Bytes that are there now."""
        return self._allocated_bytes - self._freed_bytes

    @property
    def peak_bytes(self) -> int:
        """The most that were there at once since `reset_peak`."""
        return self._peak_bytes

    def reset_peak(self) -> None:
        """Forget the peak; what is there now is the new one."""
        with self._lock:
            self._peak_bytes = self.allocated_bytes

    def hold(self, raw: Tensor) -> int:
        """A tensor of the device refers to the memory of `raw`. Gives a key for `let_go`.

        Raises:
            torch.OutOfMemoryError: it is new, and does not fit.
        """
        storage = raw.untyped_storage()
        key, nbytes = storage._cdata, storage.nbytes()
        with self._lock:
            block = self._blocks.get(key)
            if block is not None:
                block[1] += 1
                self._resize(block, nbytes)
                return key
            self._check(nbytes)
            self._blocks[key] = [nbytes, 1]
            self._allocated += bool(nbytes)
            self._add(nbytes)
            return key

    def let_go(self, key: int) -> None:
        """A tensor of the device is gone; the block goes with the last."""
        with self._lock:
            block = self._blocks[key]
            block[1] -= 1
            if not block[1]:
                del self._blocks[key]
                self._freed += bool(block[0])
                self._freed_bytes += block[0]

    def resized(self, key: int, nbytes: int) -> None:
        """A block was resized in place."""
        with self._lock:
            self._resize(self._blocks[key], nbytes)

    def check(self, nbytes: int) -> None:
        """Whether so much more fits.

        Raises:
            torch.OutOfMemoryError: it does not.
        """
        with self._lock:
            self._check(nbytes)

    def statistics(self) -> dict[str, int]:
        """Allocations and bytes, under the names of `torch.cuda.memory_stats`."""
        with self._lock:
            live = sum(bool(block[0]) for block in self._blocks.values())
            return {
                "allocation.all.allocated": self._allocated,
                "allocation.all.freed": self._freed,
                "allocation.all.current": live,
                "allocated_bytes.all.allocated": self._allocated_bytes,
                "allocated_bytes.all.freed": self._freed_bytes,
                "allocated_bytes.all.current": self.allocated_bytes,
                "allocated_bytes.all.peak": self._peak_bytes,
                "num_ooms": self._refused,
            }

    def _resize(self, block: list[int], nbytes: int) -> None:
        more = nbytes - block[0]
        if more > 0:
            self._check(more)
            self._add(more)
        elif more:
            self._freed_bytes -= more
        block[0] = nbytes

    def _add(self, nbytes: int) -> None:
        self._allocated_bytes += nbytes
        self._peak_bytes = max(self._peak_bytes, self.allocated_bytes)

    def _check(self, nbytes: int) -> None:
        capacity = self.capacity_bytes
        if capacity is None or self.allocated_bytes + nbytes <= capacity:
            return
        self._refused += 1
        raise torch.OutOfMemoryError(
            f"emu out of memory. Tried to allocate {nbytes / _MEBIBYTE:.2f} MiB. Device emu:0 has "
            f"a total capacity of {capacity / _MEBIBYTE:.2f} MiB of which "
            f"{(capacity - self.allocated_bytes) / _MEBIBYTE:.2f} MiB is free. Release tensors, "
            "work in smaller pieces, or give emu.enable(capacity_bytes=...) more."
        )


MEMORY = Memory()
