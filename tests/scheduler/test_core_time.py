"""The share of the cores that a quantum had."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scheduler.invented import MS, Pretend, Told
from toolkit.scheduler.core_time import core_times
from toolkit.scheduler.stretches import Doing, stretches

LANES = ((0, 0), (0, 0), (1, 2), (1, 2), (3, 4), (3, 4))


def on_cores(told, cores, lanes=LANES):
    return replace(told.recording(workers=len(lanes)), cores=cores, lanes=lanes)


def by_task(recording):
    found = stretches(recording)
    times = core_times(recording, found)
    had = {}
    for one, quanta_ns in zip(found, times, strict=True):
        had.setdefault(one.task, []).extend(ns / MS for ns in quanta_ns)
    return had


def beside_each_other():
    """A training step from 0 to 10 ms, a chat from 2 to 6 ms, a frame from 4 to 5 ms."""
    told = Told()
    told("START", 0, 1, "train", worker=4)
    told("QUANTUM", 1, 1, "train", worker=4, value=MS)
    told("START", 2, 2, "chat", worker=2)
    told("START", 4, 3, "frame", worker=0)
    told("DONE", 5, 3, "frame", worker=0)
    told("DONE", 6, 2, "chat", worker=2)
    told("DONE", 10, 1, "train", worker=4)
    return told


def test_with_a_core_for_each_a_quantum_had_the_time_that_it_took():
    assert by_task(on_cores(beside_each_other(), cores=3)) == {1: [1, 9], 2: [4], 3: [1]}


def test_the_more_important_lane_has_the_core_and_the_others_what_is_left():
    assert by_task(on_cores(beside_each_other(), cores=2)) == {1: [1, 8], 2: [4], 3: [1]}
    assert by_task(on_cores(beside_each_other(), cores=1)) == {1: [1, 5], 2: [3], 3: [1]}


def test_one_lane_shares_equally():
    recording = on_cores(beside_each_other(), cores=1, lanes=((0, 4),) * 6)
    had = by_task(recording)
    assert had[3] == [pytest.approx(1 / 3, rel=1e-5)]
    assert had[2] == [pytest.approx(1 + 1 / 3 + 1 / 2, rel=1e-5)]


def test_a_quantum_that_is_not_over_is_left_out():
    told = Told()
    told("START", 0, 1, worker=0)
    told("QUANTUM", 1, 1, worker=0, value=MS)
    told("SUBMIT", 3, 2)
    assert by_task(told.recording()) == {1: [1], 2: []}


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 200), st.integers(1, 2))
def test_nobody_has_more_than_it_took_and_all_no_more_than_there_is(seed, lost, cores):
    told = Pretend(seed).run(200)
    told.events = told.events[lost:]
    recording = replace(told.recording(lost=lost), cores=cores)
    found = stretches(recording)
    times = core_times(recording, found)
    for one, quanta_ns in zip(found, times, strict=True):
        is_over = one.doing is Doing.RUNNING and one.ended is not None
        assert len(quanta_ns) == len(one.marks_ns) + is_over
        assert all(ns >= 0 for ns in quanta_ns)
        assert sum(quanta_ns) <= one.end_ns - one.begin_ns + len(quanta_ns)
    most_ns = cores * (recording.end_ns - recording.start_ns)
    assert sum(map(sum, times)) <= most_ns + len(told.events)
