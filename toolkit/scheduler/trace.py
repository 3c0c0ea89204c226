"""What did the scheduler decide, and when? Three words an event, in a ring that is never resized.

An event is three signed 64-bit words: the time in ns on the scheduler's clock; a head; a value,
whose meaning `Happening` tells. The head holds, from the highest bit: 1 bit zero, 4 bits happening,
8 bits worker (255: none), 3 bits level (7: none), 8 bits kind, 8 bits reason, 32 bits task (0:
none).

One writer at a time, under the scheduler's lock. A reader holds a cursor and takes what came since;
what was overwritten before it came is counted, not hidden.
"""

from __future__ import annotations

import struct
from typing import NamedTuple

__all__ = ["NBYTES", "NO_LEVEL", "NO_WORKER", "Delta", "Record", "Trace", "records"]

NO_WORKER = 255
NO_LEVEL = 7
_EVENT = struct.Struct("<qIBBHq")
NBYTES = _EVENT.size
_pack = _EVENT.pack_into


class Record(NamedTuple):
    """One event, unpacked: numbers as they stand in the trace."""

    t_ns: int
    happening: int
    worker: int
    level: int
    kind: int
    reason: int
    task: int
    value: int


class Delta(NamedTuple):
    """What came since a cursor.

    Attributes:
        cursor: for the next call.
        lost: events that were overwritten before they were taken.
        data: the events, little endian, 24 bytes each.
    """

    cursor: int
    lost: int
    data: bytes


class Trace:
    """A ring of events. All memory is taken at construction; an event allocates nothing that stays.

    Args:
        slots: how many of the newest events are kept; a power of two. 24 bytes each.

    Raises:
        ValueError: `slots` is no power of two.
    """

    __slots__ = ("_data", "_mask", "count")

    def __init__(self, slots: int = 1 << 16) -> None:
        if slots < 1 or slots & (slots - 1):
            raise ValueError(f"slots={slots} is no power of two; take {1 << slots.bit_length()}.")
        self._mask = slots - 1
        self._data = bytearray(NBYTES * slots)
        self.count = 0

    @property
    def slots(self) -> int:
        """How many of the newest events are kept."""
        return self._mask + 1

    def note(
        self,
        t_ns: int,
        happening: int,
        worker: int = NO_WORKER,
        level: int = NO_LEVEL,
        kind: int = 0,
        reason: int = 0,
        task: int = 0,
        value: int = 0,
    ) -> None:
        """Note one event; the oldest one goes. `task` is 0 where it is about a kind, or none."""
        count = self.count
        where = happening << 11 | worker << 3 | level
        _pack(self._data, (count & self._mask) * NBYTES, t_ns, task, reason, kind, where, value)
        self.count = count + 1

    def since(self, cursor: int = 0) -> Delta:
        """The events after `cursor`, of which there are at most `slots`. Copies them once."""
        count = self.count
        first = max(cursor, count - self.slots)
        begin, end = (first & self._mask) * NBYTES, (count & self._mask) * NBYTES
        if first == count:
            data = b""
        elif begin < end:
            data = bytes(self._data[begin:end])
        else:
            data = bytes(self._data[begin:] + self._data[:end])
        late = max(self.count - self.slots - first, 0)  # overwritten while it was copied
        return Delta(count, first + late - cursor, data[late * NBYTES :])


def records(data: bytes) -> list[Record]:
    """The events of a delta, unpacked."""
    return [
        Record(t_ns, where >> 11, where >> 3 & 255, where & 7, kind, reason, task, value)
        for t_ns, task, reason, kind, where, value in _EVENT.iter_unpack(data)
    ]
