"""Pauses of the garbage collector: whom they are charged to, and that nothing stays behind."""

import gc
import threading

import pytest

from toolkit import hooks
from toolkit.profiling import budget, profile
from toolkit.profiling.findings import findings
from toolkit.profiling.pauses import Pauses


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
    heard = []

    class Ear:
        def event(self, event):
            heard.append(event)

    times = iter([1000, 1700])
    pauses = Pauses(clock=lambda: next(times))
    ear = Ear()
    hooks.listen(ear)
    try:
        pauses("start", {"generation": 1})
        pauses("stop", {"generation": 1})
    finally:
        hooks.unlisten(ear)
    assert [(one.kind, one.op, one.t_ns, one.duration_ns) for one in heard] == [
        ("gc", "generation 1", 1000, 700)
    ]


def test_a_stop_whose_start_was_not_heard_is_no_pause():
    Pauses(clock=lambda: pytest.fail("there is nothing to time"))("stop", {"generation": 0})


def test_the_callback_is_there_while_a_session_is_open_and_once():
    before = list(gc.callbacks)
    with profile():
        with profile(level="lines"):
            assert len(gc.callbacks) == len(before) + 1
        assert len(gc.callbacks) == len(before) + 1
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


def test_a_pause_inside_the_recorder_itself_is_not_lost(monkeypatch):
    with profile(keep="all") as session:
        hooks.frame_begin(0)
        ledger = hooks.table()._hooks[0].listener._sink
        original = ledger.add_segment

        def collect_meanwhile(segment):
            gc.collect()
            original(segment)

        monkeypatch.setattr(ledger, "add_segment", collect_meanwhile)
        with hooks.scope("blur", 0):
            monkeypatch.undo()
        hooks.frame_end(0)
    (pause,) = pauses_of(session)
    assert (pause.stage, pause.frame) == ("blur", 0)


def test_the_line_is_known_where_the_level_gives_lines():
    with profile("counts", keep="all") as session:
        gc.collect()
    assert [pause.source for pause in pauses_of(session)] == [""]
    for level in ("lines", "exact"):
        with profile(level, keep="all") as session:
            gc.collect()
        (pause,) = pauses_of(session)
        assert "test_pauses.py" in pause.source


def test_the_bill_says_how_long_the_collector_paused():
    with profile() as session, hooks.scope("blur", 0):
        gc.collect()
    said = [line for line in findings(session.bill()) if "garbage collector" in line]
    assert len(said) == 1
    assert "in 1 pauses" in said[0]
    assert "generation 2 in blur" in said[0]


def test_a_pause_is_no_wait_of_a_budget():
    with budget(waits=0):
        gc.collect()
