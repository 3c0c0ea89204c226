"""A tape by itself, in Python and in the compiled hook: what it takes, and what it leaves."""

import threading
import time
from collections import deque

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import hook
from toolkit.profiling.entries import Entry, Waiting
from toolkit.profiling.looks import Looks
from toolkit.profiling.tape import LONGEST, Tape, mend, play


class Plan:
    """The part of a session's plan that a tape asks for."""

    changes = 0


class Sink:
    """A session that only is somebody."""

    def __init__(self):
        self.told = []

    def add_plain(self, segments, thread):
        self.told += [(key[1], frame) for key, frame, *_ in segments]

    def begin_frame(self, index):
        self.told.append(("begin", index))

    def end_frame(self, index, peak_bytes):
        self.told.append(("end", index))


LATER = time.perf_counter_ns() + 3_600_000_000_000


@pytest.fixture
def fresh(monkeypatch):
    """No device has a clock of its own and no pause is left over, whichever tests came before."""
    hook.PAUSES.clear()
    monkeypatch.delattr(torch, "emu", raising=False)
    monkeypatch.setattr(torch.cuda, "_initialized", False)


@pytest.fixture(params=["Python", "compiled hook"])
def tape(request, fresh):
    """A tape, and what makes the stretch under way be there."""
    if request.param == "Python":

        def note(end, notes, one):
            notes.append(one)

        yield Tape(note, lambda: True)
        return
    one = hook.Hook(request.getfixturevalue("compiled_hook"))
    one.resume()
    yield one.tape()
    one.pause()
    one.take()
    one.is_free()


def scope(stage="blur", frame=7, pipeline=""):
    """A scope, with names that are the same objects each time."""
    return hooks.Scope(stage, frame, pipeline)


def test_it_takes_scopes_of_its_frame_and_session_as_many_as_are_allowed(tape):
    sink, here = Sink(), scope()
    tape.open(sink, Plan(), True, 7, LATER)
    assert not tape.enter(sink, here)
    tape.allow("", "blur", 2)
    assert not tape.enter(Sink(), here)
    assert not tape.enter(sink, scope(frame=8))
    assert not tape.enter(sink, scope("gray"))
    assert tape.enter(sink, here)
    assert not tape.leave(sink, scope())
    assert tape.leave(sink, here)
    assert tape.enter(sink, here)
    assert tape.leave(sink, here)
    assert not tape.enter(sink, here)
    assert tape.take() == [here, None, here, None]
    assert tape.take() == []


def test_what_is_taken_while_it_is_open_is_no_longer_the_tape_s(tape):
    sink, here = Sink(), scope()
    tape.open(sink, Plan(), True, 7, LATER)
    tape.allow("", "blur", 60)
    assert tape.enter(sink, here)
    assert tape.take() == [here]
    assert not tape.leave(sink, here)


def test_a_closed_one_takes_none_and_keeps_what_it_has(tape):
    sink, here = Sink(), scope()
    tape.open(sink, Plan(), True, 7, LATER)
    tape.allow("", "blur", 60)
    tape.enter(sink, here)
    tape.close()
    assert not tape.leave(sink, here)
    assert tape.take() == [here]


def test_it_takes_frames_that_follow_one_another(tape):
    sink = Sink()
    tape.open(sink, Plan(), True, 7, LATER)
    tape.allow("", "", 2)
    assert not tape.end(sink, 8)
    assert tape.end(sink, 7)
    assert not tape.enter(sink, scope())
    assert tape.begin(sink, 9)
    assert not tape.begin(sink, 10)
    assert tape.end(sink, 9)
    assert tape.begin(sink, 10)
    assert tape.end(sink, 10)
    assert not tape.begin(sink, 11)  # which is to be looked at
    assert tape.take() == [~7, 9, ~9, 10, ~10]


@pytest.mark.parametrize("case", ["a change", "not even", "late", "open scope"])
def test_it_leaves_frames_to_others_that_are_not_like_the_last(tape, case):
    sink, plan = Sink(), Plan()
    tape.allow("", "blur", 60)
    tape.open(sink, plan, case != "not even", 7, 0 if case == "late" else LATER)
    if case == "a change":
        plan.changes = 1
    if case == "open scope":
        assert tape.enter(sink, scope())
    assert not tape.end(sink, 7)


