"""How did each kind of work fare? Counts, latencies and where the time went."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from toolkit.scheduler.levels import Level
from toolkit.scheduler.reasons import Reason

if TYPE_CHECKING:
    from toolkit.scheduler.kinds import KindState

__all__ = ["KindStatistics", "percentile_ms", "statistics_of"]


@dataclass(frozen=True, slots=True)
class KindStatistics:
    """What became of the tasks of one kind.

    Attributes:
        released, done, failed, cancelled, shed: how many.
        missed: how many ended after their deadline; those that were shed are not among them.
        causes: of those, how many by where most of their time went.
        stolen: how often one was taken from another worker's queue.
        queued: how many wait now.
        p50_ms, p95_ms, p99_ms: from release to end, of the newest 1024 that ran to their end.
        ran_seconds: how long they held workers.
        level_seconds: that, by level.
    """

    released: int
    done: int
    missed: int
    shed: int
    cancelled: int
    failed: int
    stolen: int
    queued: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    ran_seconds: float
    causes: dict[Reason, int]
    level_seconds: dict[Level, float]

    @property
    def miss_percent(self) -> float:
        """Of all that were released and are over, how many were late or dropped."""
        over = self.done + self.failed + self.shed
        return 100 * (self.missed + self.shed) / over if over else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The same as plain data, with names for levels and causes."""
        plain = asdict(self)
        plain["causes"] = {cause.name.lower(): count for cause, count in self.causes.items()}
        plain["level_seconds"] = {level.name: s for level, s in self.level_seconds.items()}
        return plain | {"miss_percent": self.miss_percent}


def statistics_of(kind: KindState) -> KindStatistics:
    """The figures of one kind, now."""
    recent_ns = kind.recent_ns()
    return KindStatistics(
        released=kind.released,
        done=kind.done,
        missed=kind.missed,
        shed=kind.shed,
        cancelled=kind.cancelled,
        failed=kind.failed,
        stolen=kind.stolen,
        queued=kind.waiting,
        p50_ms=percentile_ms(recent_ns, 0.5),
        p95_ms=percentile_ms(recent_ns, 0.95),
        p99_ms=percentile_ms(recent_ns, 0.99),
        ran_seconds=kind.ran_ns / 1e9,
        causes={cause: count for cause, count in kind.causes.items() if count},
        level_seconds={Level(at): ns / 1e9 for at, ns in enumerate(kind.level_ns) if ns},
    )


def percentile_ms(sorted_ns: list[int], share: float) -> float:
    """The value below which `share` of sorted times lie, in ms; 0 where there are none."""
    if not sorted_ns:
        return 0.0
    return sorted_ns[min(int(share * len(sorted_ns)), len(sorted_ns) - 1)] / 1e6
