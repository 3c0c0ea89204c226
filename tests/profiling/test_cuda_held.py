"""Level `exact` with a driver: segments are held until the frame ends, and completed then.

The driver is scripted: what it says is made of what the modes saw. A tensor on `meta` stands for
one on a device, for torch copies to it without a GPU.
"""

import threading

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import budget, profile
from toolkit.profiling.driver import BUSY, Driver
from toolkit.profiling.driver_trace import DriverTrace, HostCall, Transfer
from toolkit.profiling.held import NO_DRIVER, NO_LINES, SILENT, Held
from toolkit.profiling.memory_history import IN_USE, History
from toolkit.profiling.recorders import this_thread

ME = threading.get_native_id()
PICTURE = torch.ones(256)  # 1024 bytes
PAGEABLE = "Memcpy HtoD (Pageable -> Device)"


class Scripted(Driver):
    """A driver whose trace is what `script` makes of the held segments."""

    def __init__(self):
        super().__init__()
        self.script = lambda _segments: DriverTrace()
        self.begins = 0
        self.held = None
        self.answer = ""

    def begin(self, owner):
        self.begins += 1
        return self.answer

    def end(self, owner):
        return self.script(self.held._segments_before)


class Watched(Held):
    """Keeps the segments for the script."""

    def release(self):
        self._segments_before = list(self._segments)
        super().release()


class NoRing(History):
    """A ring that somebody else has."""

    answer = ""

    def begin(self, owner):
        return self.answer

    def end(self, owner, *, is_wanted):
        return []


@pytest.fixture
def driver(monkeypatch):
    """The driver of this thread's recorder, scripted."""
    scripted, ring = Scripted(), NoRing()
    held = Watched(1, ME, driver=scripted, history=ring, is_in_use=lambda: True)
    scripted.held, scripted.ring = held, ring
    monkeypatch.setattr(this_thread(), "_held", held)
    return scripted


def upload_in_thirds(segments):
    """Of every upload the first third is waiting, the second copying, the third is neither."""
    calls, transfers = [], []
    for one in segments:
        for _, _, _, at_ns, took_ns in one.seen.syncs:
            third, number = took_ns // 3, len(calls)
            calls.append(HostCall("cudaMemcpyAsync", at_ns, at_ns + 2 * third, ME, number))
            begin, end = at_ns + third, at_ns + 2 * third
            transfers.append(Transfer(PAGEABLE, "h2d", 1024, True, begin, end, "cuda:0", number))
    return DriverTrace(tuple(calls), tuple(transfers))


def call_in_other(segments):
    """When the one call into torch ran that the stage "other" makes; a list of one, or none."""
    found = [one.seen.calls[0] for one in segments if one.segment.stage == "other"]
    return [(begin_ns, end_ns) for begin_ns, end_ns, _ in found]


def play(frames=1):
    for index in range(frames):
        hooks.frame_begin(index)
        with hooks.scope("upload", index):
            PICTURE.to("meta")
        with hooks.scope("other", index):
            torch.add(PICTURE, PICTURE)
        hooks.frame_end(index)


def test_an_upload_is_waiting_and_copying_and_counted_once(driver):
    driver.script = upload_in_thirds
    with profile("exact", "all") as session:
        play()
    total = session.bill().stage("upload").total
    assert total.copies["h2d"] == [1, 1024]
    assert total.syncs == 1
    assert total.copying_ns > 0
    assert abs(total.wait_ns - total.copying_ns) <= 1
    assert (total.pageable_copies, total.pageable_bytes) == (1, 1024)
    (copy,) = [event for event in session.events if event.kind == "copy"]
    (sync,) = [event for event in session.events if event.kind == "sync"]
    assert (copy.duration_ns, sync.duration_ns) == (total.copying_ns, total.wait_ns)
    assert copy.source.endswith(" play")


def test_the_bill_says_what_went_through_pageable_memory_and_what_was_copying(driver):
    driver.script = upload_in_thirds
    with profile("exact") as session:
        play()
    notes = " ".join(session.bill().notes)
    assert "1 copies (1.02 kB) went from or to pageable memory" in notes
    assert "while copies ran" in notes
    assert session.bill().stage("upload").to_dict()["pageable_bytes"] == 1024


def test_frames_and_stages_are_those_of_a_device_without_a_driver(driver, monkeypatch):
    driver.script = upload_in_thirds
    with profile("exact") as held:
        play(3)
    begins = driver.begins
    monkeypatch.setattr(driver.held, "_is_in_use", lambda: False)
    with profile("exact") as plain:
        play(3)

    def shape(session):
        return [
            (frame.index, [(key, one.allocations, one.copies) for key, one in frame.stages.items()])
            for frame in session.frames
        ]

    assert shape(held) == shape(plain)
    assert begins == 4  # and one for what comes after the last frame


