"""What if another scheduler had had this work? A recording, turned into a load for the simulator.

A trace tells what work was done, and not what would have been: a task that was shed, or had not
ended, is given the quanta of the middle one of its kind. Which work is optional, or has a key, is
seen by what was shed for it, and then holds for its whole kind; a declared period is a key, too.

A quantum's time is its share of the cores. It varied as it did: simulate it on a machine without
noise, or it varies twice.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from toolkit.scheduler.arrivals import Arrival
from toolkit.scheduler.core_time import core_times
from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.stretches import Doing, stretches
from toolkit.scheduler.trace import Record

__all__ = ["Replay", "replay_of"]

_RAN_TO_THE_END = (Happening.DONE, Happening.FAIL, Happening.MISS)  # the last one comes after
_ENDS = (*_RAN_TO_THE_END, Happening.CANCEL, Happening.SHED)


@dataclass(frozen=True, slots=True)
class Replay:
    """A load that was recorded, and what is not certain about it.

    Attributes:
        arrivals: the tasks in order of release, whose times count from the begin of the recording.
            Those that were there before it are released with it.
        tasks: for each arrival the number of its task in the trace.
        guessed: how many have quanta of the middle task of their kind, all or the last of them.
        left_out: how many are missing: they were cancelled before they began, or nothing ever ran
            of their kind.
        outside: how often a task awaited what is no task; in the replay it is there at once.
        optional: kinds whose work is taken as optional, since some was shed for being too late.
        keyed: kinds that are taken as one key: periodic ones, and where one was shed for a newer.
    """

    arrivals: tuple[Arrival, ...]
    tasks: tuple[int, ...]
    guessed: int
    left_out: int
    outside: int
    optional: frozenset[str]
    keyed: frozenset[str]


@dataclass(slots=True)
class _Life:
    """What the trace tells of one task."""

    task: int
    kind: str
    release_ns: int
    deadline_ns: int = NEVER
    quanta_ns: list[int] = field(default_factory=list[int])
    awaited: dict[int, int] = field(default_factory=dict[int, int])  # after which quantum: whom
    ended: Happening | None = None
    is_whole: bool = False  # from its release to its end


def replay_of(recording: Recording) -> Replay:
    """The work of a recording as a load that `simulate` takes."""
    lives = _lives(recording)
    middle = _middle(lives)
    periodic = frozenset(kind.name for kind in recording.kinds if kind.period_ns)
    optional = _kinds_shed(recording, Reason.LATE)
    keyed = _kinds_shed(recording, Reason.NEWEST) | periodic
    known = [one for one in lives if one.quanta_ns or (_is_open(one) and one.kind in middle)]
    known.sort(key=lambda one: one.release_ns)
    place = {one.task: at for at, one in enumerate(known)}
    return Replay(
        arrivals=tuple(
            Arrival(
                one.release_ns,
                one.kind,
                quanta := _quanta(one, middle),
                one.deadline_ns,
                optional=one.kind in optional,
                key=one.kind if one.kind in keyed else None,
                awaits=_places(one.awaited, place, len(quanta)),
                repeats=_is_open(one) and one.kind not in middle,
            )
            for one in known
        ),
        tasks=tuple(one.task for one in known),
        guessed=sum(_is_open(one) and one.kind in middle for one in known),
        left_out=len(lives) - len(known),
        outside=sum(list(one.awaited.values()).count(0) for one in lives),
        optional=optional,
        keyed=keyed,
    )


def _lives(recording: Recording) -> list[_Life]:
    """What is known of each task, in the order in which they came."""
    lives: dict[int, _Life] = {}
    for event in recording.events:
        if event.task:
            _take_event(lives, event, recording)
    found = stretches(recording)
    for stretch, quanta_ns in zip(found, core_times(recording, found), strict=True):
        life = lives[stretch.task]
        life.quanta_ns += [max(1, ns) for ns in quanta_ns]
        if stretch.doing is Doing.BLOCKED and life.quanta_ns:
            life.awaited[len(life.quanta_ns) - 1] = stretch.awaits
    return list(lives.values())


def _take_event(lives: dict[int, _Life], event: Record, recording: Recording) -> None:
    happening, t_ns = Happening(event.happening), event.t_ns - recording.start_ns
    life = lives.get(event.task)
    if life is None:
        life = lives[event.task] = _Life(event.task, recording.kind_name(event.kind), 0)
    if happening == Happening.SUBMIT:
        life.is_whole = True
        life.release_ns = t_ns
        life.deadline_ns = _since(event.value, recording)
    elif happening in _RAN_TO_THE_END and event.value and not life.is_whole:
        life.deadline_ns = t_ns - event.value
    if happening in _ENDS:
        life.ended = happening


def _since(deadline_ns: int, recording: Recording) -> int:
    return NEVER if deadline_ns == NEVER else deadline_ns - recording.start_ns


def _middle(lives: Iterable[_Life]) -> dict[str, tuple[int, ...]]:
    """Of each kind the quanta of the task in the middle, of those that were seen whole."""
    by_kind: defaultdict[str, list[tuple[int, ...]]] = defaultdict(list)
    for one in lives:
        if one.is_whole and one.ended in _RAN_TO_THE_END and one.quanta_ns:
            by_kind[one.kind].append(tuple(one.quanta_ns))
    return {kind: sorted(found, key=sum)[len(found) // 2] for kind, found in by_kind.items()}


def _is_open(one: _Life) -> bool:
    """Whether it would have gone on: it was shed, or the trace ends before it."""
    return one.ended in (None, Happening.SHED)


def _quanta(one: _Life, middle: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """What was seen of a task, and the rest of the middle one of its kind where it is open."""
    seen = tuple(one.quanta_ns)
    if not _is_open(one) or one.kind not in middle:
        return seen
    rest = middle[one.kind][len(seen) :]
    return seen + (rest or middle[one.kind][-1:])


def _kinds_shed(recording: Recording, reason: Reason) -> frozenset[str]:
    return frozenset(
        recording.kind_name(event.kind)
        for event in recording.events
        if event.happening == Happening.SHED and event.reason == reason
    )


def _places(awaited: Mapping[int, int], place: Mapping[int, int], quanta: int) -> tuple[int, ...]:
    """Which arrival is awaited after each quantum, up to the last one that awaits any."""
    found = {after: place[task] for after, task in awaited.items() if task in place}
    last = max((after for after in found if after < quanta - 1), default=-1)
    return tuple(found.get(after, -1) for after in range(last + 1))
