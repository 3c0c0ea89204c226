"""Scopes that are only noted until something comes up, or the frame ends: nothing shows of it."""

import gc
import threading

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import profile
from toolkit.profiling.entries import Entry, Waiting
from toolkit.profiling.record import Recorder
from toolkit.profiling.tape import LONGEST, Tape

pytestmark = pytest.mark.usefixtures("each_way_of_counting")

LOOKED = 2  # the first frames, which are looked at and not noted


@pytest.fixture
def noted(monkeypatch):
    """Names of the scopes that were noted, None where one was left."""
    names = []
    note = Recorder._note

    def listening(recorder, scope):
        names.append(scope.stage if scope else None)
        note(recorder, scope)

    monkeypatch.setattr(Recorder, "_note", listening)
    return names


def play(stages, frames=LOOKED + 2):
    for index in range(frames):
        hooks.frame_begin(index)
        for name, work in stages.items():
            with hooks.scope(name, index):
                work(index)
        hooks.frame_end(index)


def test_each_stage_has_its_own_allocations_on_each_frame(noted):
    with profile() as session:
        play({"one": lambda index: torch.empty(10 + index), "two": lambda index: torch.empty(100)})
    frames = [
        {key[1]: (tally.allocations, tally.allocated_bytes) for key, tally in one.stages.items()}
        for one in session.frames
    ]
    assert [one["one"] for one in frames] == [(1, 40 + 4 * index) for index in range(len(frames))]
    assert all(one["two"] == (1, 400) for one in frames)
    assert "two" in noted


def test_a_scope_inside_of_a_noted_one_suspends_it(noted):
    kept = []

    def outer(index):
        kept.append(torch.empty(1000))
        with hooks.scope("inner", index):
            torch.empty(500)
        torch.empty(1)

    with profile() as session:
        play({"outer": outer}, frames=LOOKED + 1)
    assert noted == ["outer", "inner", None, None]
    bill = session.bill()
    assert bill.stage("inner").total.allocated_bytes == 2000 * (LOOKED + 1)
    assert bill.stage("outer").total.allocated_bytes == 4004 * (LOOKED + 1)
    assert (bill.stage("outer").total.peak_bytes, bill.stage("inner").total.peak_bytes) == (
        6000,
        2000,
    )
    assert bill.stage("outer").calls == LOOKED + 1


def test_what_is_reported_in_a_noted_scope_is_charged_to_it(noted):
    def stage(index):
        torch.empty(10)
        hooks.report("copy", 64, direction="h2d")
        torch.empty(20)

    with profile() as session:
        play({"plain": lambda index: torch.empty(5), "stage": stage}, frames=LOOKED + 1)
    assert noted[0] == "plain"
    total = session.bill().stage("stage").total
    assert total.copies == {"h2d": [LOOKED + 1, 64 * (LOOKED + 1)]}
    assert (total.allocations, total.allocated_bytes) == (2 * (LOOKED + 1), 120 * (LOOKED + 1))


def test_a_pause_of_the_collector_is_charged_to_the_scope_in_which_it_happens(noted):
    gc.collect()
    gc.disable()
    try:
        with profile() as session:
            play(
                {"before": lambda index: None, "stage": lambda index: gc.collect()},
                frames=LOOKED + 4,
            )
    finally:
        gc.enable()
    assert "before" in noted
    bill = session.bill()
    assert bill.stage("stage").total.gc_pauses == LOOKED + 4
    assert bill.stage("before").total.gc_pauses == 0


def test_what_a_backward_pass_takes_is_charged_to_the_stage_that_waits_for_it(noted):
    weight = torch.ones(1000, requires_grad=True)

    def train(index):
        weight.grad = None
        (weight * 2).sum().backward()

    with profile() as session:
        play({"before": lambda index: torch.empty(1), "train": train}, frames=LOOKED + 2)
    assert "train" in noted
    frames = [one.stages["", "train"] for one in session.frames]
    assert len({(one.allocations, one.allocated_bytes) for one in frames}) == 1


def test_two_sessions_see_the_same_and_none_of_it_is_noted(noted):
    with profile() as outer, profile() as inner:
        play({"stage": lambda index: torch.empty(10)})
    assert noted == []
    assert outer.bill().stage("stage").total.allocations == LOOKED + 2
    assert inner.bill().stage("stage").total.allocations == LOOKED + 2


def test_a_session_that_begins_in_a_noted_scope_sees_what_follows(noted):
    inner = []

    def stage(index):
        torch.empty(10)
        if index == LOOKED:
            with profile() as session:
                torch.empty(20)
            inner.append(session)
        torch.empty(30)

    with profile() as outer:
        play({"before": lambda index: None, "stage": stage}, frames=LOOKED + 1)
    assert "before" in noted
    assert inner[0].bill().whole.total.allocated_bytes == 80
    last = outer.frames[-1].stages["", "stage"]
    assert (last.allocations, last.allocated_bytes) == (3, 240)


def test_every_thread_notes_for_itself():
    with profile() as session:
        table = hooks.table()

        def other():
            with hooks.using(table):
                play({"there": lambda index: torch.empty(100)})

        thread = threading.Thread(target=other)
        thread.start()
        play({"here": lambda index: torch.empty(10)})
        thread.join()
    bill = session.bill()
    assert bill.stage("here").total.allocated_bytes == 40 * (LOOKED + 2)
    assert bill.stage("there").total.allocated_bytes == 400 * (LOOKED + 2)


def test_a_frame_of_very_many_scopes_is_counted_whole(noted):
    def stage(index):
        for _ in range(LONGEST):
            with hooks.scope("inner", index):
                torch.empty(1)

    with profile() as session:
        play({"stage": stage}, frames=LOOKED + 1)
    assert session.bill().stage("inner").calls == LONGEST * (LOOKED + 1)
    assert session.bill().stage("inner").total.allocations == LONGEST * (LOOKED + 1)


def test_a_tape_takes_scopes_of_its_frame_and_session_alone():
    tape, sink = Tape(), object()
    tape.open_for([sink], 7, int)
    assert tape.is_for(sink, hooks.Scope("blur", 7))
    assert not tape.is_for(sink, hooks.Scope("blur", 8))
    assert not tape.is_for(object(), hooks.Scope("blur", 7))
    tape.open_for([sink, object()], 7, int)
    assert not tape.is_for(sink, hooks.Scope("blur", 7))
    tape.open_for([sink], 7, int)
    tape.close()
    assert not tape.is_for(sink, hooks.Scope("blur", 7))


def test_what_was_noted_is_played_once_and_in_order():
    tape, scope, sink = Tape(), hooks.Scope("blur", 7), object()
    entries, waiting = [Entry(None, [sink])], Waiting(list)
    tape.note(scope)
    assert tape.opened == [scope]
    tape.play(entries, waiting)
    assert [one.scope for one in entries] == [None, scope]
    assert tape.opened == []  # it is an entry like others now
    tape.play(entries, waiting)
    assert len(entries) == 2
