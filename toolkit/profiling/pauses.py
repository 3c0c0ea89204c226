"""When did the garbage collector stop the thread? A pause is charged to whom it happened to.

The collector runs on the thread whose allocation was one too many, in the middle of whatever that
thread does; the stage that is open there waits, and so it pays, whoever made the garbage. That is
also why a pause has no source line. Seen are the collections of Python's cycle collector, forced
ones included; objects that die because nobody refers to them any more are none of its business.

Python swallows whatever is raised in a callback of the collector. A function would take an
interrupt that came during the pause, and lose it: so the callbacks here run no Python at all. They
write down when it was, and the recorder reads that between two stages.
"""

from __future__ import annotations

import gc
import threading
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from toolkit.hooks import Event
from toolkit.profiling.shared import Shared

if TYPE_CHECKING:
    from collections.abc import Callable

    _Map = map[None]
    _Deque = deque[dict[str, int]]
else:
    _Map, _Deque = map, deque

__all__ = ["PAUSES", "Pause", "Pauses", "hearing_pauses"]

_KEPT = 1000  # pauses of one thread that nobody takes
_When = tuple[int, int]  # nanoseconds, thread


@dataclass(frozen=True, slots=True)
class Pause:
    """One collection."""

    generation: int
    t_ns: int
    duration_ns: int

    def to_event(self, stage: str, frame: int) -> Event:
        """The event of it, charged to the stage and frame that it stopped."""
        return Event(
            "gc",
            stage=stage,
            op=f"generation {self.generation}",
            t_ns=self.t_ns,
            duration_ns=self.duration_ns,
            frame=frame,
        )


# The collector calls `callback(phase, info)`, with phase "start" or "stop". `setattr` of an object
# is such a callable, and a property whose setter is made in C takes it from there: to set `start`
# moves an iterator on, which writes down the time, or appends what is known.
class _AtStart(_Map):
    __slots__ = ("stop",)
    start = property(fset=next)


class _AtStop(_Map):
    __slots__ = ("start",)
    stop = property(fset=next)


class _Known(_Deque):
    __slots__ = ("stop",)
    start = property(fset=_Deque.append)


class Pauses:
    """The collections since it was cleared, by thread.

    Args:
        clock: tells nanoseconds, as `time.perf_counter_ns` does.

    Attributes:
        callbacks: for `gc.callbacks`, in this order.
        stops: ends of collections that nobody asked about since.
        waiting: those of each thread that it did not take yet.
    """

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._known = _Known()
        self._starts: deque[_When] = deque()
        self.stops: deque[_When] = deque()
        self.waiting: dict[int, deque[Pause]] = {}
        self._lock = threading.RLock()
        when = zip(iter(clock, None), iter(threading.get_ident, None), strict=False)
        self.callbacks: tuple[Callable[..., Any], ...] = (
            partial(setattr, self._known),
            partial(setattr, _AtStart(self._starts.append, when)),
            partial(setattr, _AtStop(self.stops.append, when)),
        )

    def has_any(self) -> bool:
        """Whether there was one on the calling thread that it did not take yet."""
        if self.stops:
            self._sort()
        return bool(self.waiting) and threading.get_ident() in self.waiting

    def take(self) -> deque[Pause] | None:
        """What there was on the calling thread since it last asked; None if nothing was."""
        if self.stops:
            self._sort()
        return self.waiting.pop(threading.get_ident(), None) if self.waiting else None

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            for one in (self._known, self._starts, self.stops, self.waiting):
                one.clear()

    def _sort(self) -> None:
        with self._lock:
            while self.stops:
                stop_ns, thread = self.stops.popleft()
                if not self._starts or self._starts[0][0] > stop_ns:
                    continue  # it began before anybody listened
                start_ns, _ = self._starts.popleft()
                generation = self._known.popleft()["generation"]
                mine = self.waiting.setdefault(thread, deque(maxlen=_KEPT))
                mine.append(Pause(generation, start_ns, stop_ns - start_ns))


PAUSES = Pauses()


def _put() -> None:
    PAUSES.clear()
    gc.callbacks.extend(PAUSES.callbacks)


def _take() -> None:
    for one in PAUSES.callbacks:
        if one in gc.callbacks:
            gc.callbacks.remove(one)


hearing_pauses = Shared(_put, _take)
