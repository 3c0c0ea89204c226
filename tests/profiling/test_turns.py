"""Events that are read together, and belong to several stretches."""

import pytest

from toolkit.profiling.counting import RawEvents
from toolkit.profiling.sums import signature_of
from toolkit.profiling.turns import BORDER, Turns, parts_by_turn, raw_by_turn
from toolkit.profiling.watch import Watch

MARK = [0, 0]  # an event that begins and one that ends
FIRST, SECOND = (1000, 2000, 900, 0), (2500, 4000, 1400, 3)  # of perf_counter_ns


def events(sizes, at_us=()):
    return RawEvents([""] * len(sizes), sizes, {}, lambda place: at_us[place])


def bytes_of(sums):
    return [[one.allocated_bytes for one in each] for each in sums]


def test_a_mark_ends_one_stretch_and_begins_the_next():
    own, _ = parts_by_turn([events([8, 4, *MARK, 16, *MARK])], [FIRST, SECOND], 1000)
    assert own == [[8, 4], [16], []]


def test_what_comes_after_the_last_mark_is_of_the_stretch_that_is_open():
    own, _ = parts_by_turn([events([*MARK, 16])], [FIRST], 1000)
    assert own == [[], [16]]


@pytest.mark.parametrize("order", [1, -1])
def test_what_other_threads_take_belongs_to_the_stretch_of_its_time(order):
    mine = events([8, *MARK, 16, *MARK])
    other = events([1, 2, 4], at_us=[0.5, 1.2, 99.0])  # between both: to the one that comes
    own, others = parts_by_turn([mine, other][::order], [FIRST, SECOND], 1000)
    assert own == [[8], [16], []]
    assert bytes_of(others) == [[1], [2], [4]]


def test_a_list_that_torch_lost_leaves_every_stretch_empty():
    assert parts_by_turn([], [FIRST, SECOND], 1000) == ([[], [], []], [[], [], []])


def test_a_stretch_that_is_read_while_it_is_open_is_counted_whole_when_it_is_over():
    turns = Turns(int, 0)
    turns.begin()
    turns.end()
    turns.begin()
    (first,) = turns.sums([events([8, *MARK, 16])])
    turns.end()
    (second,) = turns.sums([events([-16, 4, *MARK])])
    assert (first[4], first[5]) == (1, 8)
    allocations, nbytes, frees, freed_bytes, net_bytes, peak_bytes, signature = second[4:]
    assert (allocations, nbytes, frees, freed_bytes) == (2, 20, 1, 16)
    assert (net_bytes, peak_bytes, signature) == (4, 16, signature_of([16, 4]))


def test_clocks_are_those_of_the_stretch():
    turns = Turns(int, 0)
    begun_ns = turns.begin()
    assert not turns.has_ended
    turns.end()
    assert turns.has_ended
    ((start_ns, stop_ns, ran_ns, faults, *_),) = turns.sums([])
    assert start_ns == begun_ns < stop_ns
    assert ran_ns >= 0
    assert faults >= -1


def named(names, sizes, at_us):
    return RawEvents(names, sizes, {}, lambda place: at_us[place], is_quiet=True)


def test_where_calls_are_marked_a_border_is_told_by_its_name():
    names = ["@1", "", "", BORDER, "", "@2", "", "", BORDER, "", ""]
    sizes = [0, 8, 0, 0, 0, 0, 4, 0, 0, 0, 2]
    at_us = [0.1, 0.2, 0.3, 1.1, 1.1, 1.6, 1.7, 1.8, 3.1, 3.1, 9.0]
    begins_ns = [FIRST[0], SECOND[0], 5000]
    first, second, open_ = raw_by_turn(
        [named(names, sizes, at_us)], [FIRST, SECOND], begins_ns, 1000
    )
    assert [(one.names, one.sizes) for one in first] == [(["@1", "", ""], [0, 8, 0])]
    assert [(one.names, one.sizes) for one in second] == [(["@2", "", ""], [0, 4, 0])]
    assert [one.sizes for one in open_] == [[2]]
    # times are since the stretch began, which the second did 1.5 us after the events
    assert first[0].at_us(1) == pytest.approx(0.2)
    assert second[0].at_us(1) == pytest.approx(0.2)
    assert first[0].is_quiet


def test_events_of_another_thread_go_to_the_marked_stretch_of_their_time():
    mine = named([BORDER, "", BORDER, ""], [0, 0, 0, 0], [1.1, 1.1, 3.1, 3.1])
    other = named(["", "", ""], [1, 2, 4], [0.5, 1.2, 99.0])
    parts = raw_by_turn([mine, other], [FIRST, SECOND], [1000, 2500, 5000], 1000)
    assert [[one.sizes for one in part] for part in parts] == [[[1]], [[2]], [[4]]]


def test_a_marked_stretch_that_is_read_while_it_is_open_keeps_its_events():
    turns = Turns(int, 0)
    watch = Watch()
    first = watch.seen
    turns.begin()
    turns.end(watch)
    turns.begin()
    (one,) = turns.marked([named([BORDER, "", ""], [0, 0, 16], [0, 0, 1])])
    second = watch.seen
    turns.end(watch)
    (other,) = turns.marked([named(["", BORDER, ""], [4, 0, 0], [0, 1, 1])])
    assert one.seen is first
    assert other.seen is second
    assert one.raw == []
    assert [part.sizes for part in other.raw] == [[16], [4]]
