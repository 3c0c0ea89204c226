"""What does the allocator's stream not show? Counters of devices tell, read around a segment."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.profiling import mps_memory
from toolkit.profiling.allocator import device_counters
from toolkit.profiling.counting import add_unseen
from toolkit.profiling.cuda_memory import Unseen
from toolkit.profiling.virtual import virtual_now

if TYPE_CHECKING:
    from toolkit.profiling.counting import Counts, DeviceCounters
    from toolkit.profiling.virtual import VirtualTime

__all__ = ["BeyondStream"]


class BeyondStream:
    """Readings where the segment of one thread began: of CUDA, MPS and the emulated clock."""

    def __init__(self) -> None:
        self._cuda: dict[str, DeviceCounters] = {}
        self._mps_bytes = -1
        self._virtual: VirtualTime | None = None

    def begin(self) -> bool:
        """A segment begins. Whether any device is in use; if not, there is nothing to add."""
        self._cuda = device_counters()
        if self._cuda:
            _unseen.begin(self, self._cuda)
        self._mps_bytes = mps_memory.allocated_bytes()
        self._virtual = virtual_now()
        return self.is_used()

    def is_used(self) -> bool:
        """Whether a device was in use there, or an emulated one is by now."""
        return bool(self._cuda) or self._mps_bytes >= 0 or virtual_now() is not None

    def virtual(self) -> VirtualTime | None:
        """What the clock of an emulated device charged since, where there is one."""
        now = virtual_now()
        return now.since(self._virtual) if now else None

    def add_to(self, counts: Counts, *, has_lines: bool) -> None:
        """It ends: add what the counters show beyond `counts`."""
        if self._cuda:
            unseen = _unseen.end(self, device_counters(), counts.on_cuda)
            add_unseen(counts, unseen, has_lines=has_lines)
        if self._mps_bytes >= 0:
            mps_memory.add_growth(counts, self._mps_bytes, mps_memory.allocated_bytes())


_unseen = Unseen()
