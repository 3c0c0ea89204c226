"""What of a budget is used up, and by whom? Events in, amounts and offenders out; no clock.

Permitted events count nowhere, except for the peak, which is permitted by its own name.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit.profiling.counting import NOT_ATTRIBUTED
from toolkit.profiling.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from toolkit.hooks import Event
    from toolkit.profiling.tally import Tally

__all__ = ["Excess", "Offender", "Permits", "Usage", "event_key", "exceeded", "offenders_of"]

# What an event is recognised by in two sessions that both recorded it.
EventKey = tuple[str, int, str, int]
# Of permitted events: by which names.
Permits = dict[EventKey, frozenset[str]]

_UNKNOWN_SIDE = "?"
_PEAK = "peak_bytes"
# What the offenders of each limit are; `alloc permitted` fills memory all the same.
_KINDS = {
    "allocations": ("alloc",),
    "allocated_bytes": ("alloc",),
    "peak_bytes": ("alloc", "alloc permitted"),
    "h2d_bytes": ("copy h2d",),
    "d2h_bytes": ("copy d2h",),
    "h2h_bytes": ("copy h2h",),
    "copies": ("copy h2d", "copy d2h", "copy d2d", "copy h2h", "copy ?"),
    "syncs": ("sync",),
    "waits": ("wait",),
}


@dataclass(frozen=True, slots=True)
class Excess:
    """One limit that was exceeded.

    Attributes:
        name: of the limit.
        limit: what was granted.
        used: what was used.
        unsized: copies whose bytes are not known and stand in `used` with 0.
    """

    name: str
    limit: int
    used: int
    unsized: int = 0

    def __str__(self) -> str:
        is_bytes = self.name.endswith("_bytes")
        limit, used = (
            format_bytes(one) if is_bytes else str(one) for one in (self.limit, self.used)
        )
        unsized = f" and {self.unsized} of unknown size" if self.unsized else ""
        return f"{self.name} {used}{unsized}, limit {limit}"


@dataclass(slots=True)
class Offender:
    """Who used something up.

    Attributes:
        what: kind of event, of a copy with its direction.
        stage: the scope that was open, or empty.
        operator: the operator that was called, or the boundary.
        source: the user's line, where the level of profiling gives it.
        count: how often.
        nbytes: bytes in all.
    """

    what: str
    stage: str
    operator: str
    source: str
    count: int = 0
    nbytes: int = 0


class Usage:
    """What was used of every limit: a sum of events.

    Args:
        outside: whom to name for what lies outside of any stage.
    """

    def __init__(self, outside: str = "") -> None:
        self._outside = outside
        self.amounts: Counter[str] = Counter()
        self.unsized: Counter[str] = Counter()
        self.unknown_side = 0
        self.offenders: dict[tuple[str, str, str, str], Offender] = {}
        self._seen = [0, 0]  # allocations, permitted ones too, and their bytes
        self._net = self._lowest = 0

    def add(self, events: Iterable[Event], permits: Permits | None = None) -> None:
        """Add events, in the order of their times."""
        for event in sorted(events, key=lambda one: one.t_ns):
            names = permits.get(event_key(event), frozenset[str]()) if permits else frozenset[str]()
            if event.kind == "alloc":
                self._allocated(event, names)
            elif event.kind == "free":
                if _PEAK not in names:
                    self._net -= event.nbytes
                    self._lowest = min(self._lowest, self._net)
            elif event.kind == "copy":
                self._copied(event, names)
            elif event.kind in ("sync", "wait") and f"{event.kind}s" not in names:
                self.amounts[f"{event.kind}s"] += 1
                self._blame(event.kind, event)

    def add_unseen(self, tally: Tally) -> None:
        """Add what a tally has beyond the events: allocations that only counters showed."""
        count = tally.allocations - self._seen[0]
        nbytes = max(tally.allocated_bytes - self._seen[1], 0)
        if count > 0:
            self.amounts["allocations"] += count
            self.amounts["allocated_bytes"] += nbytes
            key = ("alloc", self._outside, NOT_ATTRIBUTED, "")
            offender = self.offenders.setdefault(key, Offender(*key))
            offender.count += count
            offender.nbytes += nbytes

    def _allocated(self, event: Event, names: frozenset[str]) -> None:
        self._seen[0] += 1
        self._seen[1] += event.nbytes
        is_permitted = bool(names & {"allocations", "allocated_bytes"})
        if not is_permitted:
            self.amounts["allocations"] += 1
            self.amounts["allocated_bytes"] += event.nbytes
        if _PEAK not in names:
            # Blocks from before may be freed meanwhile: what counts is the rise from the lowest.
            self._net += event.nbytes
            self.amounts[_PEAK] = max(self.amounts[_PEAK], self._net - self._lowest)
        if not (is_permitted and _PEAK in names):
            self._blame("alloc permitted" if is_permitted else "alloc", event)

    def _copied(self, event: Event, names: frozenset[str]) -> None:
        side = event.direction or _UNKNOWN_SIDE
        if names & {"copies", f"{side}_bytes"}:
            return
        self.amounts["copies"] += 1
        self.amounts[f"{side}_bytes"] += event.nbytes
        self.unsized[f"{side}_bytes"] += not event.nbytes
        self.unknown_side += side == _UNKNOWN_SIDE
        self._blame(f"copy {side}", event)

    def _blame(self, what: str, event: Event) -> None:
        key = (what, event.stage or self._outside, event.op, event.source)
        offender = self.offenders.get(key)
        if offender is None:
            offender = self.offenders[key] = Offender(*key)
        offender.count += 1
        offender.nbytes += event.nbytes


def event_key(event: Event) -> EventKey:
    """What an event is recognised by in two sessions that both recorded it."""
    return (event.kind, event.nbytes, event.direction, event.t_ns)


def exceeded(limits: Mapping[str, int], usage: Usage) -> tuple[Excess, ...]:
    """The limits that `usage` exceeds. No bytes at all also means: no copy of unknown size."""
    found: list[Excess] = []
    for name, limit in limits.items():
        used, unsized = usage.amounts[name], usage.unsized[name]
        if used > limit or (not limit and unsized):
            found.append(Excess(name, limit, used, unsized))
    return tuple(found)


def offenders_of(names: Iterable[str], offenders: Iterable[Offender]) -> list[Offender]:
    """Those that used up the limits `names`, the largest first."""
    kinds = {kind for name in names for kind in _KINDS[name]}
    return sorted(
        (one for one in offenders if one.what in kinds),
        key=lambda one: (-one.nbytes, -one.count, one.what, one.stage, one.operator),
    )