def test_work_that_leads_up_to_a_frame_is_paid_by_it(driver):
    driver.script = upload_in_thirds
    with profile("exact", "all") as session:
        for index in range(2):
            with hooks.scope("decode"):
                PICTURE.to("meta")
            hooks.frame_begin(index)
            hooks.frame_end(index)
    costs = [frame.stages["", "decode"].pageable_copies for frame in session.frames]
    assert costs == [1, 1]
    assert [one.frame for one in session.events if one.kind == "copy"] == [0, 1]


def test_a_thread_that_only_has_stages_is_not_forgotten(driver):
    def work():
        recorder = this_thread()
        driver.held._names = frozenset({ME})
        recorder._held = driver.held
        with hooks.using(listeners), hooks.scope("worker", 0):
            PICTURE.to("meta")

    driver.script = upload_in_thirds
    with profile("exact") as session:
        listeners = hooks.table()
        this_thread()._held = Held(0, 0, is_in_use=lambda: False)
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert session.bill().stage("worker").total.pageable_copies == 1


def test_only_exact_asks_the_driver(driver):
    for level in ("counts", "lines"):
        with profile(level):
            play()
    assert driver.begins == 0


def test_frames_that_are_looked_at_ask_and_the_others_do_not(driver):
    driver.script = upload_in_thirds
    with profile(detail=lambda number: "exact" if number == 1 else "") as session:
        play(4)
    assert [frame.total().pageable_copies for frame in session.frames] == [0, 1, 0, 0]


def test_a_hidden_wait_has_the_line_of_the_call_that_it_was_in(driver):
    def hidden(segments):
        spans = call_in_other(segments)
        return DriverTrace(tuple(HostCall("cudaStreamSynchronize", *one, ME, 1) for one in spans))

    driver.script = hidden
    with profile("exact", "all") as session:
        play()
    (sync,) = [event for event in session.events if event.op == "cudaStreamSynchronize"]
    assert sync.stage == "other"
    assert sync.source.endswith(" play")
    (row,) = [row for row in session.lines() if row.op == "cudaStreamSynchronize"]
    assert row.counts.syncs == 1


def test_a_hidden_copy_is_added_with_its_bytes(driver):
    def hidden(segments):
        spans = call_in_other(segments)
        name = "Memcpy DtoH (Device -> Pinned)"
        return DriverTrace(
            tuple(HostCall("cudaMemcpyAsync", *one, ME, 1) for one in spans),
            tuple(Transfer(name, "d2h", 4, False, *one, "cuda:0", 1) for one in spans),
        )

    driver.script = hidden
    with profile("exact") as session:
        play()
    assert session.bill().stage("other").total.copies["d2h"] == [1, 4]


def test_a_call_of_another_thread_is_not_charged_here(driver):
    def foreign(segments):
        one = segments[0].segment
        end_ns = one.start_ns + one.duration_ns
        return DriverTrace((HostCall("cudaStreamSynchronize", one.start_ns, end_ns, ME + 1, 1),))

    driver.script = foreign
    with profile("exact") as session:
        play()
    assert session.bill().whole.total.syncs == 1


def test_whoever_gives_way_says_so(driver):
    driver.answer, driver.ring.answer = BUSY, IN_USE
    with profile("exact") as session:
        play()
    notes = " ".join(session.bill().notes)
    assert NO_DRIVER.format(BUSY) in notes
    assert NO_LINES.format(IN_USE) in notes
    assert session.bill().whole.total.syncs == 1


def test_a_driver_that_tells_nothing_is_not_believed(driver):
    with profile("exact") as session:
        play()
    assert any(note.startswith(SILENT) for note in session.bill().notes)
    assert session.bill().whole.total.wait_ns > 0


def test_code_without_frames_is_completed_at_the_end_of_a_step(driver):
    driver.script = upload_in_thirds
    with profile("exact") as session:
        for _ in range(2):
            PICTURE.to("meta")
            session.step()
    assert [frame.total().pageable_copies for frame in session.frames] == [1, 1]


def test_more_than_can_be_held_is_handed_out_early(driver, monkeypatch):
    monkeypatch.setattr("toolkit.profiling.held.MOST", 4)
    driver.script = upload_in_thirds
    with profile("exact") as session:
        for index in range(10):
            with hooks.scope("upload", index):
                PICTURE.to("meta")
    assert session.bill().whole.total.pageable_copies == 10
    assert driver.begins > 1


def test_a_budget_with_exact_frames_sees_every_copy_once(driver):
    driver.script = upload_in_thirds
    with budget(h2d_bytes=1024, action="warn") as meter, profile("exact"):
        PICTURE.to("meta")
    assert meter.session.bill().whole.total.copies["h2d"] == [1, 1024]
