"""What the trace of a real policy says of levels and queues is what the policy has."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scheduler.invented import MS
from toolkit.scheduler import NEVER, Context, Level, Policy, State, Task
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.stories import life_of
from toolkit.scheduler.stretches import Doing, depths, slices, stretches

KINDS = {"frame": "CRITICAL", "chat": "HIGH", "train": "LOW"}
MODES = ("levels", "guard", "lanes", "both")
CONTEXTS = (
    Context("talk", {"chat": "CRITICAL", "train": "HIGH"}),
    Context("rest", {"train": "IDLE", "frame": "NORMAL"}),
)


def recording_of(policy):
    said = {
        "workers": len(policy.workers),
        "lanes": [[lane.first, lane.last] for lane in policy.workers.lanes],
        "kinds": [{"name": kind.name, "base": kind.base} for kind in policy.kinds.values()],
        "contexts": list(policy.contexts),
        "mode": policy.mode,
    }
    delta = policy.trace.since()
    return Recording.of(said, delta.data, delta.lost)


class Driven:
    """Drives a policy by chance: submits, picks, steps, blocks, and what `also` says."""

    def __init__(self, seed, mode, *also):
        self.also = tuple(getattr(self, one) for one in also)
        self.rng = random.Random(seed)
        self.policy = Policy(KINDS, workers=2, mode=mode, contexts=CONTEXTS)
        self.now_ns = 0
        self.tasks = []

    def run(self, steps):
        for _ in range(steps):
            self.now_ns += self.rng.choice((0, 1000, MS, 5 * MS))
            usual = (self.work,) * 12
            self.rng.choice((*usual, *(self.submit,) * 6, *self.also * 2, self.arrive))()
        return self.policy

    def submit(self):
        kind = self.rng.choice(list(KINDS))
        deadline_ns = self.rng.choice((NEVER, self.now_ns + 20 * MS))
        task = Task(
            kind,
            deadline_ns=deadline_ns,
            optional=self.rng.random() < 0.3,
            key=self.rng.choice((None, None, "shared by kinds")),
        )
        self.policy.submit(task, self.now_ns)
        self.tasks.append(task)

    def shift(self):
        self.policy.set_context(self.rng.choice(list(self.policy.contexts)), self.now_ns)

    def cancel(self):
        if self.tasks:
            self.policy.cancel(self.rng.choice(self.tasks), self.now_ns)

    def arrive(self):
        for task in self.tasks:
            if task.state is State.BLOCKED and task.awaits is None:
                self.policy.arrived(task, self.now_ns)
                return

    def work(self):
        worker = self.rng.randrange(len(self.policy.workers))
        task = self.policy.workers.running[worker]
        if task is None:
            self.policy.pick(worker, self.now_ns)
            return
        others = [one for one in self.tasks if not (one.state.is_end or one is task or one.awaits)]
        how = self.rng.randrange(10)
        if how < 2:
            self.policy.step(worker, self.now_ns, MS, end=State.DONE)
        elif how == 2 and others:
            self.policy.step(worker, self.now_ns, MS, awaits=self.rng.choice(others))
        elif how == 3:
            self.policy.step(worker, self.now_ns, MS, awaits=True)
        else:
            self.policy.step(worker, self.now_ns, MS)


@pytest.mark.parametrize("top", ["CRITICAL", "HIGH"])
def test_a_loan_that_ends_while_a_context_outbids_it_is_told_when_the_kind_sinks(top):
    context = Context("up", {"train": top})
    policy = Policy({"train": "LOW"}, workers=1, mode="levels", contexts=[context])
    policy.submit(task := Task("train"), 0)
    policy.inherit(task, Level.HIGH, NEVER, MS)
    policy.set_context("up", 2 * MS)
    policy.disinherit(task, Level.HIGH, NEVER, 3 * MS)
    policy.set_context("default", 4 * MS)
    counted = depths(stretches(recording_of(policy)))
    assert list(counted[-1].queued) == policy.queues.ready == [0, 0, 0, 1, 0]


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(MODES))
def test_depths_and_tasks_read_off_the_trace_are_those_of_the_policy(seed, mode):
    driven = Driven(seed, mode, "shift", "cancel")
    policy = driven.run(300)
    found = stretches(recording_of(policy))
    assert not any(one.begin_is_lost or one.end_is_lost for one in found)
    counted = depths(found)
    assert list(counted[-1].queued if counted else (0,) * 5) == policy.queues.ready
    still = [one for one in found if one.ended is None]
    running = {one.worker: one.task for one in still if one.doing is Doing.RUNNING}
    assert running == {
        worker: task.number for worker, task in enumerate(policy.workers.running) if task
    }
    blocked = {one.task for one in still if one.doing is Doing.BLOCKED}
    assert blocked == {task.number for task in driven.tasks if task.state is State.BLOCKED}
    assert set(slices(found)) <= set(range(len(policy.workers)))


def test_a_task_runs_at_the_level_that_its_kind_has_when_it_begins():
    policy = Policy(KINDS, workers=1, mode="levels", contexts=CONTEXTS)
    policy.submit(task := Task("train"), 0)
    policy.set_context("talk", 1 * MS)
    assert policy.pick(0, 2 * MS) is task
    assert task.level == 1
    assert [one.level for one in stretches(recording_of(policy))] == [3, 1, 1]


def test_who_waits_for_something_whose_kind_sank_lends_it_his_level():
    policy = Policy(KINDS, workers=1, mode="levels", contexts=(Context("sunk", {"chat": "IDLE"}),))
    policy.submit(waiter := Task("frame"), 0)
    assert policy.pick(0, 0) is waiter
    policy.submit(awaited := Task("chat"), 0)
    policy.submit(Task("train"), 0)
    policy.set_context("sunk", 1 * MS)
    policy.step(0, 2 * MS, 2 * MS, awaits=awaited)
    assert policy.pick(0, 2 * MS) is awaited
    told = [sentence.text for sentence in life_of(recording_of(policy), awaited.number)]
    assert "raised from IDLE to CRITICAL: somebody more urgent awaits it" in told


def test_who_lends_only_a_deadline_does_not_hold_a_task_up_when_its_kind_sinks():
    policy = Policy(KINDS, workers=1, mode="levels", contexts=(Context("sunk", {"chat": "IDLE"}),))
    policy.submit(waiter := Task("chat", deadline_ns=5 * MS), 0)
    assert policy.pick(0, 0) is waiter
    policy.submit(awaited := Task("chat"), 0)
    policy.step(0, 1 * MS, MS, awaits=awaited)
    policy.set_context("sunk", 2 * MS)
    policy.submit(other := Task("train"), 2 * MS)
    assert policy.pick(0, 3 * MS) is other
    assert awaited.order_ns == 5 * MS


@pytest.mark.parametrize("kind", ["frame", "train"])
def test_a_context_moves_tasks_that_wait_for_something(kind):
    policy = Policy(KINDS, workers=1, mode="levels", contexts=CONTEXTS)
    policy.submit(task := Task(kind), 0)
    policy.pick(0, 0)
    policy.step(0, 1 * MS, MS, awaits=True)
    policy.set_context("rest", 2 * MS)
    policy.arrived(task, 3 * MS)
    woken = policy.trace.since(policy.trace.count - 1).data
    (event,) = Recording.of({**_nothing(), "workers": 1}, woken).events
    assert event.level == policy.kinds[kind].level


def _nothing():
    return {"lanes": [], "kinds": [], "contexts": [], "mode": "levels"}
