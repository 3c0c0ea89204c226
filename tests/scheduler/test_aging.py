"""Work that waited longest gets a small share, out of a bucket; near its bound it goes first."""

from tests.scheduler.driven import MS, Driven
from toolkit.scheduler.aging import AGE_NS, SHARE
from toolkit.scheduler.levels import Level
from toolkit.scheduler.reasons import Reason
from toolkit.scheduler.task import State

SECOND = 1_000 * MS


def under_load(seconds, *, waiting=30):
    """One worker, chat that never ends, and training that waits; when each training step began."""
    driven = Driven(mode="levels", workers=1)
    for _ in range(waiting):
        driven.submit("train")
    began = []
    while driven.now_ns < seconds * SECOND:
        driven.submit("chat")
        task = driven.pick(0)
        if task.kind == "train":
            began.append((driven.now_ns, task))
        driven.step(0, 10 * MS, end=State.DONE)
    return driven, began


def test_nothing_ages_before_its_time_and_then_it_gets_its_share_and_no_more():
    _, began = under_load(10)
    assert began[0][0] > AGE_NS[Level.LOW]
    ran_ns = 10 * MS * len(began)
    assert 0.5 * SHARE < ran_ns / (10 * SECOND) <= SHARE + 0.02  # and what the bucket held


def test_the_one_that_waited_longest_is_the_first():
    _, began = under_load(5)
    numbers = [task.number for _, task in began]
    assert numbers == sorted(numbers)
    assert all(at_ns <= task.bound_ns for at_ns, task in began)


def test_who_had_a_quantum_returns_to_its_level():
    driven = Driven(mode="levels", workers=1)
    train = driven.submit("train")
    while not train.quanta:
        driven.submit("chat")
        if driven.pick(0) is train:
            assert (train.level, train.raised_by) == (Level.HIGH, Reason.AGING)
            driven.step(0, 10 * MS)
        else:
            driven.step(0, 10 * MS, end=State.DONE)
    assert (train.level, train.raised, train.raised_by) == (Level.LOW, None, Reason.NONE)


def test_near_its_bound_a_task_goes_before_everything():
    driven = Driven(mode="levels", workers=1)
    train = driven.submit("train")
    driven.advance(train.bound_ns - train.bound_ns // 8 + 1)
    frames = [driven.submit("frame", deadline_ms=1) for _ in range(9)]
    assert driven.pick(0) is frames[0]
    driven.step(0, 20 * MS, end=State.DONE)
    assert driven.pick(0) is train
    assert train.level == Level.CRITICAL
    assert driven.now_ns < train.bound_ns
