"""What runs next, by hand: each rule of the policy for itself."""

import random

import pytest

from tests.scheduler.driven import CONTEXTS, KINDS, MS, Driven
from toolkit.scheduler.kinds import Kind, QueueFull
from toolkit.scheduler.levels import NEVER, Level
from toolkit.scheduler.policy import Policy
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.task import State, Task
from toolkit.scheduler.trace import records


def one_worker(mode="levels", **options):
    return Policy(KINDS, workers=1, mode=mode, contexts=CONTEXTS, **options)


def submitted(policy, kind, now_ns=0, **options):
    policy.submit(task := Task(kind, **options), now_ns)
    policy.workers.wakes = 0  # the driver has woken them
    return task


def happenings(policy, happening):
    events = records(policy.trace.since().data)
    return [event for event in events if event.happening == happening]


def test_the_most_urgent_level_goes_first_and_inside_of_it_the_earliest_deadline():
    policy = one_worker()
    train = submitted(policy, "train")
    late = submitted(policy, "chat", deadline_ns=9 * MS)
    soon = submitted(policy, "chat", deadline_ns=5 * MS)
    order = []
    while task := policy.pick(0, 0):
        order.append(task)
        policy.step(0, 0, 0, end=State.DONE)
    assert order == [soon, late, train]


def test_a_task_gives_way_at_the_end_of_its_quantum_where_more_urgent_work_waits():
    policy = one_worker()
    train = submitted(policy, "train")
    assert policy.pick(0, 0) is train
    assert policy.step(0, 1 * MS, MS)
    chat = submitted(policy, "chat", 1 * MS)
    assert not policy.step(0, 2 * MS, MS)
    assert happenings(policy, Happening.YIELD)[0].reason == Reason.PREEMPTED
    assert policy.pick(0, 2 * MS) is chat


def test_tasks_of_one_level_take_turns_of_ten_milliseconds():
    policy = one_worker()
    first, second = submitted(policy, "train"), submitted(policy, "train")
    assert policy.pick(0, 0) is first
    assert policy.step(0, 9 * MS, 9 * MS)
    assert not policy.step(0, 10 * MS, MS)
    assert policy.pick(0, 10 * MS) is second


def test_a_context_touches_no_queued_task():
    policy = Policy(KINDS | {"train": Kind("LOW", max_queued=200_000)}, contexts=CONTEXTS)
    tasks = [submitted(policy, "train") for _ in range(100_000)]
    kind = policy.kinds["train"]
    heaps = [list(heap) for heap in kind.heaps]
    versions = {task.version for task in tasks}
    policy.set_context("study", 1)
    assert kind.level == Level.HIGH
    assert policy.queues.ready == [0, 100_000, 0, 0, 0]
    assert {task.version for task in tasks} == versions == {1}
    for before, heap in zip(heaps, kind.heaps, strict=True):
        assert len(before) == len(heap)
        assert all(old is new for old, new in zip(before, heap, strict=True))
    assert policy.trace.since().cursor == 100_000 + 4  # the context, and three kinds that moved


def test_all_workers_that_can_run_what_a_context_brings_are_woken():
    driven = Driven(mode="lanes", workers=2)
    for _ in range(4):
        driven.submit("train")
    while driven.awake:
        driven.pick(min(driven.awake))
    assert driven.running == [4, 5]
    driven.set_context("study")
    assert driven.awake == {2, 3}


def test_who_waits_lends_its_level_to_what_it_awaits_and_takes_it_back():
    driven = Driven(mode="levels", workers=1)
    train = driven.submit("train")
    chat = driven.submit("chat", deadline_ms=50)
    assert driven.pick(0) is chat
    driven.step(0, MS, awaits=train)
    assert (train.level, train.order_ns) == (Level.HIGH, 50 * MS)
    assert train.raised_by is Reason.INHERITANCE
    driven.cancel(chat)
    assert (train.level, train.raised, train.order_ns) == (Level.LOW, None, NEVER)


def test_what_is_awaited_follows_who_waits_into_another_context():
    driven = Driven(mode="levels", workers=1)
    speculation = driven.submit("speculate")
    train = driven.submit("train")
    driven.pick(0)
    driven.step(0, MS, awaits=speculation)
    assert speculation.level == Level.LOW
    driven.set_context("study")
    assert speculation.level == train.level == Level.HIGH
    driven.set_context("default")
    assert speculation.level == Level.LOW


def test_a_deadline_that_was_lent_along_a_chain_is_taken_back_along_it():
    driven = Driven(mode="levels", workers=1)
    last, middle = driven.submit("chat"), driven.submit("chat")
    driven.cancel(driven.submit("chat"))
    driven.pick(0)
    running = driven.policy.workers.running[0]
    other = middle if running is last else last
    driven.step(0, MS, awaits=other)
    first = driven.submit("frame", deadline_ms=9)
    assert driven.pick(0) is first
    driven.step(0, MS, awaits=running)
    assert other.order_ns == running.order_ns == first.deadline_ns
    driven.cancel(first)
    assert other.order_ns == running.order_ns == NEVER


