"""What comes of the standard load on this machine? Systems by turns, each on the same arrivals.

`bench_schedule` asks who does best, `bench_simulated` whether the simulator knows it before.
"""

from __future__ import annotations

import os
import secrets
import statistics
import sys
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

from thread_rivals import NiceThreads, Pool, Priority, PriorityChunks, Rival, ToThread

from toolkit.demos.evaluation_run import in_turn
from toolkit.demos.kernels import Kernel
from toolkit.demos.live_load import Contender, Log, play, quantile_ms
from toolkit.demos.scheduled_load import ScheduledLoad
from toolkit.scheduler import Level, Scheduler
from toolkit.scheduler.lanes import Mode
from toolkit.scheduler.loads import BACKGROUND, CORES, KINDS, load_of, workload

RIVALS: dict[str, type[Rival]] = {
    "pool": Pool,
    "priority": Priority,
    "priority_chunks": PriorityChunks,
    "to_thread": ToThread,
    "nice_threads": NiceThreads,
}
OURS: tuple[Mode, ...] = ("guard", "lanes", "both")
TITLES = {
    "pool": "ThreadPoolExecutor",
    "priority": "PriorityQueue threads, whole jobs",
    "priority_chunks": "PriorityQueue threads, chunks",
    "to_thread": "asyncio.to_thread",
    "nice_threads": "one thread per kind of job, nice",
    **{mode: f"Scheduler, {mode}" for mode in OURS},
}
SYSTEMS = tuple(TITLES)
RATES = {"cam1": 60, "cam2": 30, "overlay": 30}  # a second
CRITICAL = tuple(kind for kind, level in KINDS.items() if level == Level.CRITICAL)
SWITCH_SECONDS = 0.0005  # for all alike: with Python's own 5 ms the rivals would do worse
_SEEDS = 1_000_000


class Figures(NamedTuple):
    """What one run, or the median of several, came to.

    Attributes:
        missed: CRITICAL deadlines that were missed, in percent.
        frame_p50_ms, frame_p95_ms, frame_p99_ms: of frames that were done, from release to end.
        first_p50_ms, first_p95_ms: until a chat's first token.
        overlay: overlays that were done in time, in percent.
        background: background work done, in percent of what capacity leaves after the offered
            foreground.
        others: of all cores, what other processes had meanwhile, in percent.
        cost, cost_noise: CPU time of a quantum over what it was said to cost: mean, and relative
            standard deviation. At 1.1 a load of 1.5x was one of 1.65x.
    """

    missed: float
    frame_p50_ms: float
    frame_p95_ms: float
    frame_p99_ms: float
    first_p50_ms: float
    first_p95_ms: float
    overlay: float
    background: float
    others: float
    cost: float
    cost_noise: float


def fresh_seed() -> int:
    """The seed of a first run, drawn anew."""
    return secrets.randbelow(_SEEDS)


def measure(
    kernel: Kernel,
    load: float,
    *,
    runs: int,
    seconds: float,
    first_seed: int,
    systems: tuple[str, ...] = SYSTEMS,
    before_turn: Callable[[], object] = lambda: None,
) -> dict[str, list[Figures]]:
    """Figures of each run of each system; run `n` of all has the seed `first_seed + n`.

    Before each turn, in which every system runs once, the kernel is measured anew, for a processor
    changes its speed; then `before_turn` is called.
    """
    found: dict[str, list[Figures]] = {name: [] for name in systems}
    for turn in range(runs):
        kernel.measure()
        before_turn()
        arrivals = workload(load, seconds=seconds, seed=first_seed + turn)
        for name, _ in in_turn(found, turn):
            costs = _Costs(kernel)
            log = Log(arrivals, costs.run)
            others = _Others()
            play(log, maker(name), seconds=seconds)
            found[name].append(figures(log, costs, others.percent()))
            which = f"{load:g}x, run {turn + 1}, seed {first_seed + turn}"
            told = f"{which}: {TITLES[name]}: {found[name][-1].missed:.2f} %"
            sys.stderr.write(told + "\n")
    return found


