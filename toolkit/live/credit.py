"""How many pictures may be on their way at once? Two, and a lost answer does not stop the third.

A sender takes a credit for each picture that it sends; the receiver gives it back when the picture
was drawn. Who has no credit does not encode: what is newest when one comes back is sent then. An
answer that does not come in time counts as lost, and its credit is free again.

A pure state machine: the clock is an argument, and whoever owns it calls it from one thread.
"""

from __future__ import annotations

from time import monotonic_ns
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Credit"]


class Credit:
    """Credits of one direction of one view.

    Args:
        limit: how many pictures may be on their way.
        timeout_ns: after how long an answer counts as lost.
        clock: says the time in ns.

    Attributes:
        lost_count: how many answers did not come in time.
    """

    def __init__(
        self,
        limit: int = 2,
        timeout_ns: float = 2e9,
        clock: Callable[[], int] = monotonic_ns,
    ) -> None:
        if limit < 1:
            raise ValueError(f"{limit = } lets nothing through; it must be 1 or more")
        self.limit = limit
        self.timeout_ns = int(timeout_ns)
        self.lost_count = 0
        self._clock = clock
        self._sent_ns: dict[int, int] = {}  # id -> when, oldest first

    def try_take(self, picture: int) -> bool:
        """Take a credit for `picture` if there is one; never blocks."""
        self.lost()
        if len(self._sent_ns) >= self.limit:
            return False
        self._sent_ns[picture] = self._clock()
        return True

    def give(self, picture: int) -> float | None:
        """`picture` was answered: the seconds it took, or None where none was due.

        None is due for one that was never sent, was answered before, or counts as lost.
        """
        sent_ns = self._sent_ns.pop(picture, None)
        return None if sent_ns is None else (self._clock() - sent_ns) / 1e9

    def lost(self) -> list[int]:
        """The pictures whose answers did not come in time since the last call.

        Their credits are free again.
        """
        before_ns = self._clock() - self.timeout_ns
        gone = [picture for picture, sent_ns in self._sent_ns.items() if sent_ns <= before_ns]
        for picture in gone:
            del self._sent_ns[picture]
        self.lost_count += len(gone)
        return gone

    def seconds_to_next(self) -> float:
        """How long until there is a credit if no answer comes; 0 where there is one now."""
        self.lost()
        if len(self._sent_ns) < self.limit:
            return 0.0
        oldest_ns = next(iter(self._sent_ns.values()))
        return (oldest_ns + self.timeout_ns - self._clock()) / 1e9
