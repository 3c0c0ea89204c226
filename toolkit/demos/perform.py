"""How does a simulated load run for real? As kernels of torch, for as long as the load says."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.recording import Recording

if TYPE_CHECKING:
    from toolkit.scheduler import Scheduler
    from toolkit.scheduler.arrivals import Arrival

__all__ = ["perform", "recorded"]


def perform(
    arrivals: Sequence[Arrival],
    scheduler: Scheduler,
    *,
    seconds: float,
    kernel: Callable[[], object] | None = None,
) -> None:
    """Let a load come to real threads, and cancel what is left of it. Blocks for `seconds`.

    A quantum repeats `kernel` until its thread had a core for as long as the load says.

    Args:
        arrivals: the load, in order of release. What it awaits is ignored.
        scheduler: runs it; it is shut down afterwards.
        seconds: for how long.
        kernel: a short call that computes; a product of matrices when left out.
    """
    kernel = kernel or _product()
    begin = time.perf_counter()
    for one in arrivals:
        time.sleep(max(0.0, begin + one.release_ns / 1e9 - time.perf_counter()))
        due_ns = one.deadline_ns - one.release_ns
        scheduler.submit(
            _steps(one, kernel),
            kind=one.kind,
            deadline_seconds=None if one.deadline_ns == NEVER else due_ns / 1e9,
            optional=one.optional,
            key=one.key,
        )
    time.sleep(max(0.0, begin + seconds - time.perf_counter()))
    scheduler.shutdown(drain=False)


def recorded(scheduler: Scheduler) -> Recording:
    """What a scheduler's trace still has."""
    delta = scheduler.trace.since(0)
    return Recording.of(scheduler.snapshot(), delta.data, delta.lost)


def _steps(arrival: Arrival, kernel: Callable[[], object]) -> Iterator[None]:
    is_begun = False
    while arrival.repeats or not is_begun:
        for quantum_ns in arrival.quanta_ns:
            if is_begun:
                yield
            is_begun = True
            until_ns = time.thread_time_ns() + quantum_ns
            while time.thread_time_ns() < until_ns:
                kernel()


def _product() -> Callable[[], object]:
    import torch

    matrix = torch.rand(96, 96)
    return lambda: torch.mm(matrix, matrix)
