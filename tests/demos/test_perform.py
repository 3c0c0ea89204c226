"""Does a load that was made for the simulator run for real, and leave a recording?"""

import pytest

from toolkit.demos.perform import perform, recorded
from toolkit.scheduler import NEVER, Arrival, Happening, Scheduler

MS = 1_000_000


@pytest.fixture
def scheduler():
    return Scheduler({"frame": "CRITICAL", "train": "LOW"}, workers=1, mode="levels")


def test_each_quantum_of_a_load_computes_and_is_recorded(scheduler):
    kernels = []
    load = [Arrival(0, "frame", (MS, MS, MS), deadline_ns=10**12)]
    perform(load, scheduler, seconds=0, kernel=lambda: kernels.append(1))
    happened = [event.happening for event in recorded(scheduler).events]
    assert scheduler.is_closed
    assert happened[0] == Happening.SUBMIT
    assert happened[-1] in (Happening.DONE, Happening.CANCEL)


def test_what_repeats_for_ever_is_cancelled_in_the_end(scheduler):
    load = [Arrival(0, "train", (MS,), repeats=True)]
    perform(load, scheduler, seconds=0.05)
    assert scheduler.statistics()["train"].cancelled == 1
    assert scheduler.statistics()["train"].ran_seconds > 0


def test_what_a_load_says_of_a_task_is_said_to_the_scheduler(scheduler):
    load = [
        Arrival(0, "train", (MS,), repeats=True),
        Arrival(0, "frame", (MS,), deadline_ns=7 * MS, optional=True, key="frame"),
    ]
    perform(load, scheduler, seconds=0)
    submitted = [
        event for event in recorded(scheduler).events if event.happening == Happening.SUBMIT
    ]
    assert submitted[0].value == NEVER
    assert submitted[1].value - submitted[1].t_ns == pytest.approx(7 * MS, abs=2 * MS)
