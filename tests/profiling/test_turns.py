"""Events that are read together, and belong to several stretches."""

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import clocks, profile
from toolkit.profiling.counting import RawEvents
from toolkit.profiling.sums import signature_of, sums_of
from toolkit.profiling.turns import BORDER, Began, Turns, parts_by_turn, raw_by_turn
from toolkit.profiling.watch import Watch

FIRST, SECOND = (1000, 2000, 900, 0), (2500, 4000, 1400, 3)  # of perf_counter_ns


def events(sizes, at_us, *, is_own=True):
    names = [""] * len(sizes)
    return RawEvents(names, sizes, {}, lambda place: at_us[place], is_own=is_own)


def bytes_of(sums):
    return [[one.allocated_bytes for one in each] for each in sums]


def test_events_belong_to_the_stretch_of_their_time():
    own, _ = parts_by_turn([events([8, 4, 16, -8], [0.1, 0.9, 1.2, 3.5])], [1.0, 3.0])
    assert own == [[8, 4], [16], [-8]]


def test_marks_are_no_memory():
    ((first, _), _) = parts_by_turn([events([0, 0, -8, 16], [0.1, 0.2, 0.3, 0.4])], [1.0])
    assert sums_of(first)[:4] == (1, 16, 1, 8)


@pytest.mark.parametrize("order", [1, -1])
def test_what_other_threads_take_is_summed_by_itself(order):
    mine = events([8, 16], [0.5, 2.0])
    other = events([1, 2, 4], [0.5, 1.2, 99.0], is_own=False)
    own, others = parts_by_turn([mine, other][::order], [1.0, 3.0])
    assert own == [[8], [16], []]
    assert bytes_of(others) == [[1], [2], [4]]


def test_a_list_that_torch_lost_leaves_every_stretch_empty():
    assert parts_by_turn([], [1.0, 3.0]) == ([[], [], []], [[], [], []])


def test_times_begin_where_a_mark_says_so():
    mine = events([0, 0, -8, 0, 0, 16], [10.0, 11.0, 15.0, 20.0, 21.0, 30.0])
    other = events([1], [0.0], is_own=False)
    assert Began(1_000_000, 2).origin_ns([other, mine]) == 980_000
    assert Began(1_000_000).origin_ns([other, mine]) == 1_000_000
    assert Began(1_000_000, 2).origin_ns([other]) == 1_000_000


@pytest.fixture
def clock(monkeypatch):
    """The clock of stretches, in microseconds: `clock[0] = 5`."""
    now = [0]
    monkeypatch.setattr(clocks.time, "perf_counter_ns", lambda: 1000 * now[0])
    return now


def turn(turns, clock, begin_us, end_us):
    """A stretch from then to then."""
    clock[0] = begin_us
    turns.begin()
    clock[0] = end_us
    turns.end()


def test_a_stretch_that_is_read_while_it_is_open_is_counted_whole_when_it_is_over(clock):
    turns = Turns(None, Began(0))
    turn(turns, clock, 0, 10)
    clock[0] = 20
    turns.begin()
    (first,) = turns.sums([events([8, 16], [5.0, 25.0])])
    turns.events_begin(None, Began(30_000))
    clock[0] = 40
    turns.end()
    (second,) = turns.sums([events([-16, 4], [1.0, 2.0])])
    assert (first[4], first[5]) == (1, 8)
    allocations, nbytes, frees, freed_bytes, net_bytes, peak_bytes, signature = second[4:]
    assert (allocations, nbytes, frees, freed_bytes) == (2, 20, 1, 16)
    assert (net_bytes, peak_bytes, signature) == (4, 16, signature_of([16, 4]))


def test_a_border_lies_half_way_between_a_stretch_and_the_next(clock):
    turns = Turns(None, Began(0))
    turn(turns, clock, 0, 10)
    turn(turns, clock, 20, 30)
    first, second = turns.sums([events([1, 2, 4], [14.0, 16.0, 29.0])])
    assert (first[5], second[5]) == (1, 6)


@pytest.mark.usefixtures("each_way_of_counting")
def test_blocks_are_told_apart_however_close_they_are_to_a_border():
    with profile() as session:
        for index in range(200):
            hooks.frame_begin(index)
            for size in (10, 20, 30):
                with hooks.scope(f"of {size}", index):
                    torch.empty(size + index)
                torch.empty(1)
            hooks.frame_end(index)
    for one in session.frames:
        taken = {key[1]: tally.allocated_bytes for key, tally in one.stages.items()}
        sizes = {f"of {size}": 4 * (size + one.index) for size in (10, 20, 30)}
        assert taken == {"": 12, **sizes}


def test_clocks_are_those_of_the_stretch():
    turns = Turns(int, Began(0))
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
    turns = Turns(int, Began(0))
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
