"""When did the garbage collector stop the thread? A pause is charged to whom it happened to.

The collector runs on the thread whose allocation was one too many, in the middle of whatever that
thread does; the stage that is open there waits, and so it pays, whoever made the garbage. Seen are
the collections of Python's cycle collector, forced ones included; objects that die because nobody
refers to them any more are none of its business.
"""

from __future__ import annotations

import gc
import threading
import time
from typing import TYPE_CHECKING

from toolkit import hooks
from toolkit.profiling.shared import Shared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["Pauses", "hearing_pauses"]


class Pauses:
    """What `gc.callbacks` holds: reports each collection where the context listens.

    Args:
        clock: tells nanoseconds, as `time.perf_counter_ns` does.
    """

    def __init__(self, clock: Callable[[], int] = time.perf_counter_ns) -> None:
        self._clock = clock
        self._begun: dict[int, int] = {}

    def __call__(self, phase: str, info: Mapping[str, int]) -> None:
        """A collection starts or stops on this thread."""
        thread = threading.get_ident()
        if phase == "start":
            self._begun[thread] = self._clock()
            return
        begin_ns = self._begun.pop(thread, 0)
        if begin_ns:
            hooks.report(
                "gc",
                op=f"generation {info['generation']}",
                t_ns=begin_ns,
                duration_ns=self._clock() - begin_ns,
            )


_pauses = Pauses()


def _put() -> None:
    gc.callbacks.append(_pauses)


def _take() -> None:
    if _pauses in gc.callbacks:
        gc.callbacks.remove(_pauses)


hearing_pauses = Shared(_put, _take)
