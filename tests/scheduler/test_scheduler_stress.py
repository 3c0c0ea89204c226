"""200 000 tasks that fail, await, are cancelled and replaced, on real threads: none is lost."""

import random
import threading
from concurrent import futures
from contextlib import suppress

import pytest

from toolkit.scheduler import Kind, Scheduler, State

TASKS = 100_000  # in each of the two tests
KINDS = {
    "frame": "CRITICAL",
    "chat": "HIGH",
    "embed": Kind("NORMAL", max_queued=2_000),
    "train": "LOW",
    "speculate": Kind("IDLE", max_queued=500, overflow="shed"),
}


class Load:
    """Submits what chance says, and cancels some of it; the last one awaits what it is given."""

    def __init__(self, scheduler, seed):
        self.scheduler = scheduler
        self.chance = random.Random(seed)
        self.handles = []
        self.begun = [0] * TASKS

    def run(self, outside):
        for place in range(TASKS - 1):
            self.handles.append(self.submit(place))
            if self.chance.random() < 0.05:
                self.chance.choice(self.handles[-50:]).cancel()
        self.handles.append(self.scheduler.submit(self.wait, TASKS - 1, outside, kind="chat"))

    def submit(self, place):
        draw = self.chance.random()
        if draw < 0.6:
            work, args = self.call, (place,)
        elif draw < 0.7:
            work, args = self.fail, (place,)
        elif draw < 0.9 and self.handles:
            work, args = self.wait, (place, self.chance.choice(self.handles[-20:]))
        else:
            work, args = self.steps, (place,)
        return self.scheduler.submit(
            work,
            *args,
            kind=self.chance.choice(list(KINDS)),
            deadline_seconds=self.chance.choice((None, 0.01)),
            optional=self.chance.random() < 0.1,
            key=self.chance.choice((None, None, None, "a", "b")),
        )

    def call(self, place):
        self.begun[place] += 1
        return place

    def fail(self, place):
        self.begun[place] += 1
        raise ValueError(place)

    def wait(self, place, handle):
        self.begun[place] += 1
        with suppress(ValueError, futures.CancelledError):
            yield handle
        return place

    async def steps(self, place):
        self.begun[place] += 1
        return place


@pytest.mark.parametrize(("seed", "drain"), [(1, True), (2, False)])
def test_a_hundred_thousand_tasks_and_a_shutdown_lose_nothing(seed, drain):
    scheduler = Scheduler(KINDS, workers=2, mode=("lanes", "guard")[drain])
    load, outside = Load(scheduler, seed), futures.Future()
    if drain:
        outside.set_result(None)
    load.run(outside)
    left = scheduler.shutdown(drain=drain)
    assert [one for one in load.handles if not one.done()] == []
    assert left.running == ()
    assert (load.handles[-1] in left.cancelled) is not drain
    assert not drain or left.cancelled == ()
    assert scheduler.threads.live == set()
    assert max(load.begun) == 1
    check_counts(scheduler, load)
    assert not any(one.name.startswith("worker ") for one in threading.enumerate())


def check_counts(scheduler, load):
    """What the statistics say is what became of the tasks."""
    figures = scheduler.statistics().values()
    states = [one.task.state for one in load.handles]
    assert sum(one.released for one in figures) == TASKS
    assert sum(one.done for one in figures) == states.count(State.DONE)
    assert sum(one.failed for one in figures) == states.count(State.FAILED)
    assert sum(one.cancelled for one in figures) == states.count(State.CANCELLED)
    assert sum(one.shed for one in figures) == states.count(State.SHED)
    assert all(one.queued == 0 for one in figures)
    for place, handle in enumerate(load.handles):
        if handle.task.state is State.DONE:
            assert handle.result() == place
