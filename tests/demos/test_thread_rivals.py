"""Who the benchmarks compare with: every rival runs every job, and the verdict is as it says."""

import importlib
import threading
from pathlib import Path

import pytest

from toolkit.demos.live_load import Log, play
from toolkit.scheduler import Arrival
from toolkit.scheduler.loads import KINDS

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"
NAMES = ("pool", "priority", "priority_chunks", "to_thread", "nice_threads")
MS = 1_000_000
ARRIVALS = (
    Arrival(0, "cam1", (MS,), 10 * MS, key="cam1"),
    Arrival(0, "chat", (MS, MS, MS)),
    Arrival(0, "embed", (MS, MS)),
)
TRAINING = Arrival(0, "train", (MS, MS), repeats=True)


@pytest.fixture
def module(monkeypatch):
    """A module that lies beside the benchmarks."""
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    return importlib.import_module


@pytest.fixture
def rivals(module, monkeypatch):
    monkeypatch.setattr(module("thread_rivals").os, "setpriority", lambda *_: None)
    return module("measured_load").RIVALS


def played(rival, arrivals, *, quanta):
    """Let the end come once so many quanta have run."""
    ran = threading.Semaphore(0)
    log = Log(arrivals, lambda kind, cost_ns: ran.release())

    def wait(seconds):
        if log.clock() >= log.begin_ns:  # the last sleep: all has come
            for _ in range(quanta):
                assert ran.acquire(timeout=60)

    def make(log):
        log.begin_ns = log.clock()
        return rival(log, KINDS, 2)

    play(log, make, seconds=60, sleep=wait)
    return log


@pytest.mark.parametrize("name", NAMES)
def test_a_rival_runs_every_quantum_of_every_job(rivals, name):
    log = played(rivals[name], ARRIVALS, quanta=6)
    first = {kind: len(log.first_ns(kind)) for kind in ("cam1", "chat", "embed")}
    assert first == {"cam1": 1, "chat": 1, "embed": 1}
    assert log.outcome(name, cores=2).kinds["chat"].released == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_rival_trains_on_until_the_load_is_over_and_leaves_no_thread(rivals, name):
    before = set(threading.enumerate())
    log = played(rivals[name], (TRAINING,), quanta=6)
    assert log.is_over
    assert set(threading.enumerate()) <= before


def test_a_rival_skips_a_frame_while_the_last_one_of_its_key_is_not_done(rivals):
    class Holds(rivals["pool"]):
        def put(self, kind, job):
            pass

    frames = [Arrival(0, "cam1", (MS,), 10 * MS, key="cam1")] * 3
    log = played(Holds, frames, quanta=0)
    assert log.outcome("held", cores=2).kinds["cam1"].shed == 2


def figures(module, missed, *, background=80.0, first=100.0):
    return module("measured_load").Figures(missed, 0, 0, 0, 0, first, 0, background, 0, 1, 0)


def test_the_bar_is_a_fifth_of_the_best_rival_that_lets_the_others_live(module):
    medians = {name: figures(module, 99.0) for name in NAMES}
    medians["priority_chunks"] = figures(module, 20.0)
    medians["nice_threads"] = figures(module, 5.0, first=740.0)
    medians["priority"] = figures(module, 4.0, background=10.0)
    assert module("bench_schedule").allowed_misses(medians) == 4.0


def test_the_bar_is_half_a_percent_where_no_rival_is_fair_or_one_is_very_good(module):
    allowed = module("bench_schedule").allowed_misses
    medians = {name: figures(module, 99.0, background=0.0) for name in NAMES}
    assert allowed(medians) == 0.5
    assert allowed({**medians, "pool": figures(module, 1.0)}) == 0.5


def test_the_simulator_is_close_within_a_factor_of_two_or_one_point(module):
    off = module("bench_simulated").off
    assert off(10.0, 20.0) == off(20.0, 10.0) == 1.0
    assert off(0.0, 1.0) == 1.0
    assert off(0.2, 0.9) == pytest.approx(0.7)
    assert off(10.0, 30.0) == 1.5


def test_pairs_in_another_order_are_counted_and_equals_are_in_any(module):
    swapped = module("bench_simulated").swapped
    measured = dict(zip((*NAMES[:3], "guard", "lanes"), (90, 60, 20, 1, 1), strict=True))
    assert swapped(measured, measured | {"guard": 2}) == 0
    assert swapped(measured, measured | {"pool": 50}) == 1
