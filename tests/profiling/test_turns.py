"""Events that are read together, and belong to several stretches."""

import pytest

from toolkit.profiling.counting import RawEvents
from toolkit.profiling.turns import sums_by_turn

FIRST, SECOND = (1000, 2000, 900, 0), (2500, 4000, 1400, 3)  # of perf_counter_ns


def events(sizes, at_us=()):
    return RawEvents([""] * len(sizes), sizes, {}, lambda place: at_us[place])


def bytes_of(stretches):
    return [(one[:4], one[5]) for one in stretches]


def test_a_mark_ends_one_stretch_and_begins_the_next():
    own = events([8, 4, 0, 0, 16])
    assert bytes_of(sums_by_turn([own], [FIRST, SECOND])) == [(FIRST, 12), (SECOND, 16)]


def test_a_stretch_in_which_nothing_happens_has_no_bytes():
    own = events([0, 0, 16])
    assert bytes_of(sums_by_turn([own], [FIRST, SECOND])) == [(FIRST, 0), (SECOND, 16)]


@pytest.mark.parametrize("order", [1, -1])
def test_what_other_threads_take_belongs_to_the_stretch_of_its_time(order):
    own = events([8, 0, 0, 16])
    other = events([1, 2, 4], at_us=[0.5, 1.2, 99.0])  # between both: to the one that comes
    found = sums_by_turn([own, other][::order], [FIRST, SECOND])
    assert bytes_of(found) == [(FIRST, 9), (SECOND, 22)]


def test_a_list_that_torch_lost_leaves_every_stretch_empty():
    assert bytes_of(sums_by_turn([], [FIRST, SECOND])) == [(FIRST, 0), (SECOND, 0)]


def test_of_a_single_stretch_all_is_its_own():
    assert bytes_of(sums_by_turn([events([8, -8]), events([4])], [FIRST])) == [(FIRST, 12)]
