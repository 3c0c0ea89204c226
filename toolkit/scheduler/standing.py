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
        for event in reversed(recording.events):  # the oldest tells what was when they began
            if event.happening == Happening.LEVEL and not event.task:
                self._of_kind[event.kind] = event.value
            elif event.happening == Happening.SUBMIT and event.level in _LEVELS:
                self._of_kind[event.kind] = event.level

    def level_of(self, task: int, kind: int) -> int:
        """The level that a task of this kind has now."""
        of_kind = self._of_kind.get(kind, Level.IDLE)
        return min(of_kind, self._raised.get(task, of_kind))

    def learn(self, event: Record, *, is_first: bool) -> None:
        """Take what an event says of the level of its task.

        Only a `LEVEL` event raises a task; that it returned may be left unsaid.

        Args:
            event: what happened.
            is_first: whether nothing was known of the task before.
        """
        level = self.level_of(event.task, event.kind)
        if event.level in _LEVELS and event.level > level:
            self._raised.pop(event.task, None)
            if is_first:  # no task is below its kind
                self._of_kind[event.kind] = event.level
        elif is_first and event.level < level:
            self._raised[event.task] = event.level

    def shift(self, event: Record) -> None:
        """A `LEVEL` event: a task was raised or let go, or with task 0 its kind moved."""
        if not event.task:
            self._of_kind[event.kind] = event.level
        elif event.level < self._of_kind.get(event.kind, Level.IDLE):
            self._raised[event.task] = event.level
        else:
            self._raised.pop(event.task, None)

    def forget(self, task: int) -> None:
        """It has ended."""
        self._raised.pop(task, None)
