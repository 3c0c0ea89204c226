"""What tasks were doing, from when to when."""

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scheduler.invented import MS, Pretend, Told
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.stretches import Doing, depths, slices, stretches
from toolkit.scheduler.trace import NO_LEVEL


def a_chat_that_awaits():
    told = Told()
    told("SUBMIT", 1, 1, "chat")
    told("SUBMIT", 2, 2, "train")
    told("START", 3, 1, "chat", worker=0, value=2 * MS)
    told("QUANTUM", 5, 1, "chat", worker=0, value=2 * MS)
    told("BLOCK", 6, 1, "chat", worker=0, value=2)
    told("LEVEL", 6, 2, "train", level="HIGH", value=3, reason="INHERITANCE")
    told("START", 6, 2, "train", level="HIGH", worker=1, value=4 * MS)
    told("YIELD", 8, 2, "train", level="HIGH", worker=1, reason="PREEMPTED", value=2 * MS)
    told("START", 9, 2, "train", level="HIGH", worker=0, value=1 * MS)
    told("DONE", 10, 2, "train", level="HIGH", worker=0)
    told("WAKE", 10, 1, "chat", value=4 * MS)
    told("START", 10, 1, "chat", worker=0)
    told("DONE", 12, 1, "chat", worker=0)
    return told


def brief(found):
    """What matters of stretches: doing, begin and end in ms, level, and how each ended."""
    return [
        (
            one.doing.value,
            one.begin_ns / MS,
            one.end_ns / MS,
            one.level,
            one.ended and one.ended.name,
        )
        for one in found
    ]


def test_a_life_falls_into_stretches_of_waiting_running_and_being_blocked():
    found = stretches(a_chat_that_awaits().recording())
    chat = [one for one in found if one.task == 1]
    assert brief(chat) == [
        ("queued", 1, 3, 1, "START"),
        ("running", 3, 6, 1, "BLOCK"),
        ("blocked", 6, 10, 1, "WAKE"),
        ("queued", 10, 10, 1, "START"),
        ("running", 10, 12, 1, "DONE"),
    ]
    assert chat[1].marks_ns == (5 * MS,)
    assert chat[2].awaits == 2
    train = [one for one in found if one.task == 2]
    assert brief(train) == [
        ("queued", 2, 6, 3, "LEVEL"),
        ("queued", 6, 6, 1, "START"),
        ("running", 6, 8, 1, "YIELD"),
        ("queued", 8, 9, 1, "START"),
        ("running", 9, 10, 1, "DONE"),
    ]
    assert train[0].reason == Reason.INHERITANCE
    assert train[2].reason == Reason.PREEMPTED


def test_each_worker_has_what_it_ran():
    by_worker = slices(stretches(a_chat_that_awaits().recording()))
    assert {worker: [one.task for one in ran] for worker, ran in by_worker.items()} == {
        0: [1, 2, 1],
        1: [2],
    }


def test_depths_count_who_is_queued_at_each_level():
    counted = depths(stretches(a_chat_that_awaits().recording()))
    assert [(one.t_ns / MS, one.queued) for one in counted] == [
        (1, (0, 1, 0, 0, 0)),
        (2, (0, 1, 0, 1, 0)),
        (3, (0, 0, 0, 1, 0)),
        (6, (0, 0, 0, 0, 0)),  # raised, and taken at once
        (8, (0, 1, 0, 0, 0)),
        (9, (0, 0, 0, 0, 0)),
    ]


def test_another_context_moves_what_is_queued_with_its_kind_but_not_what_was_raised():
    told = Told()
    told("SUBMIT", 1, 1, "train")
    told("SUBMIT", 1, 2, "train")
    told("LEVEL", 2, 2, "train", level="HIGH", value=3, reason="INHERITANCE")
    told("LEVEL", 3, 0, "train", level="IDLE", value=3, reason="CONTEXT")
    told("LEVEL", 4, 0, "train", level="CRITICAL", value=4, reason="CONTEXT")
    told("LEVEL", 5, 0, "train", level="LOW", value=0, reason="CONTEXT")
    told("SUBMIT", 6, 3, "train", level=NO_LEVEL)
    told("SHED", 7, 3, "train", reason="FULL")
    found = stretches(told.recording())
    assert [one.level for one in found if one.task == 1] == [3, 4, 0, 3]
    assert [one.level for one in found if one.task == 2] == [3, 1, 0, 1]
    assert [one.level for one in found if one.task == 3] == [3]


def test_what_a_kind_was_before_its_first_shift_is_read_off_that_shift():
    told = Told()  # the context of this recording held before it began
    told("SUBMIT", 1, 1, "train", level="NORMAL")
    told("LEVEL", 2, 0, "train", level="LOW", value=2, reason="CONTEXT")
    assert [one.level for one in stretches(told.recording())] == [2, 3]


def test_a_running_task_keeps_its_stretch_when_its_level_changes():
    told = Told()
    told("SUBMIT", 1, 1, "train")
    told("START", 2, 1, "train", worker=0, value=MS)
    told("LEVEL", 3, 0, "train", level="HIGH", value=3, reason="CONTEXT")
    told("YIELD", 4, 1, "train", worker=0, level="HIGH", reason="ROUND", value=2 * MS)
    assert brief(stretches(told.recording())) == [
        ("queued", 1, 2, 3, "START"),
        ("running", 2, 4, 3, "YIELD"),
        ("queued", 4, 4, 1, None),
    ]


