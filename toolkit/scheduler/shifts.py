"""Which decisions were made, and why? Priorities that moved, contexts, and deadlines missed."""

from __future__ import annotations

from types import MappingProxyType
from typing import NamedTuple

from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.recording import Recording

__all__ = ["WHY", "ContextShift", "Miss", "Shift", "context_shifts", "misses", "shifts"]

WHY = MappingProxyType(
    {
        Reason.CONTEXT: "another context holds",
        Reason.DEADLINE: "its kind missed deadlines and asks for more",
        Reason.INHERITANCE: "somebody more urgent awaits it",
        Reason.AGING: "it waited longest",
        Reason.PREDICTION: "it will probably be needed next",
        Reason.RETURNED: "what had raised it is over",
        Reason.NEWEST: "a newer one with the same key came",
        Reason.LATE: "its deadline could not be met any more",
        Reason.FULL: "the queue of its kind was full",
        Reason.SHUTDOWN: "the scheduler shut down",
        Reason.PREEMPTED: "more urgent work waited",
        Reason.GUARD: "its next quantum would have overrun a release",
        Reason.ROUND: "others of its level waited, too",
        Reason.LANE: "a more important lane needed the core",
        Reason.USER: "somebody asked for it",
        Reason.QUEUED: "most of its time it was queued",
        Reason.COMPUTING: "most of its time it computed",
        Reason.COPYING: "most of its time it copied",
        Reason.WAITING: "most of its time it awaited something",
        Reason.HELD_UP: "most of its time the system ran something else on its core",
    }
)


class Shift(NamedTuple):
    """A priority that moved: of one task, or of a whole kind where `task` is 0."""

    t_ns: int
    task: int
    kind: int
    before: int
    after: int
    reason: Reason


class ContextShift(NamedTuple):
    """From `t_ns` on another context holds, by its number."""

    t_ns: int
    context: int
    reason: Reason


class Miss(NamedTuple):
    """A task that ended `late_ns` after its deadline, and where most of its time went."""

    t_ns: int
    worker: int
    task: int
    kind: int
    late_ns: int
    cause: Reason


def shifts(recording: Recording) -> list[Shift]:
    """Every priority that moved, with its reason."""
    return [
        Shift(one.t_ns, one.task, one.kind, one.value, one.level, Reason(one.reason))
        for one in recording.events
        if one.happening == Happening.LEVEL
    ]


def context_shifts(recording: Recording) -> list[ContextShift]:
    """Every change of the context, with its reason."""
    return [
        ContextShift(one.t_ns, one.value, Reason(one.reason))
        for one in recording.events
        if one.happening == Happening.CONTEXT
    ]


def misses(recording: Recording) -> list[Miss]:
    """Every deadline that was missed, with its cause."""
    return [
        Miss(one.t_ns, one.worker, one.task, one.kind, one.value, Reason(one.reason))
        for one in recording.events
        if one.happening == Happening.MISS
    ]
