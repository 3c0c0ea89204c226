"""Which session does a budget measure with? One that keeps events, and that can be interrupted.

While a coroutine awaits, its thread works for other tasks; what they use is not its own.
"""

from __future__ import annotations

import types
from typing import TYPE_CHECKING, Any

from toolkit.profiling import capture
from toolkit.profiling.capture import profile
from toolkit.profiling.recorders import this_thread

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

__all__ = ["Recording", "follow"]


class Recording(profile):
    """A session with every event, and with the lines of the user where there is such a level."""

    def __init__(self) -> None:
        super().__init__(_level(capture.LEVELS), keep="all")

    def pause(self) -> None:
        """Leave out what this thread does from now on."""
        this_thread().detach(self._ledger)

    def resume(self) -> None:
        """Record this thread again."""
        this_thread().attach(self._ledger)


@types.coroutine
def follow(recording: Recording, coroutine: Coroutine[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """Await `coroutine`, and record only while it is it that runs. `recording` is paused before."""
    value: Any = None
    error: BaseException | None = None
    while True:
        recording.resume()
        try:
            waiting = coroutine.send(value) if error is None else coroutine.throw(error)
        except StopIteration as stop:
            return stop.value
        finally:
            recording.pause()
        value, error = None, None
        try:
            value = yield waiting
        except BaseException as thrown:  # noqa: BLE001 - the coroutine decides what becomes of it
            error = thrown


def _level(levels: tuple[str, ...]) -> str:
    return "lines" if "lines" in levels else "counts"