def test_the_clock_of_two_threads_may_cross_and_time_never_goes_back():
    told = Told()
    told("SUBMIT", 1.5, 1)
    told("START", 1.2, 1, worker=0)
    told("DONE", 1.7, 1, worker=0)
    assert brief(stretches(told.recording())) == [
        ("queued", 1.5, 1.5, 1, "START"),
        ("running", 1.5, 1.7, 1, "DONE"),
    ]


def test_what_began_before_the_trace_begins_with_what_the_event_tells():
    told = Told()
    told("SUBMIT", 10, 9, "train")
    told("START", 11, 1, worker=0, value=MS // 2)  # no SUBMIT
    told("YIELD", 12, 2, worker=1, value=5 * MS)  # no START, and longer than the trace
    told("DONE", 13, 1, worker=0)
    told("WAKE", 14, 3, value=3 * MS)  # no BLOCK
    told("DONE", 15, 4, worker=0)  # no START, after another task
    told("FAIL", 16, 5, worker=2)  # no START, the first of its worker
    found = [one for one in stretches(told.recording(lost=3)) if one.begin_is_lost]
    assert sorted((one.task, one.begin_ns / MS, one.end_ns / MS) for one in found) == [
        (1, 10.5, 11),
        (2, 10, 12),
        (3, 11, 14),
        (4, 15, 15),
        (5, 10, 16),
    ]
    assert [one.awaits for one in found if one.doing is Doing.BLOCKED] == [-1]


def test_what_ended_unseen_ends_with_the_last_that_is_known_of_it():
    told = Told()
    told("SUBMIT", 1, 1)
    told("START", 2, 1, worker=0)
    told("QUANTUM", 3, 1, worker=0, value=MS)
    told("START", 8, 2, worker=0)  # how task 1 ended is lost
    told("SUBMIT", 9, 3)
    told("DONE", 12, 3, worker=1)  # when it began is lost
    found = stretches(told.recording())
    ran = [(one.task, one.begin_ns / MS, one.end_ns / MS) for one in found if one.worker < 9]
    assert ran == [(1, 2, 3), (2, 8, 12), (3, 9, 12)]
    assert [one.ended for one in found if one.task == 1] == [Happening.START, None]


def test_an_end_without_anything_before_it_is_no_stretch():
    told = Told()
    told("SHED", 1, 1, reason="LATE")
    told("CANCEL", 2, 2)
    told("LEVEL", 3, 3, level="HIGH", value=3, reason="AGING")
    told("GUARD", 4, worker=0, level=NO_LEVEL, value=MS)
    told("STEAL", 5, 4, worker=0, value=1)
    assert stretches(told.recording()) == []
    assert depths([]) == []


def check(recording: Recording):
    found = stretches(recording)
    assert all(one.begin_ns <= one.end_ns for one in found)
    assert all(recording.start_ns <= one.begin_ns for one in found)
    assert all(one.end_ns <= recording.end_ns for one in found)
    for one in found:
        assert list(one.marks_ns) == sorted(one.marks_ns)
        assert all(one.begin_ns <= mark <= one.end_ns for mark in one.marks_ns)
    for ran in slices(found).values():
        for before, after in itertools.pairwise(ran):
            assert before.end_ns <= after.begin_ns
    for task in {one.task for one in found}:
        own = [one for one in found if one.task == task]
        for before, after in itertools.pairwise(own):
            assert before.end_ns <= after.begin_ns
    counted = depths(found)
    assert all(min(one.queued) >= 0 for one in counted)
    assert [one.t_ns for one in counted] == sorted({one.t_ns for one in counted})
    return found


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 400))
def test_whatever_a_scheduler_does_nothing_overlaps_and_nothing_is_negative(seed, steps):
    pretend = Pretend(seed)
    recording = pretend.run(steps).recording()
    found = check(recording)
    assert not any(one.begin_is_lost or one.end_is_lost for one in found)
    still = [one for one in found if one.ended is None]
    assert {one.task for one in still if one.doing is Doing.QUEUED} == set(pretend.queued)
    assert {one.task for one in still if one.doing is Doing.BLOCKED} == set(pretend.blocked)
    levels = [pretend.level_of(task) for task in pretend.queued]
    counted = depths(found)
    assert (counted[-1].queued if counted else (0,) * 5) == tuple(map(levels.count, range(5)))


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sets(st.integers(0, 399)))
def test_whatever_is_lost_nothing_overlaps_and_nothing_is_negative(seed, lost):
    told = Pretend(seed).run(400)
    kept = [event for place, event in enumerate(told.events) if place not in lost]
    check(Told(kept).recording(lost=len(told.events) - len(kept)))


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 400))
def test_a_trace_that_was_overwritten_tells_of_its_rest_as_the_whole_one_does(seed, first):
    told = Pretend(seed).run(400)
    rest = Told(told.events[first:]).recording(lost=first)
    whole = {(one.task, one.doing, one.end_ns): one for one in check(told.recording())}
    for one in check(rest):
        if not one.begin_is_lost and one.ended != Happening.LEVEL:
            assert (one.task, one.doing, one.end_ns) in whole
