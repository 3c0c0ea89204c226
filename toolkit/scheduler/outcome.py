"""What came of a load? Per kind: done, missed, shed, how long it took, and what share it had."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from toolkit.scheduler.arrivals import Arrival
from toolkit.scheduler.levels import NEVER

__all__ = ["KindOutcome", "Outcome", "Tally"]

_PENDING, _SHED = -1, -2


@dataclass(frozen=True, slots=True)
class KindOutcome:
    """What came of one kind.

    Attributes:
        released: how many were submitted.
        due: how many of them had a deadline before the end.
        missed: how many of those were not done in time, for whatever reason.
        done: how many ended.
        shed: how many were dropped before they began: late, replaced, or not taken.
        p50_ms: latency, from the release until the end, of those that ended; with p95, p99.
        first_p50_ms: latency of the first quantum, of those that had one; with p95.
        share: core time that it had, over all that there was.
    """

    released: int
    due: int
    missed: int
    done: int
    shed: int
    p50_ms: float
    p95_ms: float
    p99_ms: float
    first_p50_ms: float
    first_p95_ms: float
    share: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a load under a policy.

    Attributes:
        policy: what decided.
        seconds: for how long, on the virtual clock.
        kinds: what came of each kind.
        event_hash: of all that was decided, and when; the same for the same seed.
        trace: those events, 24 bytes each, where they were asked for.
    """

    policy: str
    seconds: float
    kinds: dict[str, KindOutcome]
    event_hash: str
    trace: bytes = b""

    def miss_rate(self, kinds: Iterable[str]) -> float:
        """Missed deadlines of these kinds, over all of them that were due; 0 when none was."""
        outcomes = [self.kinds[kind] for kind in kinds if kind in self.kinds]
        due = sum(outcome.due for outcome in outcomes)
        return sum(outcome.missed for outcome in outcomes) / due if due else 0.0

    def share(self, kinds: Iterable[str]) -> float:
        """What these kinds had of all core time."""
        return sum(self.kinds[kind].share for kind in kinds if kind in self.kinds)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, for JSON; without the trace."""
        return {
            "policy": self.policy,
            "seconds": self.seconds,
            "event_hash": self.event_hash,
            "kinds": {kind: asdict(outcome) for kind, outcome in self.kinds.items()},
        }


class Tally:
    """When each arrival of a load had its first quantum and its end, noted as it happens."""

    def __init__(self, arrivals: Sequence[Arrival]) -> None:
        self._arrivals = arrivals
        self._first_ns = array("q", [_PENDING]) * len(arrivals)
        self._end_ns = array("q", [_PENDING]) * len(arrivals)
        self._ran_ns = dict.fromkeys((arrival.kind for arrival in arrivals), 0.0)

    def ran(self, index: int, now_ns: int, ran_ns: float) -> None:
        """A quantum of arrival `index` ended."""
        if self._first_ns[index] == _PENDING:
            self._first_ns[index] = now_ns
        self._ran_ns[self._arrivals[index].kind] += ran_ns

    def ended(self, index: int, now_ns: int) -> None:
        """Its last quantum ended."""
        self._end_ns[index] = now_ns

    def shed(self, index: int) -> None:
        """It was dropped."""
        self._end_ns[index] = _SHED

    def kinds(self, *, end_ns: int, cores: int) -> dict[str, KindOutcome]:
        """What came of each kind until `end_ns`."""
        members: dict[str, list[int]] = {kind: [] for kind in self._ran_ns}
        for index, arrival in enumerate(self._arrivals):
            if arrival.release_ns < end_ns:
                members[arrival.kind].append(index)
        return {
            kind: self._outcome(indices, end_ns, self._ran_ns[kind] / (end_ns * cores))
            for kind, indices in members.items()
        }

    def _outcome(self, indices: list[int], end_ns: int, share: float) -> KindOutcome:
        arrivals, firsts, ends = self._arrivals, self._first_ns, self._end_ns
        last_ns = min(end_ns, NEVER - 1)
        due = [at for at in indices if arrivals[at].deadline_ns <= last_ns]
        latency = [ends[at] - arrivals[at].release_ns for at in indices if ends[at] >= 0]
        first = [firsts[at] - arrivals[at].release_ns for at in indices if firsts[at] >= 0]
        latency.sort()
        first.sort()
        return KindOutcome(
            released=len(indices),
            due=len(due),
            missed=sum(not 0 <= ends[at] <= arrivals[at].deadline_ns for at in due),
            done=len(latency),
            shed=sum(ends[at] == _SHED for at in indices),
            p50_ms=_quantile_ms(latency, 0.50),
            p95_ms=_quantile_ms(latency, 0.95),
            p99_ms=_quantile_ms(latency, 0.99),
            first_p50_ms=_quantile_ms(first, 0.50),
            first_p95_ms=_quantile_ms(first, 0.95),
            share=share,
        )


def _quantile_ms(sorted_ns: list[int], quantile: float) -> float:
    """The value that this share does not exceed; 0 when there is none."""
    if not sorted_ns:
        return 0.0
    return sorted_ns[min(len(sorted_ns) - 1, int(quantile * len(sorted_ns)))] / 1e6
