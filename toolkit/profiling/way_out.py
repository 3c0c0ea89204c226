"""How does a block end if an interrupt comes before its end begins? By a way out that is made in C.

Python looks for signals when a function of its own begins. So an interrupt may stop an `__exit__`
before its first line, and nobody calls it a second time. The one here leads through C alone into a
generator that waits inside of a `try`: there an interrupt finds a handler, wherever it comes.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["WayOut"]


class WayOut:
    """The `__exit__` of context managers that live as a generator: it closes that.

    Args:
        life: the name of the attribute that holds the generator.
    """

    def __init__(self, life: str) -> None:
        self._life = life

    def __get__(self, owner: object, kind: type) -> Callable[..., None]:
        if owner is None:  # an ExitStack asks the class
            return self._leave
        return _Closing(getattr(owner, self._life)).__exit__

    def _leave(self, owner: object, *_: object) -> None:
        getattr(owner, self._life).close()


class _Closing(io.IOBase):
    """For its `__exit__`, which is made in C and calls `close`, whatever it is given."""

    # Else its finaliser calls `close`, too. A property would run Python there.
    closed = True  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    def __init__(self, life: Generator[Any]) -> None:
        self.close = life.close
