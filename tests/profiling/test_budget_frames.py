"""Each frame has the budget for itself, or a block has it."""

from contextlib import contextmanager

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import OverBudget, UnmeasuredWarning, budget

PICTURE = torch.ones(256)  # 1024 bytes


@contextmanager
def over(match, **limits):
    """A block that is over a budget; gives the meter, which has the error when it is done."""
    error = pytest.raises(OverBudget, match=match or None)
    with error as caught, budget(**limits) as meter:
        meter.caught = caught
        yield meter


def use(number=1):
    """So many allocations of 1024 bytes each."""
    for _ in range(number):
        torch.add(PICTURE, PICTURE)


def play(costs):
    """A pipeline in small: one frame for each of `costs`, which is how often it allocates."""
    for index, number in enumerate(costs):
        hooks.frame_begin(index)
        with hooks.scope("blur", index, "demo"):
            use(number)
        hooks.frame_end(index)


def test_each_frame_of_a_pipeline_has_the_budget_for_itself():
    with budget(allocations=2):
        play([2, 2, 2])


def test_the_frames_that_were_over_are_named():
    with over(r"on 2 of 4 frames \(1, 3\): allocations 5, limit 1", allocations=1):
        play([1, 3, 1, 5])


def test_offenders_are_named_with_their_stage_and_only_those_of_frames_that_were_over():
    with over("", allocations=1) as meter:
        play([1, 3])
    assert [(one.stage, one.count) for one in meter.caught.value.offenders] == [("blur", 3)]


def test_a_budget_per_block_holds_for_all_frames_together():
    with over(r"^over budget: allocations 6, limit 5", allocations=5, per="block") as meter:
        play([2, 2, 2])
    assert meter.caught.value.overrun.frames == ()


def test_frames_of_the_warm_up_do_not_count():
    with budget(allocations=1, warmup=2):
        play([9, 9, 1, 1])
    with budget(allocations=2, warmup=2, per="block"):
        play([9, 9, 1, 1])


def test_a_warm_up_that_leaves_nothing_to_judge_is_told():
    with (
        pytest.warns(UnmeasuredWarning, match="none of 2 frames was judged"),
        budget(allocations=0, warmup=2),
    ):
        play([9, 9])


def test_what_comes_after_the_last_frame_is_held_too():
    with over("allocations 2, limit 1", allocations=1):
        play([1, 1])
        use(2)


def test_a_frame_that_was_not_finished_is_held_too():
    with over("on frame 7", allocations=0):
        hooks.frame_begin(7)
        with hooks.scope("blur", 7):
            use()
    hooks.frame_end(7)


def test_steps_are_frames_in_code_that_is_no_pipeline():
    with over(r"on 1 of 3 frames \(1\)", allocations=1) as meter:
        for number in (1, 2, 1):
            use(number)
            meter.step()


def test_work_that_comes_after_the_end_of_its_frame_is_added_to_it():
    with over(r"on 1 of 2 frames \(0\): allocations 2", allocations=1):
        play([1])
        hooks.frame_begin(1)
        with hooks.scope("late", 0, "demo"):
            use()
        hooks.frame_end(1)


def test_a_source_that_is_read_twice_has_two_first_frames():
    with budget(allocations=2):
        play([2, 2])
        play([2, 2])


def test_single_events_are_not_kept_however_long_it_runs():
    with budget(allocations=1) as meter:
        for _ in range(20):
            use()
            meter.step()
            assert meter.session.events == []
