"""A recording becomes a load again."""

import pytest

from tests.scheduler.invented import MS, Told
from tests.scheduler.simulated import PERIODS_NS, recorded
from toolkit.scheduler.arrivals import Arrival
from toolkit.scheduler.executors.calibration import Calibration
from toolkit.scheduler.executors.sim import simulate
from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.loads import workload
from toolkit.scheduler.replay import replay_of


def test_work_is_read_off_the_trace_with_its_quanta_and_what_it_awaited():
    told = Told()
    told("SUBMIT", 1, 1, "chat", value=21 * MS)
    told("SUBMIT", 2, 2, "train", value=NEVER)
    told("START", 3, 1, "chat", worker=0, value=2 * MS)
    told("QUANTUM", 5, 1, "chat", worker=0, value=2 * MS)
    told("BLOCK", 6, 1, "chat", worker=0, value=2)
    told("START", 6, 2, "train", worker=0, value=4 * MS)
    told("DONE", 10, 2, "train", worker=0)
    told("WAKE", 10, 1, "chat", value=4 * MS)
    told("START", 11, 1, "chat", worker=0, value=MS)
    told("BLOCK", 12, 1, "chat", worker=0, value=0)
    told("WAKE", 13, 1, "chat", value=MS)
    told("START", 13, 1, "chat", worker=0)
    told("DONE", 16, 1, "chat", worker=0, value=-5 * MS)
    replay = replay_of(told.recording())
    assert replay.arrivals == (
        Arrival(0, "chat", (2 * MS, MS, MS, 3 * MS), 20 * MS, awaits=(-1, 1)),
        Arrival(1 * MS, "train", (4 * MS,)),
    )
    assert replay.tasks == (1, 2)
    assert (replay.guessed, replay.left_out, replay.outside) == (0, 0, 1)
    assert not replay.optional
    assert not replay.keyed


def three_chats(told, *took_ms):
    """Chats 11, 12 and 13, which run one after another from 0 ms on."""
    begin_ms = 0
    for task, took in enumerate(took_ms, 11):
        told("SUBMIT", begin_ms, task, value=NEVER)
        told("START", begin_ms, task, worker=0)
        told("QUANTUM", begin_ms + 1, task, worker=0, value=MS)
        told("DONE", begin_ms + took, task, worker=0)
        begin_ms += took


def test_what_was_shed_gets_the_quanta_of_the_middle_one_of_its_kind():
    told = Told()
    three_chats(told, 3, 9, 5)
    told("SUBMIT", 20, 1, value=30 * MS)
    told("SHED", 22, 1, reason="LATE")
    told("SUBMIT", 23, 2, value=NEVER)
    told("SUBMIT", 24, 3, value=NEVER)
    told("SHED", 24, 2, reason="NEWEST")
    told("START", 25, 3, worker=1)
    told("QUANTUM", 27, 3, worker=1, value=2 * MS)  # and is not over when the trace ends
    replay = replay_of(told.recording())
    assert [one.quanta_ns for one in replay.arrivals[3:]] == [
        (1 * MS, 4 * MS),
        (1 * MS, 4 * MS),
        (2 * MS, 4 * MS),
    ]
    assert replay.guessed == 3
    assert replay.optional == replay.keyed == {"chat"}
    assert {(one.optional, one.key) for one in replay.arrivals} == {(True, "chat")}


def test_what_never_ended_of_its_kind_goes_on_for_ever():
    told = Told()
    told("SUBMIT", 0, 1, "train", value=NEVER)
    told("START", 0, 1, "train", worker=0)
    told("QUANTUM", 3, 1, "train", worker=0, value=3 * MS)
    told("QUANTUM", 7, 1, "train", worker=0, value=4 * MS)
    told("SUBMIT", 8, 2, "frame", value=NEVER)  # of which nothing ever ran
    replay = replay_of(told.recording())
    assert replay.arrivals == (Arrival(0, "train", (3 * MS, 4 * MS), repeats=True),)
    assert (replay.guessed, replay.left_out) == (0, 1)


def test_a_cancelled_task_is_as_long_as_it_ran():
    told = Told()
    three_chats(told, 3, 9, 5)
    told("SUBMIT", 20, 1, value=NEVER)
    told("CANCEL", 21, 1)
    told("SUBMIT", 21, 2, value=NEVER)
    told("START", 21, 2, worker=0)
    told("CANCEL", 22, 2, worker=0)
    replay = replay_of(told.recording())
    assert replay.tasks == (11, 12, 13, 2)
    assert replay.arrivals[-1].quanta_ns == (MS,)
    assert replay.left_out == 1


def test_what_was_there_before_the_trace_is_released_with_it():
    told = Told()
    told("SUBMIT", 10, 9, "train", value=NEVER)
    told("START", 11, 1, "chat", worker=0, value=8 * MS)  # when it came is lost
    told("DONE", 14, 1, "chat", worker=0, value=-6 * MS)
    told("MISS", 15, 2, "frame", worker=1, reason="QUEUED", value=MS)  # all else of it is lost
    replay = replay_of(told.recording(lost=3))
    assert replay.arrivals == (Arrival(0, "chat", (3 * MS,), 10 * MS),)
    assert replay.left_out == 2


SAME = Calibration.ideal(cost_noise=0.0)  # what was recorded has varied already


@pytest.mark.parametrize("mode", ["levels", "guard", "lanes"])
def test_a_replay_under_another_policy_says_what_that_would_have_done(mode):
    arrivals = workload(1.0, seconds=3.0, seed=3)
    replay = replay_of(recorded(arrivals, mode))
    assert replay.keyed == set(PERIODS_NS)
    assert replay.left_out <= 1  # of speculation nothing may have run
    for other in ("levels", "guard", "lanes"):
        truth = simulate(arrivals, policy=other, seconds=3.0)
        again = simulate(replay.arrivals, policy=other, seconds=3.0, calibration=SAME)
        cameras, background = ("cam1", "cam2"), ("embed", "train", "speculate")
        most = 0.01 if other != mode else 0.0
        assert abs(truth.miss_rate(cameras) - again.miss_rate(cameras)) <= most
        assert abs(truth.share(background) - again.share(background)) < 0.03
