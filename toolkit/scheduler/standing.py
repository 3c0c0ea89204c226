"""Which level has a task now? That of its kind, unless it was raised above it by itself."""

from __future__ import annotations

from toolkit.scheduler.levels import Level
from toolkit.scheduler.reasons import Happening
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.trace import Record

__all__ = ["Standing"]

_LEVELS = range(len(Level))


class Standing:
    """Learns levels from events, in their order.

    A context moves all tasks of a kind by one event. One that was raised further stays where it is,
    and may go on standing there when its kind has come up to it and goes down again.

    Args:
        recording: whose events will be learned.
    """

    def __init__(self, recording: Recording) -> None:
        self._of_kind = {place: kind.level for place, kind in enumerate(recording.kinds)}
        self._raised: dict[int, int] = {}
        for event in reversed(recording.events):  # the oldest shift tells what was before it
            if event.happening == Happening.LEVEL and not event.task:
                self._of_kind[event.kind] = event.value

    def level_of(self, task: int, kind: int) -> int:
        """The level that a task of this kind has now."""
        of_kind = self._of_kind.get(kind, Level.IDLE)
        return min(of_kind, self._raised.get(task, of_kind))

    def learn(self, event: Record) -> int:
        """Take the level of a task from what happened to it, and give it."""
        if event.level not in _LEVELS:
            return self.level_of(event.task, event.kind)
        of_kind = self._of_kind.setdefault(event.kind, event.level)
        if event.level < of_kind:
            self._raised[event.task] = event.level
        elif event.level != self.level_of(event.task, event.kind):
            self._raised.pop(event.task, None)
        return event.level

    def shift(self, event: Record) -> None:
        """A `LEVEL` event: a task was raised or let go, or with task 0 its kind moved."""
        if event.task:
            self._raised.pop(event.task, None)
            self.learn(event)
        else:
            self._of_kind[event.kind] = event.level

    def forget(self, task: int) -> None:
        """It has ended."""
        self._raised.pop(task, None)
