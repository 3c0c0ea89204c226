"""`with allowed(...)`: what is meant to be is taken off the budgets around it."""

import threading
from contextlib import contextmanager

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import OverBudget, allowed, budget

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


def names(meter):
    """What was exceeded, and by how much."""
    return {one.name: (one.used, one.limit) for one in meter.caught.value.exceeded}


def test_what_is_allowed_is_not_counted():
    with budget(allocations=1, copies=0, syncs=0):
        use()
        with allowed("allocations", "copies", "syncs"):
            use(5)
            PICTURE.clone()
            hooks.report("sync")


def test_only_what_is_named_is_allowed():
    with over("", allocations=0, copies=0) as meter, allowed("copies"):
        PICTURE.clone()
    assert names(meter) == {"allocations": (1, 0)}


def test_an_allocation_that_is_allowed_fills_memory_all_the_same():
    with (
        over("allocation, permitted", allocations=0, peak_bytes=0) as meter,
        allowed("allocations"),
    ):
        use()
    assert names(meter) == {"peak_bytes": (1024, 0)}


def test_a_peak_is_allowed_by_its_own_name():
    with budget(peak_bytes=1024):
        use()
        with allowed("peak_bytes"):
            torch.empty(4096)
        use()


def test_frames_inside_of_what_is_allowed_are_allowed():
    with budget(allocations=1):
        with allowed("allocations"):
            play([5, 5, 5])
        play([1, 1])


def test_what_is_allowed_in_one_thread_is_not_in_another():
    is_open, is_done = threading.Event(), threading.Event()

    def work():
        with allowed("allocations"):
            is_open.set()
            is_done.wait()

    thread = threading.Thread(target=work)
    with over("allocations 1, limit 0", allocations=0):
        thread.start()
        is_open.wait()
        use()
        is_done.set()
        thread.join()


def test_what_is_allowed_outside_does_not_loosen_a_budget_inside():
    with budget(allocations=0), allowed("allocations"), over("", allocations=0):
        use()


def test_what_is_allowed_is_so_for_every_budget_around_it():
    with budget(allocations=0), budget(allocations=0), allowed("allocations"):
        use()


def test_without_a_budget_nothing_is_recorded_for_what_is_allowed():
    with allowed("syncs"):
        assert not hooks.is_listening()


def test_an_allowance_says_which_names_there_are():
    with pytest.raises(ValueError, match=r"'sync' does not exist. Did you mean 'syncs'\?"):
        allowed("sync")
    with pytest.raises(ValueError, match="permits nothing: name some of allocations"):
        allowed()
