"""The life of one task, in sentences."""

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scheduler.invented import MS, Pretend, Told
from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.stories import life_of
from toolkit.scheduler.trace import NO_WORKER


def texts(told, task):
    return [f"{at / MS:g} {text}" for at, text in life_of(told.recording(), task)]


def test_a_life_is_told_with_its_times_and_reasons():
    told = Told()
    told("SUBMIT", 1, 1, "train", value=30 * MS)
    told("LEVEL", 4.2, 1, "train", level="HIGH", value=3, reason="INHERITANCE")
    told("STEAL", 5, 1, "train", level="HIGH", worker=0, value=1)
    told("START", 5, 1, "train", level="HIGH", worker=0, value=4 * MS)
    told("QUANTUM", 7, 1, "train", level="HIGH", worker=0, value=2 * MS)
    told("YIELD", 9, 1, "train", level="HIGH", worker=0, reason="PREEMPTED", value=2 * MS)
    told("START", 10, 1, "train", level="HIGH", worker=1, value=MS)
    told("BLOCK", 11, 1, "train", worker=1, value=2)
    told("WAKE", 31, 1, "train", value=20 * MS)
    told("START", 31.5, 1, "train", worker=1, value=MS // 2)
    told("DONE", 32, 1, "train", worker=1, value=2 * MS)
    told("MISS", 32, 1, "train", worker=1, reason="WAITING", value=2 * MS)
    assert texts(told, 1) == [
        "1 submitted, due in 29.0 ms",
        "1 queued 3.2 ms at LOW",
        "4.2 raised from LOW to HIGH: somebody more urgent awaits it",
        "4.2 queued 800 us at HIGH",
        "5 worker 0 took it from worker 1",
        "5 ran 4.0 ms on worker 0 in 2 quanta, then made way: more urgent work waited",
        "9 queued 1.0 ms at HIGH",
        "10 ran 1.0 ms on worker 1",
        "11 awaited task 2 for 20.0 ms",
        "31 queued 500 us at LOW",
        "31.5 ran 500 us on worker 1",
        "32 done, 2.0 ms after its deadline",
        "32 missed its deadline by 2.0 ms: most of its time it awaited something",
    ]


def test_a_task_that_is_shed_says_why():
    told = Told()
    told("SUBMIT", 1, 1, value=NEVER)
    told("SHED", 3, 1, reason="NEWEST")
    assert texts(told, 1) == [
        "1 submitted",
        "1 queued 2.0 ms at HIGH",
        "3 dropped before it began: a newer one with the same key came",
    ]


def test_failure_and_cancellation_are_told():
    told = Told()
    told("SUBMIT", 1, 1, value=5 * MS)
    told("SUBMIT", 1, 2, value=NEVER)
    told("CANCEL", 2, 2)
    told("START", 2, 1, worker=0, value=MS)
    told("FAIL", 3, 1, worker=0, value=-2 * MS)
    assert texts(told, 1)[-2:] == [
        "2 ran 1.0 ms on worker 0",
        "3 its code raised, 2.0 ms before its deadline",
    ]
    assert texts(told, 2)[-1] == "2 cancelled"


def test_another_context_is_told_where_it_moved_the_task():
    told = Told()
    told("LEVEL", 0, 0, "train", level="NORMAL", value=3, reason="CONTEXT")
    told("SUBMIT", 1, 1, "train", level="NORMAL", value=NEVER)
    told("LEVEL", 2, 1, "train", level="HIGH", value=2, reason="AGING")
    told("LEVEL", 3, 0, "train", level="LOW", value=2, reason="CONTEXT")  # it stays raised
    told("LEVEL", 3, 0, "chat", level="IDLE", value=1, reason="CONTEXT")
    told("LEVEL", 4, 1, "train", level="LOW", value=1, reason="RETURNED")
    told("LEVEL", 5, 0, "train", level="CRITICAL", value=3, reason="CONTEXT")
    told("START", 6, 1, "train", level="CRITICAL", worker=0, value=5 * MS)
    told("LEVEL", 7, 0, "train", level="IDLE", value=0, reason="CONTEXT")  # while it runs
    told("DONE", 8, 1, "train", worker=0)
    told("LEVEL", 9, 0, "train", level="LOW", value=4, reason="CONTEXT")
    assert texts(told, 1) == [
        "1 submitted",
        "1 queued 1.0 ms at NORMAL",
        "2 raised from NORMAL to HIGH: it waited longest",
        "2 queued 2.0 ms at HIGH",
        "4 lowered from HIGH to LOW: what had raised it is over",
        "4 queued 1.0 ms at LOW",
        "5 raised with its kind from LOW to CRITICAL: another context holds",
        "5 queued 1.0 ms at CRITICAL",
        "6 ran 2.0 ms on worker 0",
        "7 lowered with its kind from CRITICAL to IDLE: another context holds",
        "8 done",
    ]


def test_what_the_trace_lost_is_said():
    told = Told()
    told("START", 2, 1, worker=0, value=9 * MS)
    told("BLOCK", 3, 1, worker=0, value=0)
    told("WAKE", 5, 1, value=2 * MS)
    told("DONE", 8, 1, worker=NO_WORKER)
    told("WAKE", 9, 2, value=MS)
    assert texts(told, 1) == [
        "2 how it began is not in the trace any more",
        "2 queued at least 0 us at HIGH",
        "2 ran 1.0 ms on worker 0",
        "3 awaited what is no task for 2.0 ms",
        "5 queued at least 0 us at HIGH; how that ended is not in the trace",
        "5 ran at least 3.0 ms",
        "8 done",
    ]
    assert texts(told, 2) == [
        "2 how it began is not in the trace any more",
        "8 awaited something for at least 1.0 ms",
        "9 queued at least 0 us at HIGH",
    ]
    assert texts(told, 77) == ["9 nothing of task 77 is in the trace"]
    assert texts(told, 0) == ["9 nothing of task 0 is in the trace"]


@settings(deadline=None)
@given(st.integers(0, 2**32), st.sets(st.integers(0, 149)))
def test_every_task_has_a_story_whatever_was_lost(seed, lost):
    told = Pretend(seed).run(150)
    told.events = [event for place, event in enumerate(told.events) if place not in lost]
    recording = told.recording()
    for task in {event.task for event in told.events}:
        assert all(text and at >= 0 for at, text in life_of(recording, task))
