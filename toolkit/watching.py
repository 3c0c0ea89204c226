"""Who is told when a parameter changes? Whoever watches, at once, and held by nobody.

A watcher is held weakly: a widget that was closed and forgotten leaves nothing behind. Where nobody
watches, a change costs one look at an empty tuple.
"""

from __future__ import annotations

import logging
import threading
import weakref
from types import MethodType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Watchers"]

_log = logging.getLogger(__name__)


class Watchers:
    """Functions that are called after a change, on the thread that made it, with no lock held.

    Two threads that change something at the same time tell at the same time: a watcher reads what
    is true now, it is not told what the change was.
    """

    __slots__ = ("_lock", "_watching")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._watching: tuple[weakref.ref[Any], ...] = ()

    def __len__(self) -> int:
        return sum(one() is not None for one in self._watching)

    def add(self, callback: Callable[[frozenset[str]], object]) -> None:
        """Call `callback(names)` from now on, as long as somebody else holds it.

        Of a method, its object has to be held; a function made in place is gone at once.
        """
        is_method = isinstance(callback, MethodType)
        reference = weakref.WeakMethod(callback) if is_method else weakref.ref(callback)
        with self._lock:
            living = [one for one in self._watching if one() not in (None, callback)]
            self._watching = (*living, reference)

    def remove(self, callback: Callable[[frozenset[str]], object]) -> None:
        """Call it no longer; nothing happens where it was not called."""
        with self._lock:
            self._watching = tuple(one for one in self._watching if one() not in (None, callback))

    def tell(self, names: frozenset[str]) -> None:
        """Call all of them. One that fails is logged and not called again: the others go on."""
        for reference in self._watching:
            callback = reference()
            if callback is None:
                continue
            try:
                callback(names)
            except Exception:  # noqa: BLE001 - whatever a watcher does, the change is made
                _log.exception("%r failed, and watches no longer", callback)
                self.remove(callback)
