"""Who takes away what a session put in place? The last one that closes, however it ends.

Some things can be heard only process-wide: a callback of the garbage collector, an attribute of a
library. They are put in place by the first session that opens, and taken away by the last.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Shared"]


class Shared:
    """In place while anybody holds it, on any thread.

    An interrupt may come anywhere: whoever was stopped on the way calls `leave`, once more if need
    be.

    Args:
        put: puts it in place.
        take: takes it away, also what `put` or `take` did before it was stopped.
    """

    def __init__(self, put: Callable[[], None], take: Callable[[], None]) -> None:
        self._put = put
        self._take = take
        self._lock = threading.Lock()
        self._owners: set[object] = set()

    @property
    def is_held(self) -> bool:
        """Whether anybody holds it."""
        return bool(self._owners)

    def enter(self, owner: object) -> None:
        """Hold it for `owner`."""
        with self._lock:
            is_first = not self._owners
            self._owners.add(owner)
            if is_first:
                self._put()

    def leave(self, owner: object) -> None:
        """Hold it no longer for `owner`; nothing happens where it was not held."""
        with self._lock:
            self._owners.discard(owner)
            if not self._owners:
                self._take()
