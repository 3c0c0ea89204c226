"""What does this machine cost? Measured in a few seconds, for the simulator to count with.

Run it while nothing else runs. What cannot be seen from outside of a kernel is taken from
`MEASURED`: how long a call holds the interpreter lock before it lets it go. The slice is that which
Linux has by default.
"""

from __future__ import annotations

import math
import os
import queue
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from statistics import fmean, median, pstdev

from toolkit.scheduler.executors.calibration import MEASURED, Calibration
from toolkit.scheduler.scheduler import Scheduler

__all__ = ["calibrate"]

Call = Callable[[], object]
_QUANTILES = 8
_SIGNALS = 200
_QUANTUM_SECONDS = 0.005
_SHARED_SECONDS = 0.5
_NICENESS = 5  # light enough to see, heavy enough to run within the time
_GAP_NS = 1_000_000  # a kernel that took so much longer did not have its core
_STEPS = 2000
_BASE_SLICE_NS = 700_000  # of Linux, times 1 + log2 of the number of cores, of 8 at most


def calibrate(
    kernel: Call, *, initializer: Call | None = None, cost_ns: float | None = None
) -> Calibration:
    """Measure this machine; takes about five seconds of all its cores, and blocks.

    Args:
        kernel: one call that computes 0.05 to 2 ms on one core without the interpreter lock.
        initializer: called once in each thread that runs it; with torch, one that says that each
            thread computes on its own: `lambda: torch.set_num_threads(1)`.
        cost_ns: what one call is said to cost where loads are told in calls, ns of a core; when
            left out, what it costs alone.
    """
    initializer = initializer or _nothing
    initializer()
    kernel_ns, best_ns = _alone(kernel)
    quanta = _beside(kernel, initializer, max(1, round(_QUANTUM_SECONDS * 1e9 / kernel_ns)))
    beside = [fmean(of) for of in quanta]
    nice_step, tick_ns = _on_one_core(kernel, initializer, kernel_ns)
    return replace(
        MEASURED,
        slice_ns=_slice_ns(),
        tick_ns=tick_ns,
        nice_step=nice_step,
        wake_ns=_quantiles(_wakes_ns()),
        overshoot_ns=_quantiles(_overshoots_ns()),
        switch_interval_ns=int(sys.getswitchinterval() * 1e9),
        kernel_ns=round(cost_ns or kernel_ns),
        kernel_noise=median(pstdev(of) / fmean(of) for of in quanta),
        schedule_ns=_step_ns(),
        slowdown=fmean(beside) / (cost_ns or best_ns),
        cost_noise=pstdev(beside) / fmean(beside),
    )


def _alone(kernel: Call) -> tuple[int, float]:
    """How long one takes alone, and when a quantum of them is at its best: ns of its core."""
    for _ in range(20):
        kernel()
    times_ns = _timed_ns(kernel, 100)
    count = max(1, round(_QUANTUM_SECONDS * 1e9 / median(times_ns)))
    return int(median(times_ns)), min(fmean(_timed_ns(kernel, count)) for _ in range(30))


def _timed_ns(kernel: Call, count: int) -> list[int]:
    times_ns: list[int] = []
    for _ in range(count):
        begin_ns = time.thread_time_ns()
        kernel()
        times_ns.append(time.thread_time_ns() - begin_ns)
    return times_ns


def _beside(kernel: Call, initializer: Call, count: int) -> list[list[int]]:
    """How long the `count` kernels of quanta take while all cores run some: ns of a core each."""
    took_ns: list[list[int]] = []

    def work(_: int) -> None:
        initializer()
        end_ns = time.perf_counter_ns() + int(_SHARED_SECONDS * 1e9)
        while time.perf_counter_ns() < end_ns:
            took_ns.append(_timed_ns(kernel, count))

    _in_threads(work, _cores())
    return took_ns


