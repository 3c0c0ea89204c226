"""What does a kind do that misses its deadlines? It asks for more: visibly, and within bounds.

Where a declared share of its tasks was late over a while, a kind asks for one level more, up to the
bound of its declaration. It returns when nothing was late for longer than it took to ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from toolkit.scheduler.levels import Level

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.scheduler.kinds import KindState

__all__ = ["Feedback", "Wish"]

LOOK_NS = 500_000_000
ASK_SHARE = 0.1  # of the tasks that ended since the last look were late
CALM_LOOKS = 6  # without a late one, until it returns
_FEWEST = 3  # tasks, below which a share says nothing


class Wish(NamedTuple):
    """A kind wants at least this level; None: no longer."""

    kind: str
    level: int | None


class _Seen:
    __slots__ = ("calm", "missed", "over")

    def __init__(self) -> None:
        self.over = self.missed = self.calm = 0


class Feedback:
    """Looks at the counts of each kind, twice a second.

    Attributes:
        next_ns: when it is time to look again.
    """

    __slots__ = ("_seen", "next_ns")

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}
        self.next_ns = 0

    def look(self, kinds: Iterable[KindState], now_ns: int) -> list[Wish]:
        """Which kinds want another level now."""
        self.next_ns = now_ns + LOOK_NS
        wishes = (self._wish(kind) for kind in kinds if kind.declared.raise_to is not None)
        return [wish for wish in wishes if wish is not None]

    def _wish(self, kind: KindState) -> Wish | None:
        seen = self._seen.setdefault(kind.name, _Seen())
        over = kind.done + kind.failed + kind.shed - seen.over
        missed = kind.missed + kind.shed - seen.missed
        if over < _FEWEST:
            return None
        seen.over += over
        seen.missed += missed
        if missed > ASK_SHARE * over:
            seen.calm = 0
            return self._more(kind)
        seen.calm = 0 if missed else seen.calm + 1
        if kind.asked is not None and seen.calm >= CALM_LOOKS:
            seen.calm = 0
            return Wish(kind.name, None)
        return None

    def _more(self, kind: KindState) -> Wish | None:
        bound = Level.of(kind.declared.raise_to) if kind.declared.raise_to is not None else 0
        wanted = max(kind.level - 1, int(bound))
        return Wish(kind.name, wanted) if wanted < kind.level else None