def test_a_newer_task_with_its_key_replaces_one_that_has_not_begun():
    policy = one_worker()
    old = submitted(policy, "frame", key="k")
    new = submitted(policy, "frame", key="k")
    assert (old.state, old.dropped_by) == (State.SHED, Reason.NEWEST)
    assert policy.pick(0, 0) is new
    newest = submitted(policy, "frame", key="k")
    assert (new.state, newest.state) == (State.RUNNING, State.READY)


def test_a_key_shared_by_two_kinds_does_not_make_room_in_a_full_queue():
    policy = one_worker()
    for _ in range(3):
        submitted(policy, "embed")
    kept = submitted(policy, "train", key="k")
    with pytest.raises(QueueFull):
        submitted(policy, "embed", key="k")
    assert kept.state is State.READY
    assert policy.kinds["embed"].waiting == 3


def test_optional_work_that_cannot_be_in_time_is_shed_when_its_turn_comes():
    policy = one_worker()
    late = submitted(policy, "chat", deadline_ns=1, optional=True)
    assert policy.pick(0, 2) is None
    assert (late.state, late.dropped_by) == (State.SHED, Reason.LATE)
    assert policy.kinds["chat"].shed == 1


def test_optional_work_is_tried_again_after_a_task_that_took_far_too_long():
    policy, now_ns, ran = one_worker(), 0, 0
    submitted(policy, "chat")
    policy.pick(0, 0)
    policy.step(0, 300 * MS, 300 * MS, end=State.DONE)
    for frame in range(100):
        now_ns = (1 + frame) * 1000 * MS
        task = submitted(policy, "chat", now_ns, deadline_ns=now_ns + 33 * MS, optional=True)
        if policy.pick(0, now_ns) is task:
            policy.step(0, now_ns + MS, MS, end=State.DONE)
            ran += 1
    assert ran > 70
    assert policy.kinds["chat"].shed == 100 - ran


def test_a_task_is_submitted_once():
    policy = one_worker()
    task = submitted(policy, "chat")
    with pytest.raises(ValueError, match="submitted before; make a new task"):
        policy.submit(task, 0)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mode": "fast"}, "mode='fast'; there are levels, guard, lanes, both"),
        ({"workers": 0}, "workers=0; from 1 to 254"),
        ({"kinds": {"a": "URGENT"}}, "'URGENT' is no level"),
    ],
)
def test_what_there_cannot_be_is_refused_with_what_can(options, says):
    with pytest.raises(ValueError, match=says):
        Policy(**{"kinds": KINDS, "mode": "levels"} | options)


def test_a_missed_deadline_carries_where_most_of_the_time_went():
    policy = one_worker()
    submitted(policy, "chat", deadline_ns=1 * MS)
    policy.pick(0, 10 * MS)
    policy.step(0, 12 * MS, 2 * MS, end=State.DONE)
    assert happenings(policy, Happening.MISS)[0].reason == Reason.QUEUED
    assert policy.kinds["chat"].causes[Reason.QUEUED] == 1


@pytest.mark.parametrize("mode", ["levels", "guard", "lanes"])
@pytest.mark.parametrize("seed", range(3))
def test_no_task_waits_longer_than_was_stated_when_it_began_to_wait(mode, seed):
    """Twice as much work as there is time for, on two workers, for 10 s."""
    kinds = {"frame": "CRITICAL", "chat": "HIGH", "embed": "NORMAL", "train": "LOW", "idle": "IDLE"}
    chance = random.Random(seed)
    policy = Policy(kinds, workers=2, mode=mode)
    waits, ends, late = {}, {}, []
    for now_ns in range(0, 10_000 * MS, 5 * MS):
        for kind in kinds:
            if chance.random() < 0.4:  # of 10 ms each, and 5 kinds: twice two workers
                submitted(policy, kind, now_ns)
        for worker in sorted(ends):
            if ends[worker] <= now_ns:
                del ends[worker]
                policy.step(worker, now_ns, 10 * MS, end=State.DONE)
        for worker in range(len(policy.workers)):
            if len(ends) < 2 and worker not in ends:
                task = policy.pick(worker, now_ns)
                if task is not None:
                    ends[worker] = now_ns + 10 * MS
                    waits[task.kind] = waits.get(task.kind, 0) + 1
                    late += [task] if now_ns > task.bound_ns else []
        policy.ended.clear()
    assert late == []
    assert waits.keys() >= {"frame", "chat", "idle"}