def _on_one_core(kernel: Call, initializer: Call, kernel_ns: int) -> tuple[float, int]:
    """How much lighter a step of niceness makes a thread, and how often threads change, ns.

    Where threads cannot be bound to a core, nothing is measured, and niceness has no effect.
    """
    if sys.platform != "linux":
        return 1.0, MEASURED.tick_ns
    equal_ns, gaps_ns = _shared_core(kernel, initializer, kernel_ns, 0)
    shares_ns, _ = _shared_core(kernel, initializer, kernel_ns, _NICENESS)
    if min(*equal_ns, *shares_ns) == 0:
        return MEASURED.nice_step, MEASURED.tick_ns
    ratio = shares_ns[0] / shares_ns[1] * equal_ns[1] / equal_ns[0]
    tick_ns = sorted(gaps_ns)[len(gaps_ns) // 10] if gaps_ns else MEASURED.tick_ns
    return max(1.0, ratio ** (1 / _NICENESS)), tick_ns


def _shared_core(
    kernel: Call, initializer: Call, kernel_ns: int, niceness: int
) -> tuple[list[int], list[int]]:
    """What two threads had of one core, the second one nice; and for how long they had none."""
    had_ns, gaps_ns = [0, 0], list[int]()
    core = min(os.sched_getaffinity(0))

    def work(number: int) -> None:
        initializer()
        with _bound_to(core):
            if number:
                _lower(niceness)
            cpu_ns, now_ns = time.thread_time_ns(), time.perf_counter_ns()
            end_ns = now_ns + int(_SHARED_SECONDS * 1e9)
            while now_ns < end_ns:
                kernel()
                now_ns, before_ns = time.perf_counter_ns(), now_ns
                if now_ns - before_ns - kernel_ns > _GAP_NS:
                    gaps_ns.append(now_ns - before_ns - kernel_ns)
            had_ns[number] = time.thread_time_ns() - cpu_ns

    _in_threads(work, 2)
    return had_ns, gaps_ns


def _lower(niceness: int) -> None:
    thread = threading.get_native_id()
    before = os.getpriority(os.PRIO_PROCESS, thread)
    os.setpriority(os.PRIO_PROCESS, thread, min(19, before + niceness))


@contextmanager
def _bound_to(core: int) -> Generator[None]:
    thread = threading.get_native_id()
    before = os.sched_getaffinity(thread)
    os.sched_setaffinity(thread, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(thread, before)


def _in_threads(work: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _wakes_ns() -> list[int]:
    """How long after a signal the thread that waits for it runs."""
    bell: queue.SimpleQueue[int] = queue.SimpleQueue()
    took_ns: list[int] = []

    def wait(_: int) -> None:
        took_ns.extend(-bell.get() + time.perf_counter_ns() for _ in range(_SIGNALS))

    waiter = threading.Thread(target=wait, args=(0,))
    waiter.start()
    for _ in range(_SIGNALS):
        time.sleep(0.001)  # until it waits
        bell.put(time.perf_counter_ns())
    waiter.join()
    return took_ns


def _overshoots_ns() -> list[int]:
    """How much too late a sleep of 1 ms ends."""
    late_ns: list[int] = []
    for _ in range(_SIGNALS):
        begin_ns = time.perf_counter_ns()
        time.sleep(0.001)
        late_ns.append(time.perf_counter_ns() - begin_ns - 1_000_000)
    return late_ns


def _step_ns() -> int:
    """How long the end of a quantum takes, with all that belongs to it."""

    def steps() -> Iterator[None]:
        for _ in range(_STEPS):
            yield

    with Scheduler({"step": 0}, workers=1) as scheduler:
        begin_ns = time.process_time_ns()
        scheduler.submit(steps, kind="step").result()
        return (time.process_time_ns() - begin_ns) // _STEPS


def _slice_ns() -> int:
    """By the number of cores of the machine, also of those that this process may not use."""
    return _BASE_SLICE_NS * (1 + int(math.log2(min(os.cpu_count() or 1, 8))))


def _cores() -> int:
    """Those that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def _quantiles(times_ns: list[int]) -> tuple[int, ...]:
    """The middles of as many equal parts."""
    ordered = sorted(times_ns)
    return tuple(
        max(0, ordered[(2 * part + 1) * len(ordered) // (2 * _QUANTILES)])
        for part in range(_QUANTILES)
    )


def _nothing() -> None:
    pass
