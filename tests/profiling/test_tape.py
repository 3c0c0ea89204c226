"""Scopes that are only noted until something comes up, or the frame ends: nothing shows of it."""

import gc
import threading
import weakref

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import noting, profile, record
from toolkit.profiling.tape import LONGEST, play

pytestmark = pytest.mark.usefixtures("each_way_of_counting")

LOOKED = 2  # the first frames, which are looked at and not noted


@pytest.fixture
def noted(monkeypatch):
    """What was noted, once it was counted: names of scopes, None where one was left, and frames."""
    names = []

    def listening(notes, *others):
        names.extend(one.stage if isinstance(one, hooks.Scope) else one for one in notes)
        play(notes, *others)

    monkeypatch.setattr(noting, "play", listening)
    return names


def run(stages, frames=LOOKED + 2):
    for index in range(frames):
        hooks.frame_begin(index)
        for name, work in stages.items():
            with hooks.scope(name, index):
                work(index)
        hooks.frame_end(index)


def test_each_stage_has_its_own_allocations_on_each_frame(noted):
    with profile() as session:
        run({"one": lambda index: torch.empty(10 + index), "two": lambda index: torch.empty(100)})
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
        run({"outer": outer}, frames=LOOKED + 1)
    assert [one for one in noted if type(one) is not int] == ["outer", "inner", None, None]
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
        run({"plain": lambda index: torch.empty(5), "stage": stage}, frames=LOOKED + 1)
    assert "plain" in noted
    total = session.bill().stage("stage").total
    assert total.copies == {"h2d": [LOOKED + 1, 64 * (LOOKED + 1)]}
    assert (total.allocations, total.allocated_bytes) == (2 * (LOOKED + 1), 120 * (LOOKED + 1))


def test_a_pause_of_the_collector_is_charged_to_the_scope_in_which_it_happens(noted):
    gc.collect()
    gc.disable()
    try:
        with profile() as session:
            run(
                {"before": lambda index: None, "stage": lambda index: gc.collect()},
                frames=LOOKED + 4,
            )
    finally:
        gc.enable()
    assert "before" in noted
    bill = session.bill()
    assert bill.stage("stage").total.gc_pauses == LOOKED + 4
    assert bill.stage("before").total.gc_pauses == 0


def test_pauses_of_other_threads_are_in_nobody_s_way(noted):
    with profile():
        thread = threading.Thread(target=gc.collect)  # which nobody records, so that nobody asks
        thread.start()
        thread.join()
        run({"stage": lambda index: torch.empty(1)}, frames=LOOKED + 4)
    assert noted.count("stage") >= 4


def test_what_a_backward_pass_takes_is_charged_to_the_stage_that_waits_for_it(noted):
    weight = torch.ones(1000, requires_grad=True)

    def train(index):
        weight.grad = None
        (weight * 2).sum().backward()

    with profile() as session:
        run({"before": lambda index: torch.empty(1), "train": train}, frames=LOOKED + 2)
    assert "train" in noted
    frames = [one.stages["", "train"] for one in session.frames]
    assert len({(one.allocations, one.allocated_bytes) for one in frames}) == 1


def test_two_sessions_see_the_same_and_none_of_it_is_noted(noted):
    with profile() as outer, profile() as inner:
        run({"stage": lambda index: torch.empty(10)})
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
        run({"before": lambda index: None, "stage": stage}, frames=LOOKED + 1)
    assert "before" in noted
    assert inner[0].bill().whole.total.allocated_bytes == 80
    last = outer.frames[-1].stages["", "stage"]
    assert (last.allocations, last.allocated_bytes) == (3, 240)


def test_every_thread_notes_for_itself():
    with profile() as session:
        table = hooks.table()

        def other():
            with hooks.using(table):
                run({"there": lambda index: torch.empty(100)})

        thread = threading.Thread(target=other)
        thread.start()
        run({"here": lambda index: torch.empty(10)})
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
        run({"stage": stage}, frames=LOOKED + 1)
    assert session.bill().stage("inner").calls == LONGEST * (LOOKED + 1)
    assert session.bill().stage("inner").total.allocations == LONGEST * (LOOKED + 1)


