"""What was a task doing from when to when? Queued, running on a worker, or blocked.

The events of a trace are moments; this makes stretches of time of them, in one pass. Where the
ring was overwritten, a stretch begins or ends with the first or last that is known of it, and says
so: nothing is guessed, and nothing overlaps.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from itertools import groupby
from typing import NamedTuple

from toolkit.scheduler.levels import Level
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.standing import Standing
from toolkit.scheduler.trace import NO_WORKER, Record

__all__ = ["Depth", "Doing", "Stretch", "Walk", "depths", "slices", "stretches"]


class Doing(Enum):
    """What a task can be doing that takes time."""

    QUEUED = "queued"
    RUNNING = "running"
    BLOCKED = "blocked"


@dataclass(frozen=True, slots=True)
class Stretch:
    """What one task did from `begin_ns` to `end_ns`, without a change of it.

    Attributes:
        doing: queued, running or blocked.
        task: its number in the trace.
        kind: number of its kind.
        level: 0 to 4; a queued task's new level begins a new stretch, a running one keeps its own.
        begin_ns: when it began, or the first that is known of it.
        end_ns: when it ended, or the last that is known of it.
        worker: which worker ran it; `NO_WORKER` where none did.
        awaits: number of the awaited task: 0 for what is no task, and -1 where that is lost.
        ended: what ended it; None where it goes on after the last event, or its end was lost.
        reason: why it ended.
        marks_ns: when a quantum ended inside, and the next one followed at once.
        begin_is_lost: the event that began it was overwritten.
        end_is_lost: the event that ended it was overwritten.
    """

    doing: Doing
    task: int
    kind: int
    level: int
    begin_ns: int
    end_ns: int
    worker: int = NO_WORKER
    awaits: int = 0
    ended: Happening | None = None
    reason: Reason = Reason.NONE
    marks_ns: tuple[int, ...] = ()
    begin_is_lost: bool = False
    end_is_lost: bool = False


class Depth(NamedTuple):
    """How many tasks are queued at each of the five levels, from `t_ns` on."""

    t_ns: int
    queued: tuple[int, ...]


# What a task must have been doing for this to happen, and what it does from then on.
_BEFORE = {
    Happening.START: Doing.QUEUED,
    Happening.QUANTUM: Doing.RUNNING,
    Happening.YIELD: Doing.RUNNING,
    Happening.BLOCK: Doing.RUNNING,
    Happening.DONE: Doing.RUNNING,
    Happening.FAIL: Doing.RUNNING,
    Happening.WAKE: Doing.BLOCKED,
}
_AFTER = {
    Happening.SUBMIT: Doing.QUEUED,
    Happening.YIELD: Doing.QUEUED,
    Happening.WAKE: Doing.QUEUED,
    Happening.START: Doing.RUNNING,
    Happening.BLOCK: Doing.BLOCKED,
}
_DROPS = (Happening.CANCEL, Happening.SHED)  # whatever it was doing
_ENDS = (*_DROPS, Happening.DONE, Happening.FAIL)
_TELL_HOW_LONG = (Happening.START, Happening.QUANTUM, Happening.YIELD, Happening.WAKE)


@dataclass(slots=True)
class _Open:
    """A stretch that goes on."""

    doing: Doing
    task: int
    kind: int
    level: int
    begin_ns: int
    worker: int = NO_WORKER
    awaits: int = 0
    marks_ns: list[int] = field(default_factory=list[int])
    begin_is_lost: bool = False


class Walk:
    """Takes the events of a recording one by one, and gives each stretch as it ends.

    Two threads may note their events in another order than they looked at the clock: time stands
    still then, and never goes back.

    Args:
        recording: whose events will be taken.
    """

    def __init__(self, recording: Recording) -> None:
        self._start_ns = self._now_ns = recording.start_ns
        self._standing = Standing(recording)
        self._open: dict[int, _Open] = {}
        self._on_worker: dict[int, int] = {}  # the task that it runs
        self._free_ns: dict[int, int] = {}  # the end of the last stretch that it ran
        self._ended: list[Stretch] = []

    def level_of(self, task: int) -> int | None:
        """The level that a task has now; None when it does nothing that is known."""
        found = self._open.get(task)
        return None if found is None else self._standing.level_of(task, found.kind)

    def take(self, event: Record) -> list[Stretch]:
        """The stretches that end with this event, in the order of their ends."""
        self._now_ns = max(self._now_ns, event.t_ns)
        self._ended = []
        if event.happening == Happening.LEVEL:
            self._shift(event)
        elif event.happening in _BEFORE or event.happening in _AFTER:
            self._move(Happening(event.happening), event)
        elif event.happening in _DROPS and event.task in self._open:
            self._close(event.task, self._now_ns, event)
        if event.happening in _ENDS:
            self._standing.forget(event.task)
        return self._ended

    def end(self) -> list[Stretch]:
        """The stretches that have not ended, up to the last event."""
        self._ended = []
        for task in list(self._open):
            self._close(task, self._now_ns, None)
        return self._ended

    def _move(self, happening: Happening, event: Record) -> None:
        needed = _BEFORE.get(happening)
        found = self._open.get(event.task)
        self._standing.learn(event, is_first=found is None)
        known_ns = self._start_ns
        if found and found.doing is not needed:
            known_ns = self._break_off(event.task)
        if needed and event.task not in self._open:
            self._enter_cut(event, needed, known_ns)
        if happening == Happening.QUANTUM:
            self._open[event.task].marks_ns.append(self._now_ns)
            return
        if needed:
            self._close(event.task, self._now_ns, event)
        if happening in _AFTER:
            self._enter(event, _AFTER[happening], self._now_ns)

    def _enter(self, event: Record, doing: Doing, begin_ns: int) -> _Open:
        level = self._standing.level_of(event.task, event.kind)
        entered = _Open(doing, event.task, event.kind, level, begin_ns)
        if doing is Doing.RUNNING:
            self._vacate(event.worker)
            self._on_worker[event.worker] = event.task
            entered.worker = event.worker
        elif doing is Doing.BLOCKED:
            entered.awaits = event.value
        self._open[event.task] = entered
        return entered

    def _enter_cut(self, event: Record, doing: Doing, earliest: int) -> None:
        """Begin what is known by its end alone, as early as it can have been."""
        if doing is Doing.RUNNING:
            self._vacate(event.worker)
            earliest = max(earliest, self._free_ns.get(event.worker, earliest))
        if event.happening in _TELL_HOW_LONG:
            earliest = max(earliest, self._now_ns - max(0, event.value))
        elif event.worker in self._free_ns:
            earliest = self._now_ns  # no word of what its worker did meanwhile
        entered = self._enter(event, doing, earliest)
        entered.begin_is_lost = True
        entered.awaits = -1 if doing is Doing.BLOCKED else 0

    def _vacate(self, worker: int) -> None:
        """No worker runs two tasks: the end of the other one was overwritten."""
        if worker != NO_WORKER and worker in self._on_worker:
            self._break_off(self._on_worker[worker])

    def _break_off(self, task: int) -> int:
        """End a stretch whose end was overwritten, with the last that is known of it."""
        found = self._open[task]
        known_ns = found.marks_ns[-1] if found.marks_ns else found.begin_ns
        self._close(task, known_ns, None, is_lost=True)
        return known_ns

    def _close(
        self, task: int, end_ns: int, event: Record | None, *, is_lost: bool = False
    ) -> None:
        found = self._open.pop(task)
        if found.worker != NO_WORKER:
            self._on_worker.pop(found.worker, None)
            self._free_ns[found.worker] = end_ns
        self._ended.append(
            Stretch(
                doing=found.doing,
                task=task,
                kind=found.kind,
                level=found.level,
                begin_ns=found.begin_ns,
                end_ns=end_ns,
                worker=found.worker,
                awaits=found.awaits,
                ended=None if event is None else Happening(event.happening),
                reason=Reason.NONE if event is None else Reason(event.reason),
                marks_ns=tuple(found.marks_ns),
                begin_is_lost=found.begin_is_lost,
                end_is_lost=is_lost,
            )
        )

    def _shift(self, event: Record) -> None:
        """Begin the stretches of queued tasks anew whose level changes."""
        self._standing.shift(event)
        one = self._open.get(event.task)
        moved = list(self._open.values()) if not event.task else [one] if one else []
        for found in moved:
            level = self._standing.level_of(found.task, found.kind)
            if found.doing is Doing.QUEUED and found.level != level:
                self._close(found.task, self._now_ns, event)
                self._open[found.task] = _Open(
                    Doing.QUEUED, found.task, found.kind, level, self._now_ns
                )


def stretches(recording: Recording) -> list[Stretch]:
    """Everything that tasks did, in the order of its begin."""
    walk = Walk(recording)
    found = [stretch for event in recording.events for stretch in walk.take(event)]
    return sorted([*found, *walk.end()], key=lambda stretch: stretch.begin_ns)


def slices(found: Iterable[Stretch]) -> dict[int, list[Stretch]]:
    """What each worker ran, in order: no two stretches of one worker overlap."""
    by_worker: dict[int, list[Stretch]] = {}
    for stretch in found:
        if stretch.worker != NO_WORKER:
            by_worker.setdefault(stretch.worker, []).append(stretch)
    return dict(sorted(by_worker.items()))


def depths(found: Iterable[Stretch]) -> list[Depth]:
    """How many tasks were queued at each level, at each moment at which that changed."""
    queues = [stretch for stretch in found if stretch.doing is Doing.QUEUED]
    changes = [(one.begin_ns, one.level, 1) for one in queues]
    changes += [(one.end_ns, one.level, -1) for one in queues if one.ended or one.end_is_lost]
    queued = [0] * len(Level)
    counted: list[Depth] = []
    for t_ns, together in groupby(sorted(changes), key=lambda change: change[0]):
        for _, level, change in together:
            queued[level] += change
        if not counted or counted[-1].queued != tuple(queued):
            counted.append(Depth(t_ns, tuple(queued)))
    return counted