def median_of(runs: list[Figures]) -> Figures:
    """Each figure by itself."""
    return Figures(*(statistics.median(column) for column in zip(*runs, strict=True)))


def maker(name: str) -> Callable[[Log], Contender]:
    """Makes who runs a log's load."""
    if name in RIVALS:
        return partial(RIVALS[name], levels=KINDS, cores=CORES)

    def make(log: Log) -> Contender:
        scheduler = Scheduler(
            KINDS, workers=CORES, mode=cast("Mode", name), switch_interval_seconds=None
        )
        return ScheduledLoad(log, scheduler, RATES)

    return make


class _Costs:
    """Does the work of quanta, and notes what each of them cost."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._over: list[float] = []

    def run(self, _: str, cost_ns: int) -> None:
        begin_ns = time.thread_time_ns()
        self._kernel.run(cost_ns)
        self._over.append((time.thread_time_ns() - begin_ns) / cost_ns)

    def mean(self) -> float:
        return statistics.fmean(self._over)

    def noise(self) -> float:
        return statistics.pstdev(self._over) / self.mean()


def figures(log: Log, costs: _Costs, others: float) -> Figures:
    """The figures of a run that is over."""
    outcome = log.outcome("", cores=CORES)
    frames_ns, first_ns = log.latencies_ns(CRITICAL), log.first_ns("chat")
    overlay = outcome.miss_rate(["overlay"])
    foreground = [one for one in log.arrivals if one.kind not in BACKGROUND]
    left = 1 - load_of(foreground, seconds=outcome.seconds)
    return Figures(
        missed=100 * outcome.miss_rate(CRITICAL),
        frame_p50_ms=quantile_ms(frames_ns, 0.50),
        frame_p95_ms=quantile_ms(frames_ns, 0.95),
        frame_p99_ms=quantile_ms(frames_ns, 0.99),
        first_p50_ms=quantile_ms(first_ns, 0.50),
        first_p95_ms=quantile_ms(first_ns, 0.95),
        overlay=100 * (1 - overlay),
        background=100 * outcome.share(BACKGROUND) / left,
        others=others,
        cost=costs.mean(),
        cost_noise=costs.noise(),
    )


@contextmanager
def two_cores() -> Generator[None]:
    """Run on two cores, with the same switch interval for all, while the block lasts."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_SECONDS)
    before = os.sched_getaffinity(0) if hasattr(os, "sched_setaffinity") else None
    if before:
        os.sched_setaffinity(0, sorted(before)[:CORES])
    try:
        yield
    finally:
        sys.setswitchinterval(interval)
        if before:
            os.sched_setaffinity(0, before)


class _Others:
    """What other processes have of all cores, from now on; 0 where the system does not say."""

    def __init__(self) -> None:
        self._busy, self._all = _ticks()
        self._own = time.process_time()

    def percent(self) -> float:
        busy, every = _ticks()
        own = (time.process_time() - self._own) * _tick_rate()
        passed = every - self._all
        return max(0.0, 100 * (busy - self._busy - own) / passed) if passed else 0.0


def _ticks() -> tuple[int, int]:
    """Ticks of all cores in which something ran, and all ticks."""
    path = Path("/proc/stat")
    if not path.exists():
        return 0, 0
    first = path.read_text(encoding="ascii").partition("\n")[0]
    ticks = [int(word) for word in first.split()[1:9]]
    return sum(ticks) - ticks[3] - ticks[4], sum(ticks)  # idle, and waiting for a disk


def _tick_rate() -> int:
    return os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def rows(load: float, found: dict[str, list[Figures]]) -> Iterator[dict[str, Any]]:
    """Plain data: the median of each system, and every run's misses."""
    for name, runs in found.items():
        yield {
            "load": load,
            "system": name,
            **{key: round(value, 3) for key, value in median_of(runs)._asdict().items()},
            "missed_of_each_run": [round(run.missed, 3) for run in runs],
        }
