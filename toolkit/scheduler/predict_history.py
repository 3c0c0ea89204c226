"""What did this user do so far? The little that predictors look back at, in numbers of fixed size.

Names and events are numbers here. Times are ns on the scheduler's clock; a time before the latest
one counts as the latest, since two threads may read the clock in one order and report in another.
"""

from __future__ import annotations

import math

__all__ = ["NOBODY", "History"]

NOBODY = -1  # the focus before the first switch
_FIRST_GUESS_SECONDS = 30.0  # how long a focus is kept, until the user showed it
_SHARE_OF_THE_NEWEST = 0.2


class History:
    """Where the user is, how often he went where, and when each event was last seen.

    Attributes:
        focus: what has the focus now, or `NOBODY`.
        before: what had it before that, or `NOBODY`.
        now_ns: the latest time that was told.
        since_ns: when the focus went where it is.
        seen_ns: for each event when it was last seen; None for never.
        counts: `counts[a][b]` switches from a to b.
        stay_seconds: for each focus how long it is kept, as a moving average.
    """

    __slots__ = ("before", "counts", "focus", "now_ns", "seen_ns", "since_ns", "stay_seconds")

    def __init__(self, names: int, events: int) -> None:
        self.focus = NOBODY
        self.before = NOBODY
        self.now_ns = 0
        self.since_ns = 0
        self.seen_ns: list[int | None] = [None] * events
        self.counts = [[0] * names for _ in range(names)]
        self.stay_seconds = [_FIRST_GUESS_SECONDS] * names

    def advance(self, now_ns: int) -> int:
        """Go on to `now_ns`, never back; returns the time that holds."""
        self.now_ns = max(self.now_ns, now_ns)
        return self.now_ns

    def observe(self, event: int, now_ns: int) -> None:
        """Note that an event was seen."""
        self.seen_ns[event] = self.advance(now_ns)

    def switch(self, to: int, now_ns: int) -> None:
        """Note that the focus went to `to`; nothing happens when it is there already."""
        now_ns = self.advance(now_ns)
        if to == self.focus:
            return
        if self.focus != NOBODY:
            stayed = (now_ns - self.since_ns) / 1e9
            known = self.stay_seconds[self.focus]
            self.stay_seconds[self.focus] += _SHARE_OF_THE_NEWEST * (stayed - known)
            self.counts[self.focus][to] += 1
        self.before, self.focus, self.since_ns = self.focus, to, now_ns

    def leaving(self, seconds: float) -> float:
        """Probability that the focus is left within `seconds`, from how long it is usually kept.

        As if a user left at any moment with the same chance, however long he has been there.
        """
        if self.focus == NOBODY:
            return 0.0
        return -math.expm1(-seconds / max(self.stay_seconds[self.focus], 1e-3))

    def age_seconds(self, event: int) -> float:
        """How long ago an event was last seen; infinite for never."""
        seen_ns = self.seen_ns[event]
        return math.inf if seen_ns is None else (self.now_ns - seen_ns) / 1e9

    def shares(self, counts: list[int], prior: float) -> list[float]:
        """Counts as shares that sum to 1, each with `prior` added; the focus's own is 0."""
        kept = [0.0 if k == self.focus else count + prior for k, count in enumerate(counts)]
        whole = sum(kept)
        return [one / whole for one in kept] if whole else kept
