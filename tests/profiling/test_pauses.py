"""Pauses of the garbage collector: whom they are charged to, and that nothing stays behind."""

import _thread
import gc
import signal
import threading
import weakref
from functools import partial

import pytest

from toolkit import hooks
from toolkit.profiling import budget, profile
from toolkit.profiling.findings import findings
from toolkit.profiling.pauses import PAUSES, Pause, Pauses
from toolkit.profiling.record import Recorder


@pytest.fixture(autouse=True)
def _collections_only_when_a_test_says_so():
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def pauses_of(session):
    return [event for event in session.events if event.kind == "gc"]


def test_a_pause_is_charged_to_the_stage_and_frame_in_which_it_happens():
    with profile(keep="all") as session:
        hooks.frame_begin(7)
        with hooks.scope("blur", 7):
            gc.collect()
        hooks.frame_end(7)
    (pause,) = pauses_of(session)
    assert (pause.op, pause.stage, pause.frame, pause.nbytes) == ("generation 2", "blur", 7, 0)
    total = session.bill().stage("blur").total
    assert total.gc_pauses == 1
    assert total.gc_ns == pause.duration_ns > 0


def test_the_collector_s_generation_is_named():
    with profile(keep="all") as session:
        gc.collect(0)
        gc.collect(1)
    assert [pause.op for pause in pauses_of(session)] == ["generation 0", "generation 1"]


def test_a_pause_lasts_from_its_start_to_its_stop():
    times = iter([1000, 1700])
    pauses = Pauses(clock=lambda: next(times))
    for phase in ("start", "stop"):
        for callback in pauses.callbacks:
            callback(phase, {"generation": 1})
    assert list(pauses.take()) == [Pause(generation=1, t_ns=1000, duration_ns=700)]
    assert pauses.take() is None


def test_a_stop_whose_start_was_not_heard_is_no_pause():
    pauses = Pauses()
    for phase in ("stop", "start", "stop"):
        for callback in pauses.callbacks:
            callback(phase, {"generation": 2})
    assert [pause.generation for pause in pauses.take()] == [2]


def test_pauses_that_nobody_takes_are_kept_in_bounded_memory():
    pauses = Pauses()
    for _ in range(1100):
        for phase in ("start", "stop"):
            for callback in pauses.callbacks:
                callback(phase, {"generation": 0})
    assert len(pauses.take()) == 1000


@pytest.fixture
def alone():
    """Nobody else hears of pauses, such as hypothesis, in whose callback an interrupt is lost."""
    others = gc.callbacks[:]
    gc.callbacks.clear()
    yield
    gc.callbacks[:] = others


@pytest.mark.usefixtures("alone")
def test_an_interrupt_that_comes_during_a_pause_is_not_lost():
    class Garbage:
        def __init__(self):
            self.cycle = self

    # All in C, as a signal is: the handler then runs where Python code runs next on this thread.
    interrupt = map(_thread.interrupt_main, [signal.SIGINT])
    seen = weakref.ref(Garbage(), partial(next, interrupt))
    with pytest.raises(KeyboardInterrupt), profile():
        gc.collect()
    assert seen() is None


def test_the_callback_is_there_while_a_session_is_open_and_once():
    before = list(gc.callbacks)
    with profile():
        with profile(level="lines"):
            assert gc.callbacks == [*before, *PAUSES.callbacks]
        assert gc.callbacks == [*before, *PAUSES.callbacks]
    assert gc.callbacks == before


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_the_callback_goes_when_the_block_is_left_by_an_error(error):
    before = list(gc.callbacks)
    with pytest.raises(error), profile():
        raise error
    assert gc.callbacks == before


def test_a_session_survives_a_callback_that_somebody_took_out():
    with profile() as session:
        gc.callbacks.clear()
        gc.collect()
    assert session.bill().whole.total.gc_pauses == 0


def test_a_thread_that_no_session_was_carried_to_is_not_heard():
    with profile() as session:
        thread = threading.Thread(target=gc.collect)
        thread.start()
        thread.join()
    assert session.bill().whole.total.gc_pauses == 0


def test_nested_sessions_see_each_pause_once():
    with profile() as outer, profile() as inner:
        gc.collect()
    assert [one.bill().whole.total.gc_pauses for one in (outer, inner)] == [1, 1]


def test_a_pause_inside_the_recorder_itself_is_charged_to_what_comes_next(monkeypatch):
    with profile(keep="all") as session:
        hooks.frame_begin(0)
        original = Recorder._open_segment

        def collect_meanwhile(self, missing):
            monkeypatch.undo()
            gc.collect()
            original(self, missing)

        monkeypatch.setattr(Recorder, "_open_segment", collect_meanwhile)
        with hooks.scope("blur", 0):
            pass
        hooks.frame_end(0)
    (pause,) = pauses_of(session)
    assert (pause.stage, pause.frame) == ("blur", 0)


def test_the_bill_says_how_long_the_collector_paused():
    with profile() as session, hooks.scope("blur", 0):
        gc.collect()
    said = [line for line in findings(session.bill()) if "garbage collector" in line]
    assert len(said) == 1
    assert "in 1 pause," in said[0]
    assert "generation 2 in blur" in said[0]


def test_a_pause_is_no_wait_of_a_budget():
    with budget(waits=0):
        gc.collect()