def test_it_has_room_for_so_many(tape):
    sink, here = Sink(), scope()
    tape.open(sink, Plan(), True, 7, LATER)
    tape.allow("", "blur", 10_000)
    count = 0
    while tape.enter(sink, here) and tape.leave(sink, here):
        count += 1
    assert count == LONGEST // 2
    assert len(tape.take()) == LONGEST


def test_what_was_forgotten_is_allowed_no_more(tape):
    sink = Sink()
    tape.open(sink, Plan(), True, 7, LATER)
    tape.allow("", "blur", 60)
    tape.forget()
    assert not tape.enter(sink, scope())


def test_a_pause_or_a_device_is_nothing_to_be_noted(compiled_hook, fresh, monkeypatch):
    one = hook.Hook(compiled_hook)
    tape, sink = one.tape(), Sink()
    tape.allow("", "blur", 60)
    one.resume()
    tape.open(sink, Plan(), True, 7, LATER)
    with monkeypatch.context() as patch:
        patch.setattr(torch, "emu", object(), raising=False)
        assert not tape.enter(sink, scope())
    with monkeypatch.context() as patch:
        patch.setattr(torch.cuda, "_initialized", True)
        assert not tape.enter(sink, scope())
    hook.PAUSES.stops.append((1, 1))
    assert not tape.enter(sink, scope())
    hook.PAUSES.stops.clear()
    hook.PAUSES.waiting[threading.get_ident()] = deque()
    assert not tape.enter(sink, scope())
    hook.PAUSES.waiting[-1] = hook.PAUSES.waiting.pop(threading.get_ident())  # another thread's
    assert tape.enter(sink, scope())
    del hook.PAUSES.waiting[-1]
    one.pause()
    assert not tape.enter(sink, scope())  # no stretch is under way
    one.take()
    one.is_free()


def test_the_tape_of_another_thread_takes_nothing(tape):
    sink, found = Sink(), []
    tape.open(sink, Plan(), True, 7, LATER)
    tape.allow("", "blur", 60)
    if isinstance(tape, Tape):
        pytest.skip("who has it in Python, has the thread's own")
    thread = threading.Thread(target=lambda: found.append(tape.enter(sink, scope())))
    thread.start()
    thread.join()
    assert found == [False]


def test_what_was_noted_happens_once_and_in_order():
    sink = Sink()
    entries, frames, waiting, looks = [Entry(None, [sink])], [], Waiting(list), Looks()
    sink.is_recording = True
    for key in (("", ""), ("", "blur")) * 2:
        looks.is_due(key)  # the first entries are looked at
    waiting.begin(-1, [sink])
    notes = deque([7, scope(), None, ~7, 8, scope(frame=8)])
    play(notes, sink, entries, frames, waiting, looks)
    assert [one.scope for one in entries] == [None, scope(frame=8)]
    assert frames == [8]
    assert not notes
    assert looks.until_due(("", "blur")) == 56
    waiting._take = lambda: [(0,) * 11] * 6
    waiting.settle(looks)
    assert sink.told == [
        ("", -1),
        ("begin", 7),
        ("", 7),
        ("blur", 7),
        ("", 7),
        ("end", 7),
        ("", -1),
        ("begin", 8),
        ("", 8),
    ]


def test_an_end_whose_beginning_an_interrupt_took_ends_nothing_else():
    sink = Sink()
    entries, frames = [Entry(None, [sink])], []
    play(deque([None, ~7]), sink, entries, frames, Waiting(list), Looks())
    assert len(entries) == 1
    assert frames == []


@pytest.mark.parametrize(
    ("notes", "note", "left"),
    [
        ([1], scope(), [1]),
        ([1, scope()], scope(), [1]),
        ([1, 7], 7, [1]),
        ([1], None, [1, None]),
        ([1, None], None, [1, None]),
        ([1], ~7, [1, ~7]),
    ],
)
def test_after_an_interrupt_what_began_did_not_and_what_ended_did(notes, note, left):
    mend(notes, note, 1)
    assert notes == left
