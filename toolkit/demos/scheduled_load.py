"""How does the scheduler run a load? Each arrival is a task, whose quanta end with `yield`."""

from __future__ import annotations

import inspect
from collections.abc import Generator, Mapping

from toolkit.demos.live_load import Log
from toolkit.scheduler import NEVER, Scheduler, State, Task

__all__ = ["DEFAULT_MODE", "ScheduledLoad"]

DEFAULT_MODE = inspect.signature(Scheduler).parameters["mode"].default
_STOP_SECONDS = 5.0


class ScheduledLoad:
    """The load on a scheduler of its own.

    Args:
        log: notes what happens.
        scheduler: runs it; shut down at `stop`.
        rates: releases per second of the kinds that are periodic.
    """

    def __init__(self, log: Log, scheduler: Scheduler, rates: Mapping[str, float]) -> None:
        self._log, self._scheduler = log, scheduler
        for kind, fps in rates.items():
            scheduler.periodic(kind, fps=fps)

    def release(self, index: int) -> None:
        """Submit the arrival with this index."""
        arrival = self._log.arrivals[index]
        handle = self._scheduler.submit(
            self._quanta(index),
            kind=arrival.kind,
            deadline_seconds=self._seconds_until(arrival.deadline_ns),
            optional=arrival.optional,
            key=arrival.key,
        )
        task = handle.task
        handle.add_done_callback(lambda _: self._note(task, index))

    def stop(self) -> None:
        """Cancel what is left, at the end of its quantum."""
        self._scheduler.shutdown(drain=False, timeout_seconds=_STOP_SECONDS)

    def _seconds_until(self, deadline_ns: int) -> float | None:
        if deadline_ns == NEVER:
            return None
        return (self._log.begin_ns + deadline_ns - self._log.clock()) / 1e9

    def _quanta(self, index: int) -> Generator[None]:
        number = 0
        while not self._log.quantum(index, number):
            yield
            number += 1

    def _note(self, task: Task, index: int) -> None:
        if task.state is State.SHED:
            self._log.shed(index)
