"""Segments that wait for the end of their frame: nothing shows that they did."""

import threading

import pytest
import torch

from toolkit import hooks
from toolkit.devices.emu.clock import Counters
from toolkit.profiling import profile, record
from toolkit.profiling.entries import Entry, Waiting
from toolkit.profiling.looks import Looks
from toolkit.profiling.sums import sums_of

pytestmark = pytest.mark.usefixtures("each_way_of_counting")

LOOKED = 2  # the first frames, which are looked at and do not wait

COUNTED = ("calls", "allocations", "allocated_bytes", "frees", "freed_bytes", "peak_bytes")


class Sink:
    """Takes segments, and holds them."""

    is_recording, keeps_events = True, False

    def __init__(self):
        self.segments = []

    def add_plain(self, segments, thread):
        self.segments += segments


class Stream:
    """Has the stretches that it is told."""

    def __init__(self):
        self.kept = []

    def end(self, *sizes):
        self.kept.append((0, 0, 0, 0, *sums_of(sizes)))

    def take(self):
        kept, self.kept = self.kept, []
        return kept


def test_those_that_wait_are_handed_out_in_order_with_the_peaks_of_nested_scopes():
    sink = Sink()
    outer = Entry(hooks.Scope("outer"), [sink])
    inner = Entry(hooks.Scope("inner"), [sink])
    stream, looks = Stream(), Looks()
    waiting = Waiting(stream.take)
    waiting.begin(0, [sink])
    stream.end(100)
    waiting.add(outer, looks)
    stream.end(50, -50, 20)
    waiting.add(inner, looks)
    waiting.leave(inner, outer)
    stream.end(40)
    waiting.add(outer, looks)
    assert sink.segments == []
    waiting.settle(looks)
    assert [key[1] for key, *_ in sink.segments] == ["outer", "inner", "outer"]
    assert [peak_bytes for *_, (peak_bytes, _) in sink.segments] == [100, 50, 160]
    assert (outer.live_bytes, outer.peak_bytes) == (160, 160)


def test_too_many_are_handed_out_before_the_frame_ends():
    sink = Sink()
    entry = Entry(None, [sink])
    stream, looks = Stream(), Looks()
    waiting = Waiting(stream.take)
    waiting.begin(0, [sink])
    for _ in range(Waiting.MOST):
        stream.end(8)
        waiting.add(entry, looks)
    assert len(sink.segments) == Waiting.MOST


def frame(index, outer=100, inner=1000):
    hooks.frame_begin(index)
    with hooks.scope("outer", index, "demo"):
        kept = torch.empty(outer)
        with hooks.scope("inner", index, "demo"):
            torch.empty(inner)
        del kept
    hooks.frame_end(index)


def test_frames_that_wait_are_billed_like_those_that_are_looked_at():
    with profile() as session:
        for index in range(LOOKED + 3):
            frame(index)
    counted = [
        {stage: [getattr(tally, name) for name in COUNTED] for stage, tally in one.stages.items()}
        for one in session.frames
    ]
    assert counted == [counted[0]] * (LOOKED + 3)
    assert session.looks["recalled"] > 0
    outer, inner = session.bill().stage("outer"), session.bill().stage("inner")
    assert (outer.total.peak_bytes, inner.total.peak_bytes) == (4400, 4000)


def test_a_session_that_ends_in_the_middle_of_a_frame_has_what_waited():
    with profile() as session:
        for index in range(LOOKED):
            frame(index)
        hooks.frame_begin(9)
        with hooks.scope("inner", 9, "demo"):
            torch.empty(1000)
    assert session.bill().stage("inner").total.allocations == LOOKED + 1


def test_a_session_that_begins_in_the_middle_of_a_frame_has_nothing_from_before():
    with profile() as whole:
        for index in range(LOOKED):
            frame(index)
        hooks.frame_begin(9)
        with hooks.scope("inner", 9, "demo"):
            torch.empty(1000)
        with profile() as part, hooks.scope("inner", 9, "demo"):
            torch.empty(10)
        hooks.frame_end(9)
    assert part.bill().stage("inner").total.allocated_bytes == 40
    assert whole.bill().stage("inner").total.allocated_bytes == 4000 * (LOOKED + 1) + 40


def test_a_thread_without_a_frame_of_its_own_hands_out_at_once():
    with profile() as session:
        listeners = hooks.table()
        for index in range(LOOKED):
            frame(index)

        def help_out():
            with hooks.using(listeners):
                for _ in range(LOOKED + 1):
                    with hooks.scope("helper", 0, "demo"):
                        torch.empty(10)

        thread = threading.Thread(target=help_out)
        thread.start()
        thread.join()
    assert session.bill().stage("helper").total.allocated_bytes == 40 * (LOOKED + 1)


def test_an_allocation_that_nobody_foresaw_is_looked_at_once_it_is_counted():
    def looked_at():
        session.catch_up()
        return session.looks["looked at"]

    with profile() as session:
        for index in range(LOOKED + 3):
            frame(index)
            before = looked_at()
        frame(LOOKED + 3, inner=2000)
        assert looked_at() == before
        frame(LOOKED + 4, inner=2000)
        assert looked_at() > before


def test_frames_that_follow_each_other_fast_are_counted_together(monkeypatch):
    monkeypatch.setattr(record, "SOON_NS", 10**18)
    with profile() as session:
        for index in range(LOOKED + 3):
            frame(index)
        assert session._frame_count < LOOKED + 3
        assert session.frame_count == LOOKED + 3  # whoever looks sees all
        assert [one.index for one in session.frames] == list(range(LOOKED + 3))


def test_a_figure_drawn_while_frames_wait_has_all_their_stages(monkeypatch):
    monkeypatch.setattr(record, "SOON_NS", 10**18)
    with profile() as session:
        for index in range(LOOKED + 1):
            frame(index)
        assert {key[1] for key in session.stages} == {"", "outer", "inner"}


def test_a_frame_is_counted_when_it_ends_if_the_last_was_long_ago(monkeypatch):
    monkeypatch.setattr(record, "SOON_NS", 0)
    with profile() as session:
        for index in range(3):
            frame(index)
            assert session._frame_count == index + 1


class Emulated:
    """Stands for an emulated device, whose clock shows nothing."""

    @staticmethod
    def counters():
        return Counters()

    @staticmethod
    def cost():
        return ""


def test_memory_of_a_device_that_a_stage_enables_is_told_apart_at_once(monkeypatch):
    with profile() as session:
        for index in range(LOOKED + 1):
            frame(index)
        hooks.frame_begin(9)
        with hooks.scope("inner", 9, "demo"):
            torch.empty(1000)
            monkeypatch.setattr(torch, "emu", Emulated, raising=False)
            with hooks.device_memory("emu:0"):
                torch.empty(10)
        hooks.frame_end(9)
    inner = session.frames[-1].stages["demo", "inner"]
    assert (inner.allocated_bytes, inner.device_allocated_bytes) == (4040, 40)
