"""An error, a warning, or nothing: what happens over budget."""

import pickle
import warnings

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import OverBudget, OverBudgetWarning, budget

PICTURE = torch.ones(256)  # 1024 bytes


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


def test_a_warning_is_told_each_time_and_at_the_line_of_the_budget():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("default")  # once for each line, as Python does by itself
        for _ in range(3):
            with budget(allocations=0, action="warn"):
                use()
    assert [one.category for one in told] == [OverBudgetWarning] * 3
    assert {one.filename.endswith("test_budget_actions.py") for one in told} == {True}


def test_a_warning_comes_while_the_frames_still_run():
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        with budget(allocations=1, action="warn"):
            play([2])
            hooks.frame_begin(1)
            assert len(told) == 1
            hooks.frame_end(1)
    assert "on frame 0: allocations 2, limit 1" in str(told[0].message)


def test_a_filter_that_makes_errors_of_warnings_breaks_no_hook():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(OverBudgetWarning), budget(allocations=0, action="warn") as meter:
            play([1, 1])
    assert meter.session.frame_count == 2


def test_a_budget_that_is_off_measures_nothing():
    with budget(allocations=0, action="off") as meter:
        assert not hooks.is_listening()
        use()
        meter.step()


def test_an_error_of_the_block_is_never_masked():
    def work():
        with budget(allocations=0):
            use()
            raise KeyError("mine")

    with pytest.raises(KeyError) as caught:
        work()
    assert "Besides, up to there it was over budget" in caught.value.__notes__[0]


def test_an_error_of_the_block_is_not_masked_by_a_warning():
    def work():
        with budget(allocations=0, action="warn"):
            use()
            raise KeyboardInterrupt

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(KeyboardInterrupt):
            work()


def test_nobody_listens_any_more_after_the_end():
    with pytest.raises(OverBudget), budget(allocations=0):
        use()
    assert not hooks.is_listening()


def test_the_error_can_be_sent_to_another_process():
    with pytest.raises(OverBudget) as caught, budget(allocations=0):
        use()
    copy = pickle.loads(pickle.dumps(caught.value))
    assert str(copy) == str(caught.value)
    assert copy.exceeded == caught.value.exceeded


def test_a_budget_of_nothing_is_refused():
    with pytest.raises(ValueError, match="limits nothing: set some of allocations"):
        budget(action="warn")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"allocations": -1}, "allocations=-1 is no count"),
        ({"allocations": 1.5}, r"allocations=1\.5 is no count"),
        ({"syncs": 0, "action": "shout"}, "action='shout' does not exist; there is error, warn"),
        ({"syncs": 0, "per": "hour"}, "per='hour' does not exist; there is frame, block"),
    ],
)
def test_a_wrong_value_is_refused_with_the_right_ones(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        budget(**options)
