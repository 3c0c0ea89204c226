"""What does one undo take back? What one hand did: a whole drag, a held key, a preset.

A step knows the value before and after of each parameter that it touched, and of no other: what
code changed in between stays. Time is a parameter, so that tests have a clock of their own.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["History", "Key"]

Key = tuple[str, str]  # stage and parameter; of the switch that bypasses a stage, "" as parameter

_TOGETHER_SECONDS = 0.8  # a held key repeats faster, two touches on purpose are slower
_MOST_STEPS = 200


@dataclass(frozen=True)
class _Step:
    before: dict[Key, Any]
    after: dict[Key, Any]
    gesture: int
    at_seconds: float


class History:
    """Steps that can be taken back and done again. For any thread.

    Attributes:
        gesture: number of the drag that goes on, 0 for none; two drags have two numbers.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.gesture = 0
        self._clock = clock
        self._lock = threading.Lock()
        self._done: list[_Step] = []
        self._undone: list[_Step] = []

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self._done)

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back, and none was made since."""
        return bool(self._undone)

    def note(self, before: Mapping[Key, Any], after: Mapping[Key, Any], *, whole: bool) -> None:
        """Remember a change.

        Args:
            before: values of what changed.
            after: the same names with the new values.
            whole: a step of its own; else it goes on with the last one where that was the same
                drag, or the same parameter a moment ago.
        """
        with self._lock:
            step = _Step(dict(before), dict(after), -1 if whole else self.gesture, self._clock())
            last = self._done[-1] if self._done else None
            if last is not None and self._goes_on(last, step):
                self._done.pop()
                step = _Step(last.before, step.after, last.gesture or step.gesture, step.at_seconds)
            if step.before != step.after:
                self._done.append(step)
            self._undone.clear()
            del self._done[:-_MOST_STEPS]

    def undo(self) -> dict[Key, Any]:
        """Take the last step back: the values to set; none where there is no step."""
        with self._lock:
            if not self._done:
                return {}
            self._undone.append(self._done.pop())
            return self._undone[-1].before

    def redo(self) -> dict[Key, Any]:
        """Do the step again that was taken back last: the values to set."""
        with self._lock:
            if not self._undone:
                return {}
            self._done.append(self._undone.pop())
            return self._done[-1].after

    def _goes_on(self, last: _Step, step: _Step) -> bool:
        if (
            self._undone
            or -1 in (last.gesture, step.gesture)
            or last.before.keys() != step.before.keys()
        ):
            return False
        if last.gesture and step.gesture:
            return last.gesture == step.gesture
        return step.at_seconds - last.at_seconds < _TOGETHER_SECONDS
