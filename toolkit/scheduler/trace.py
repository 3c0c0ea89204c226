"""What did the scheduler decide, and when? Three words an event, in a ring that is never resized.

An event is three signed 64-bit words: the time in ns on the scheduler's clock; a head; a value,
whose meaning `Happening` tells. The head holds, from the highest bit: 1 bit zero, 4 bits happening,
8 bits worker (255: none), 3 bits level (7: none), 8 bits kind, 8 bits reason, 32 bits task (0:
none).

One writer at a time, under the scheduler's lock. A reader holds a cursor and takes what came since;
what was overwritten before it came is counted, not hidden.
"""

from __future__ import annotations

import array
from typing import NamedTuple

__all__ = ["NO_LEVEL", "NO_WORKER", "WORDS", "Delta", "Record", "Trace", "head_of", "records"]

WORDS = 3
NO_WORKER = 255
NO_LEVEL = 7
_WORD_BYTES = 8


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

    __slots__ = ("_mask", "_words", "count")

    def __init__(self, slots: int = 1 << 16) -> None:
        if slots < 1 or slots & (slots - 1):
            raise ValueError(f"slots={slots} is no power of two; take {1 << slots.bit_length()}.")
        self._mask = slots - 1
        self._words = array.array("q", bytes(WORDS * _WORD_BYTES * slots))
        self.count = 0

    @property
    def slots(self) -> int:
        """How many of the newest events are kept."""
        return self._mask + 1

    def emit(self, t_ns: int, head: int, value: int) -> None:
        """Note one event; the oldest one goes."""
        at = (self.count & self._mask) * WORDS
        words = self._words
        words[at] = t_ns
        words[at + 1] = head
        words[at + 2] = value
        self.count += 1

    def since(self, cursor: int = 0) -> Delta:
        """The events after `cursor`, of which there are at most `slots`. Copies them once."""
        count = self.count
        first = max(cursor, count - self.slots)
        begin, end = (first & self._mask) * WORDS, (count & self._mask) * WORDS
        if first == count:
            data = b""
        elif begin < end:
            data = self._words[begin:end].tobytes()
        else:
            data = self._words[begin:].tobytes() + self._words[:end].tobytes()
        return Delta(count, first - cursor, data)


def head_of(
    happening: int, worker: int = NO_WORKER, level: int = NO_LEVEL, kind: int = 0, reason: int = 0
) -> int:
    """The head of an event without its task: add the task's number."""
    return happening << 59 | worker << 51 | level << 48 | kind << 40 | reason << 32


def records(data: bytes) -> list[Record]:
    """The events of a delta, unpacked."""
    words = array.array("q", data)
    return [
        Record(
            words[at],
            words[at + 1] >> 59,
            words[at + 1] >> 51 & 255,
            words[at + 1] >> 48 & 7,
            words[at + 1] >> 40 & 255,
            words[at + 1] >> 32 & 255,
            words[at + 1] & 0xFFFFFFFF,
            words[at + 2],
        )
        for at in range(0, len(words), WORDS)
    ]
