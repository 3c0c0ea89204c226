"""Who is woken for what, and which lane gives way to which."""

import pytest

from toolkit.scheduler.lanes import LAYOUTS
from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.task import Task
from toolkit.scheduler.workers import Workers


def test_lanes_are_three_for_each_core_and_only_the_first_is_not_nice():
    workers = Workers(2, LAYOUTS["lanes"])
    assert len(workers) == 6
    assert [lane.niceness for lane in workers.lanes] == [0, 0, 8, 8, 19, 19]
    assert [(lane.first, lane.last) for lane in workers.lanes[::2]] == [(0, 0), (1, 2), (3, 4)]


def test_one_that_rests_and_may_is_woken_once():
    workers = Workers(2, LAYOUTS["lanes"])
    assert workers.wake(1)
    assert workers.wakes == 0b100
    assert workers.wake(2)
    assert not workers.wake(1)
    assert workers.wakes == 0b1100


def test_as_many_are_woken_as_have_something_to_do():
    workers = Workers(4, LAYOUTS["levels"])
    workers.wake_for([0, 0, 2, 0, 1])
    assert workers.wakes == 0b111
    workers.wakes = 0
    workers.wake_for([9, 0, 0, 0, 0], 1)
    assert workers.wakes == 0


def test_one_that_is_held_for_a_release_is_woken_only_for_what_is_not_held():
    workers = Workers(1, LAYOUTS["guard"])
    workers.rest(0, 50, held=1)
    assert not workers.wake(1)
    assert workers.wake_ns[0] == 50
    assert workers.wake(0)


def test_a_lane_is_crowded_when_more_important_ones_use_all_cores():
    workers = Workers(2, LAYOUTS["lanes"])
    for worker in (0, 2):
        workers.begin(worker, Task("x"), 10)
    assert workers.is_crowded(3)
    assert workers.is_crowded(4)
    assert not workers.is_crowded(1)
    assert not workers.wake(1)
    workers.rest(0, NEVER, 5)
    assert workers.wake(1)


@pytest.mark.parametrize(("mode", "most"), [("levels", 254), ("lanes", 84)])
def test_more_workers_than_the_trace_can_number_are_refused(mode, most):
    assert Workers(most, LAYOUTS[mode]).cores == most
    with pytest.raises(ValueError, match=f"from 1 to {most} are possible"):
        Workers(most + 1, LAYOUTS[mode])
