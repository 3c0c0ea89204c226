"""`with budget(...)`: what is used inside stays within limits, or it is told."""

import threading
from contextlib import contextmanager

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import OverBudget, UnmeasuredWarning, budget, profile

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


def names(meter):
    """What was exceeded, and by how much."""
    return {one.name: (one.used, one.limit) for one in meter.caught.value.exceeded}


def test_a_loop_that_allocates_nothing_is_within_a_budget_of_nothing():
    result = torch.empty(256)
    with budget(allocations=0, d2h_bytes=0, syncs=0) as meter:
        for _ in range(3):
            torch.add(PICTURE, PICTURE, out=result)
            meter.step()
    assert meter.session.frame_count == 3


def test_one_allocation_too_many_is_an_error_that_names_who_did_it():
    with pytest.raises(OverBudget, match="allocations 2, limit 1") as caught, budget(allocations=1):
        use(2)
    (offender,) = caught.value.offenders
    assert (offender.operator, offender.count, offender.nbytes) == ("aten::add", 2, 2048)
    assert "aten::add" in str(caught.value)


def test_the_error_names_the_line_of_the_budget():
    with over(r"The budget is set at .*test_budgets\.py:\d+\.", allocations=0):
        use()


def test_what_is_not_limited_may_be_used():
    with budget(syncs=0):
        use(100)


def test_a_budget_that_is_just_kept_is_no_error():
    with budget(allocations=2, allocated_bytes=2048, peak_bytes=1024):
        use(2)


@pytest.mark.parametrize(
    ("limits", "used"),
    [
        ({"allocations": 2}, {"allocations": (3, 2)}),
        ({"allocated_bytes": 3071}, {"allocated_bytes": (3072, 3071)}),
        ({"peak_bytes": 1023}, {"peak_bytes": (1024, 1023)}),
        ({"allocations": 0, "peak_bytes": 0}, {"allocations": (3, 0), "peak_bytes": (1024, 0)}),
    ],
)
def test_peak_and_total_are_two_things(limits, used):
    with over("", **limits) as meter:
        use(3)
    assert names(meter) == used


def test_the_peak_is_a_rise_so_that_older_blocks_that_are_freed_pay_for_nothing():
    old = torch.empty(4096)
    with over("", peak_bytes=1000) as meter:
        del old
        use()
    assert names(meter) == {"peak_bytes": (1024, 1000)}


def test_copies_count_by_number_and_by_direction():
    with over("", copies=1, h2h_bytes=2047, h2d_bytes=0) as meter:
        PICTURE.clone()
        PICTURE.clone()
    assert names(meter) == {"copies": (2, 1), "h2h_bytes": (2048, 2047)}


def test_a_copy_of_unknown_size_is_more_than_no_bytes():
    with over("h2h_bytes 0 B and 1 of unknown size, limit 0 B", h2h_bytes=0):
        hooks.report("copy", direction="h2h", op="memcpy")


def test_a_copy_of_unknown_size_beside_a_limit_in_bytes_is_told():
    with (
        pytest.warns(UnmeasuredWarning, match="of 1 copies the size is not known"),
        budget(h2h_bytes=100),
    ):
        hooks.report("copy", direction="h2h", op="memcpy")


def test_a_copy_whose_direction_is_not_known_is_told_where_directions_are_limited():
    with (
        pytest.warns(UnmeasuredWarning, match="of 1 copies the direction is not known"),
        budget(d2h_bytes=0),
    ):
        hooks.report("copy", 8, direction="?", op="aten::copy_")


@pytest.mark.parametrize(
    ("limit", "kind", "direction"),
    [
        ("syncs", "sync", ""),
        ("waits", "wait", ""),
        ("h2d_bytes", "copy", "h2d"),
        ("d2h_bytes", "copy", "d2h"),
        ("copies", "copy", "d2d"),
    ],
)
def test_what_a_layer_reports_is_held_against_its_limit(limit, kind, direction):
    with over("", **{limit: 0}) as meter:
        hooks.report(kind, 8, direction=direction, op="upload")
    assert list(names(meter)) == [limit]
    assert meter.caught.value.offenders[0].operator == "upload"


def test_budgets_nest_and_each_one_sees_all_that_is_inside_of_it():
    with over("allocations 3, limit 2", allocations=2):
        use()
        with budget(allocations=2):
            use(2)


def test_a_budget_inside_a_session_leaves_its_bill_whole():
    with profile() as session:
        use()
        with budget(allocations=2):
            use(2)
        use()
    assert session.bill().whole.total.allocations == 4


def test_a_session_inside_a_budget_sees_its_own_part():
    with budget(allocations=3), profile() as session:
        use(3)
    assert session.bill().whole.total.allocations == 3


def test_another_thread_is_not_charged():
    def work():
        use(5)

    thread = threading.Thread(target=work)
    with budget(allocations=1):
        use()
        thread.start()
        thread.join()


def test_a_thread_that_listeners_were_carried_to_is_charged():
    def work(table):
        with hooks.using(table), hooks.scope("blur", 0):
            use(5)

    with over("", allocations=4) as meter:
        thread = threading.Thread(target=work, args=(hooks.table(),))
        thread.start()
        thread.join()
    assert meter.caught.value.offenders[0].stage == "blur"


def test_one_budget_serves_two_threads_at_once_and_each_has_it_for_itself():
    shared = budget(allocations=2)
    both = threading.Barrier(2)
    outcomes = {}

    def work(number):
        try:
            with shared:
                both.wait()
                use(number)
                both.wait()
            outcomes[number] = "kept"
        except OverBudget:
            outcomes[number] = "over"

    threads = [threading.Thread(target=work, args=(number,)) for number in (2, 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == {2: "kept", 3: "over"}


def test_a_torch_profiler_that_is_on_is_told_as_a_gap():
    with (
        torch.autograd.profiler.profile(profile_memory=True),
        pytest.warns(UnmeasuredWarning, match=r"a torch\.profiler was on"),
        budget(allocations=0),
    ):
        use()
