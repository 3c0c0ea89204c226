"""What does a ring look like now? A picture of it as plain data, taken while it goes on.

No lock is taken, so the producer is never held up by somebody who looks on. Of each slot the parts
belong together: it is read again if it was recycled meanwhile. The slots among themselves are as
they were within the microseconds that it took.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Sequence

    from toolkit.slot import Slot
    from toolkit.traffic import Traffic

__all__ = ["Lease", "ReaderState", "RingState", "SlotState"]

_TRIES = 4  # a slot that is recycled this often while it is read is being written, for a viewer


@dataclass(frozen=True, slots=True)
class Lease:
    """One hold on a slot.

    Attributes:
        number: unlike that of any other lease of the process.
        thread: identifier of the thread that took it.
    """

    number: int
    thread: int


@dataclass(frozen=True, slots=True)
class SlotState:
    """One slot.

    Attributes:
        number: its place in the ring.
        kind: `"empty"`, `"writing"`, or `"frame"`.
        index: index of its frame; -1 where it holds none.
        sequence: how many frames the ring had published before it; -1 where it holds none.
        published_ns: when, on the clock of `time.perf_counter_ns`; 0 where it holds none.
        leases: who holds it.
    """

    number: int
    kind: str
    index: int = -1
    sequence: int = -1
    published_ns: int = 0
    leases: tuple[Lease, ...] = ()


@dataclass(frozen=True, slots=True)
class ReaderState:
    """One reader: the sequence that it reads next, and how many frames it missed."""

    position: int
    missed: int


@dataclass(frozen=True, slots=True)
class RingState:
    """All slots in order, all readers in the order in which they came, and the counts.

    Attributes:
        slots: one for each.
        readers: those that are open.
        published: frames published so far; also the sequence that is written next.
        dropped: frames lost so far.
        waits: how often the producer waited for a slot.
        is_waiting: whether it waits now.
    """

    slots: tuple[SlotState, ...]
    readers: tuple[ReaderState, ...]
    published: int
    dropped: int
    waits: int
    is_waiting: bool

    @classmethod
    def of(
        cls,
        slots: Sequence[Slot],
        empty: deque[Slot],
        traffic: Traffic,
        counts: tuple[int, int, int],
    ) -> RingState:
        """The picture. Each step is one that the interpreter does not interrupt."""
        unused = {slot.number for slot in empty.copy()}
        return cls(
            tuple(_state_of(slot, is_empty=slot.number in unused) for slot in slots),
            tuple(ReaderState(one.position, one.missed) for one in traffic.readers),
            *counts,
            is_waiting=bool(traffic.wakeups.waiting),
        )

    def unread(self, slot: SlotState) -> int:
        """How many readers have this frame before them."""
        if slot.kind != "frame":
            return 0
        return sum(slot.sequence >= reader.position for reader in self.readers)


def _state_of(slot: Slot, *, is_empty: bool) -> SlotState:
    for _ in range(_TRIES):
        generation = slot.generation
        if slot.taken_by is not None:
            break
        found = (slot.index, slot.sequence, slot.published_ns)
        leases = tuple(Lease(*one) for one in slot.leases.copy().items())
        if slot.generation == generation and slot.taken_by is None:
            if is_empty or slot.sequence < 0:
                return SlotState(slot.number, "empty")
            return SlotState(slot.number, "frame", *found, leases)
    return SlotState(slot.number, "writing")
