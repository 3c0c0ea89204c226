"""What if work comes faster than it is done? One item is worked on, and only the newest waits.

The item is taken when the task begins, not when it is submitted: however long the task was queued,
it works on what is newest then. So there is one task at a time, and never a queue of old items.
"""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from toolkit.scheduler import Handle

__all__ = ["Newest"]

Item = TypeVar("Item")


class Newest(Generic[Item]):
    """A task at a time, each for the newest item that was put in.

    Args:
        submit: hands a generator function to a scheduler, and answers the handle.
        work: what a task does with its item; a generator.
        skip: is told of each item that no task took; it may be called on any thread.

    Attributes:
        handle: of the task that is under way, or of the last one; None before the first.
    """

    def __init__(
        self,
        submit: Callable[[Callable[[], Generator[Any, Any, Any]]], Handle],
        *,
        work: Callable[[Item], Generator[Any, Any, Any]],
        skip: Callable[[Item], object],
    ) -> None:
        self.handle: Handle | None = None
        self._submit = submit
        self._work = work
        self._skip = skip
        self._lock = threading.Lock()  # held for a few assignments, never while anything runs
        self._idle = threading.Event()
        self._idle.set()
        self._waiting: Item | None = None
        self._is_under_way = False
        self._has_begun = False
        self._is_closed = False

    def put(self, item: Item) -> None:
        """Let `item` be worked on next; it takes the place of one that waits. Never blocks.

        Raises:
            Exception: what the scheduler raises when it takes no task; `item` was skipped then.
        """
        with self._lock:
            skipped: Item | None = item
            is_first = not (self._is_closed or self._is_under_way)
            if not self._is_closed:
                skipped, self._waiting = self._waiting, item
                self._is_under_way = True
                self._idle.clear()
        if skipped is not None:
            self._skip(skipped)
        if is_first:
            self._begin()

    def wait(self, timeout_seconds: float | None = None) -> bool:
        """Block until no task is under way and no item waits, or until the time is over.

        Returns:
            Whether that is so.
        """
        return self._idle.wait(timeout_seconds)

    def close(self) -> Handle | None:
        """Skip what waits and cancel what is under way, which ends with its quantum.

        Returns:
            The handle of what is still under way, or None.
        """
        with self._lock:
            self._is_closed = True
            handle = self.handle if self._is_under_way else None
        self._skip_waiting()
        if handle is not None:
            handle.cancel()
        return handle if handle is not None and not handle.done() else None

    # -- inside -----------------------------------------------------------------------------------

    def _begin(self) -> None:
        try:
            handle = self._submit(self._turn)
        except BaseException:
            self._skip_waiting()
            self._rest()
            raise
        self.handle = handle
        handle.add_done_callback(self._ended)

    def _turn(self) -> Generator[Any, Any, Any]:
        with self._lock:
            item, self._waiting = self._waiting, None
            self._has_begun = True
        return None if item is None else (yield from self._work(item))

    def _ended(self, _: object) -> None:
        """Begin with what came meanwhile; but a task that was shed before it began was for that."""
        if not self._has_begun:
            self._skip_waiting()
        if self._rest():
            return
        with suppress(Exception):  # it is skipped, and whoever puts the next one in hears why
            self._begin()

    def _rest(self) -> bool:
        """Nothing is under way from now on, unless an item waits."""
        with self._lock:
            self._has_begun = False
            self._is_under_way = is_more = self._waiting is not None
            if not is_more:
                self._idle.set()
        return not is_more

    def _skip_waiting(self) -> None:
        with self._lock:
            item, self._waiting = self._waiting, None
        if item is not None:
            self._skip(item)
