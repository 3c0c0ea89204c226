"""How is work released at a rate? As frames come from a camera: one each period, newest wins."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from toolkit.scheduler.executors.threads import Closed
from toolkit.scheduler.kinds import QueueFull

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.scheduler.handle import Handle
    from toolkit.scheduler.scheduler import Scheduler

__all__ = ["Overcommitted", "Periodic"]


class Overcommitted(RuntimeError):
    """Periodic critical work would need more than there is. Carries `share` and `workers`."""

    def __init__(self, kind: str, share: float, workers: int) -> None:
        super().__init__(
            f"with {kind!r}, periodic critical work would take {share:.2f} of {workers} workers: "
            "lower its rate or its cost, give it a lower level, or use more workers."
        )
        self.share = share
        self.workers = workers


class Periodic:
    """A kind of work with a declared rate.

    Attributes:
        kind: its name.
        period_ns: time between two releases.
        skipped: releases that `run` left out because they were late themselves, or found no room.
    """

    def __init__(self, scheduler: Scheduler, kind: str, period_ns: int) -> None:
        self._scheduler = scheduler
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self.kind = kind
        self.period_ns = period_ns
        self.skipped = 0

    def __repr__(self) -> str:
        return f"Periodic({self.kind}, {1e9 / self.period_ns:.4g} a second)"

    def submit(self, work: Any, *args: Any, optional: bool = False) -> Handle:
        """Release one: wanted within a period, and replaced by the next while it has not begun."""
        return self._scheduler.submit(
            work,
            *args,
            kind=self.kind,
            deadline_seconds=self.period_ns / 1e9,
            optional=optional,
            key=("periodic", self.kind),
        )

    def run(self, work: Callable[[], Any]) -> Periodic:
        """Release `work` each period, from a thread of its own, until `stop`. Gives itself back.

        Where the kind's queue is full and says "error", a release is skipped.

        Raises:
            TypeError: `work` cannot be called anew each time.
            RuntimeError: it runs already.
        """
        if not callable(work):
            raise TypeError(f"a {type(work).__name__} cannot be called each period.")
        if self._thread is not None and self._thread.is_alive() and not self._stopped.is_set():
            raise RuntimeError(f"{self!r} runs already: call stop() before it runs something else.")
        self._stopped = threading.Event()
        self._thread = threading.Thread(
            target=self._release,
            args=(work, self._stopped),
            daemon=True,
            name=f"releases of {self.kind}",
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Release no more; what was released goes on."""
        self._stopped.set()
        if self._thread not in (None, threading.current_thread()):
            self._thread.join()

    def _release(self, work: Callable[[], Any], stopped: threading.Event) -> None:
        clock = self._scheduler.clock
        due_ns = clock()
        while not stopped.wait(max(due_ns - clock(), 0) / 1e9):
            if self._scheduler.is_closed:
                return
            try:
                self.submit(work)
            except QueueFull:
                self.skipped += 1
            except Closed:
                return
            late = (clock() - due_ns) // self.period_ns
            self.skipped += late
            due_ns += self.period_ns * (late + 1)