def test_frames_that_are_alike_are_noted_with_their_scopes(noted):
    with profile() as session:
        run({"stage": lambda index: torch.empty(10)}, frames=LOOKED + 3)
    first = noted.index(LOOKED)
    assert noted[first : first + 8] == [2, "stage", None, ~2, 3, "stage", None, ~3]
    assert [one.index for one in session.frames] == [0, 1, 2, 3, 4]
    assert all(one.stages["", "stage"].allocated_bytes == 40 for one in session.frames)
    assert all(one.peak_bytes == 40 for one in session.frames)


def test_what_lies_between_frames_is_charged_to_the_next_one():
    def between(index):
        torch.empty(100 * (index + 1))
        hooks.frame_begin(index)
        hooks.frame_end(index)

    with profile() as session:
        for index in range(LOOKED + 4):
            between(index)
    assert [one.total().allocated_bytes for one in session.frames] == [
        400 * (index + 1) for index in range(LOOKED + 4)
    ]


def test_a_look_that_is_asked_for_comes_with_the_next_frame(noted):
    with profile() as session:
        for index in range(LOOKED + 4):
            if index == LOOKED + 2:
                session.look()
            hooks.frame_begin(index)
            with hooks.scope("stage", index):
                torch.empty(10)
            hooks.frame_end(index)
    assert [one.level for one in session.frames] == ["counts"] * 4 + ["exact", "counts"]


def test_a_level_that_is_set_comes_with_the_next_frame(noted):
    with profile() as session:
        for index in range(LOOKED + 4):
            hooks.frame_begin(index)
            if index == LOOKED + 1:
                session.set_level("lines")
            with hooks.scope("stage", index):
                torch.empty(10)
            hooks.frame_end(index)
    assert [one.level for one in session.frames] == ["counts"] * 4 + ["lines", "lines"]


def test_a_stage_is_looked_at_again_on_every_sixtieth_entry():
    with profile() as session:
        run({"copy": lambda index: torch.ones(4).clone()}, frames=130)
    calls = session.operators["", "copy"]["aten::clone"].calls
    assert calls == 4  # the first two entries, and two of those that follow


def test_a_frame_that_ends_late_is_counted_at_once(monkeypatch):
    monkeypatch.setattr(record, "SOON_NS", 0)
    seen = []

    with profile() as session:

        def reader():
            seen.append(session._frame_count)  # without catching up, as another thread reads it

        for index in range(LOOKED + 2):
            hooks.frame_begin(index)
            hooks.frame_end(index)
            reader()
    assert seen == [1, 2, 3, 4]


def test_frames_inside_of_a_scope_that_names_one_are_charged_to_their_own(noted):
    with profile() as session:
        for _ in range(LOOKED + 2):
            with hooks.scope("run", 0):
                for index in range(4):
                    hooks.frame_begin(index)
                    with hooks.scope("stage", index):
                        torch.empty(8)
                    hooks.frame_end(index)
    assert "stage" in noted
    for one in session.frames:
        tally = one.stages.get(("", "stage"))
        assert tally is None or tally.allocated_bytes == 32 * tally.calls
    assert all(one.stages["", "stage"].calls == 1 for one in session.frames if one.index)


def test_copies_are_found_where_steps_and_frames_are_both_counted():
    kept = torch.ones(8)
    with profile() as session:
        for index in range(140):
            hooks.frame_begin(index)
            if index >= 20:
                kept.copy_(kept + 1)
            hooks.frame_end(index)
            session.step()
    copies = session.bill().stage("(outside stages)").total.copies
    assert copies["h2h"][0] > 60  # they were seen at the sixtieth entry, if not before


def test_a_session_that_its_own_callback_holds_is_let_go():
    class Keeper:
        pass

    def keep():
        keeper = Keeper()
        keeper.session = profile(on_trace_ready=lambda session: keeper)
        with keeper.session:
            torch.empty(1)
        return weakref.ref(keeper)

    gc.collect()
    kept = keep()
    with profile():
        torch.empty(1)  # the newest session is the one that a thread remembers
    gc.collect()
    assert kept() is None


def test_a_session_that_is_closed_inside_of_a_scope_leaves_the_thread_whole():
    session = profile()
    session.__enter__()
    with hooks.scope("stage", 0):
        torch.empty(1)
        session.__exit__(None, None, None)
    with profile() as other, hooks.scope("next", 0):
        torch.empty(2)
    assert other.bill().stage("next").total.allocated_bytes == 8
