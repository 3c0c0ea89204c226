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
    """Context manager, entered any number of times by any thread: in place while one is inside.

    Args:
        put: puts it in place.
        take: takes it away, also what `put` did before it raised.
    """

    def __init__(self, put: Callable[[], None], take: Callable[[], None]) -> None:
        self._put = put
        self._take = take
        self._lock = threading.Lock()
        self._inside = 0

    def __enter__(self) -> None:
        with self._lock:
            if not self._inside:
                try:
                    self._put()
                except BaseException:
                    self._take()
                    raise
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                self._take()
