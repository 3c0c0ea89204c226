"""What became of one task, and why? Its life, told in sentences."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from toolkit.scheduler.levels import NEVER, Level
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.shifts import WHY
from toolkit.scheduler.stretches import Doing, Stretch, Walk
from toolkit.scheduler.trace import NO_WORKER, Record

__all__ = ["Sentence", "life_of"]

_FIRST = "how it began is not in the trace any more"


class Sentence(NamedTuple):
    """Something that happened to a task, or that it did from `t_ns` on."""

    t_ns: int
    text: str


def life_of(recording: Recording, task: int) -> list[Sentence]:
    """The story of one task, in the order of time.

    What the trace has lost is said. A task that it does not know has one sentence, that says so.

    Args:
        recording: what happened.
        task: its number in the trace.
    """
    events = _events_of(recording, task)
    if not events:
        return [Sentence(recording.end_ns, f"nothing of task {task} is in the trace")]
    walk, told = Walk(recording), list[Sentence]()
    first = next(event for event in events if event.task)
    if first.happening != Happening.SUBMIT:
        told.append(Sentence(recording.start_ns, _FIRST))
    for event in events:
        before = walk.level_of(task)
        told += [_of_stretch(stretch) for stretch in walk.take(event)]
        text = _of_event(event, before, walk.level_of(task))
        if text:
            told.append(Sentence(event.t_ns, text))
    told += [_of_stretch(stretch) for stretch in walk.end()]
    return sorted(told, key=lambda sentence: sentence.t_ns)


def _events_of(recording: Recording, task: int) -> list[Record]:
    """What happened to a task, and to the level of its kind until it ended."""
    places = [place for place, one in enumerate(recording.events) if task and one.task == task]
    if not places:
        return []
    kind = recording.events[places[0]].kind
    return [
        one
        for one in recording.events[: places[-1] + 1]
        if one.task == task or (_is_of_kind(one) and one.kind == kind)
    ]


def _is_of_kind(event: Record) -> bool:
    return event.happening == Happening.LEVEL and not event.task


def _of_stretch(stretch: Stretch) -> Sentence:
    lasted = _ms(stretch.end_ns - stretch.begin_ns)
    if stretch.begin_is_lost or stretch.ended is None:
        lasted = f"at least {lasted}"
    text = _DOINGS[stretch.doing](stretch, lasted)
    if stretch.end_is_lost:
        text += "; how that ended is not in the trace"
    return Sentence(stretch.begin_ns, text)


def _queued(stretch: Stretch, lasted: str) -> str:
    return f"queued {lasted} at {Level(stretch.level).name}"


def _ran(stretch: Stretch, lasted: str) -> str:
    text = f"ran {lasted}"
    if stretch.worker != NO_WORKER:
        text += f" on worker {stretch.worker}"
    if stretch.marks_ns:
        text += f" in {len(stretch.marks_ns) + 1} quanta"
    if stretch.ended == Happening.YIELD:
        text += f", then made way{_because(stretch.reason)}"
    return text


def _blocked(stretch: Stretch, lasted: str) -> str:
    if stretch.awaits < 0:
        return f"awaited something for {lasted}"
    whom = f"task {stretch.awaits}" if stretch.awaits else "what is no task"
    return f"awaited {whom} for {lasted}"


_DOINGS: dict[Doing, Callable[[Stretch, str], str]] = {
    Doing.QUEUED: _queued,
    Doing.RUNNING: _ran,
    Doing.BLOCKED: _blocked,
}


def _of_event(event: Record, before: int | None, after: int | None) -> str:
    """What an event says beyond the stretches that it ends and begins; "" for nothing."""
    tell = _EVENTS.get(Happening(event.happening))
    if tell:
        return tell(event)
    if event.happening != Happening.LEVEL:
        return ""
    if event.task:
        return _moved(event.value, event.level, "", event.reason)
    if before is None or after is None or before == after:
        return ""  # it had been raised by itself
    return _moved(before, after, " with its kind", event.reason)


def _moved(before: int, after: int, how: str, reason: int) -> str:
    verb = "raised" if after < before else "lowered"
    return f"{verb}{how} from {Level(before).name} to {Level(after).name}{_because(reason)}"


def _submitted(event: Record) -> str:
    due = "" if event.value == NEVER else f", due in {_ms(event.value - event.t_ns)}"
    return f"submitted{due}"


def _done(event: Record) -> str:
    return f"done{_punctual(event.value)}"


def _failed(event: Record) -> str:
    return f"its code raised{_punctual(event.value)}"


def _punctual(late_ns: int) -> str:
    if not late_ns:
        return ""
    side = "after" if late_ns > 0 else "before"
    return f", {_ms(abs(late_ns))} {side} its deadline"


def _because(reason: int) -> str:
    return f": {WHY[Reason(reason)]}" if reason else ""


def _ms(ns: int) -> str:
    return f"{ns / 1e6:.1f} ms" if ns >= 1_000_000 else f"{ns / 1e3:.0f} us"


_EVENTS: dict[Happening, Callable[[Record], str]] = {
    Happening.SUBMIT: _submitted,
    Happening.STEAL: lambda event: f"worker {event.worker} took it from worker {event.value}",
    Happening.DONE: _done,
    Happening.FAIL: _failed,
    Happening.CANCEL: lambda event: f"cancelled{_because(event.reason)}",
    Happening.SHED: lambda event: f"dropped before it began{_because(event.reason)}",
    Happening.MISS: lambda event: (
        f"missed its deadline by {_ms(event.value)}{_because(event.reason)}"
    ),
}
