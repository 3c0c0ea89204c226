"""Who hears calls of libraries, and what stays behind: nothing."""

import builtins
import io
import json
import threading
import time

import pytest

from toolkit import hooks
from toolkit.profiling import OverBudget, acts, allowed, budget, profile
from toolkit.profiling.boundaries import seams

HERE = "test_boundaries.py"


def events_of(session, kind):
    return [event for event in session.events if event.kind == kind]


def in_place():
    return {
        (id(seam.owner), seam.name): vars(seam.owner).get(seam.name, "inherited")
        for seam in seams()
    }


@pytest.fixture
def originals():
    """What is there before any session; modules that are loaded meanwhile have seams, too."""
    return in_place()


def made_in(function):
    return getattr(getattr(function, "__code__", None), "co_filename", "")


def test_without_a_session_the_originals_are_in_place():
    ours = acts.__file__
    with profile():
        assert made_in(json.dumps) == ours
    assert [seam for seam in seams() if made_in(getattr(seam.owner, seam.name)) == ours] == []
    assert builtins.open is io.open


def test_wrappers_are_there_until_the_last_session_is_closed(originals):
    outer, inner = profile(), profile()
    with outer:
        with inner:
            wrapped = in_place()
            assert all(wrapped[key] is not original for key, original in originals.items())
        assert in_place() == wrapped
    assert in_place() == originals


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_wrappers_go_when_the_block_is_left_by_an_error(error, originals):
    with pytest.raises(error), profile():
        raise error
    assert in_place() == originals


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_wrappers_go_when_a_session_cannot_be_opened(error, monkeypatch, originals):
    def refuse(self, sink):
        raise error

    monkeypatch.setattr("toolkit.profiling.record.Recorder.attach", refuse)
    with pytest.raises(error), profile():
        pytest.fail("the session was opened")
    assert in_place() == originals
    assert not hooks.is_listening()


def test_whoever_wraps_a_wrapper_keeps_it_whole():
    original = json.dumps
    try:
        with profile():
            wrapper = json.dumps
            json.dumps = lambda value: wrapper(value)
        assert json.dumps([1]) == "[1]"
        with profile(keep="all") as session:
            json.dumps([1])
        assert [one.op for one in events_of(session, "serialize")] == ["json.dumps"]
    finally:
        json.dumps = original


def test_two_threads_do_not_hear_each_other(originals):
    sessions = {}
    both = threading.Barrier(2)

    def work(name, times):
        with profile(keep="all") as session:
            both.wait()
            for _ in range(times):
                json.dumps(name)
            both.wait()
        sessions[name] = session

    threads = [threading.Thread(target=work, args=one) for one in (("a", 2), ("b", 3))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    heard = {name: len(events_of(one, "serialize")) for name, one in sessions.items()}
    assert heard == {"a": 2, "b": 3}
    assert in_place() == originals


def test_nested_sessions_see_each_event_once():
    with profile(keep="all") as outer, profile(keep="all") as inner:
        json.dumps(1)
    assert [len(events_of(one, "serialize")) for one in (outer, inner)] == [1, 1]


def test_a_thread_that_a_session_was_carried_to_is_heard():
    with profile(keep="all") as session:
        table = hooks.table()

        def work():
            with hooks.using(table), hooks.scope("worker", 0):
                json.dumps(1)

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert [one.stage for one in events_of(session, "serialize")] == ["worker"]


@pytest.mark.parametrize(
    ("level", "has_line"), [("counts", False), ("lines", True), ("exact", True)]
)
def test_the_line_is_that_of_the_user_where_the_level_gives_lines(level, has_line, tmp_path):
    with profile(level, keep="all") as session:
        (tmp_path / "one").write_bytes(b"123")
        json.dumps(1)
        with hooks.timed("wait", op="ring"):
            pass
    found = [event for event in session.events if event.kind in ("io", "serialize", "wait")]
    assert len(found) == 3
    for event in found:
        assert (HERE in event.source) is has_line


def test_a_budget_holds_waits_and_names_the_line(once_waiting):
    event = threading.Event()
    once_waiting(event._cond, event.set)
    with pytest.raises(OverBudget) as over, budget(waits=0):
        event.wait()
    assert "Event.wait" in str(over.value)
    assert HERE in str(over.value)


def test_a_wait_that_is_allowed_is_in_the_budget(monkeypatch):
    monkeypatch.setattr(time, "sleep", lambda seconds: None)
    with budget(waits=0), allowed("waits"):
        time.sleep(1)
