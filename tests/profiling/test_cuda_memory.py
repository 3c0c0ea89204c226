"""Device memory that no stream shows: counters of the process, and the ring of the allocator."""

import pytest
import torch

from toolkit.profiling.counting import NOT_ATTRIBUTED, Counts, add_unseen
from toolkit.profiling.cuda_memory import Unseen, grown
from toolkit.profiling.held import HeldSegment, attribute
from toolkit.profiling.memory_history import (
    IN_USE,
    NO_RING,
    History,
    Taken,
    blocks_taken,
    unexplained,
)
from toolkit.profiling.segments import Segment
from toolkit.profiling.session import Session
from toolkit.profiling.watch import Seen

NOTHING = (0, 0, 0, 0)


class Worker:
    """Stands for the recorder of a thread."""


def at(allocations, nbytes, frees=0, freed=0, device="cuda:0"):
    return {device: (allocations, nbytes, frees, freed)}


def test_what_the_stream_showed_is_not_unseen():
    unseen, me = Unseen(), Worker()
    unseen.begin(me, at(5, 100))
    assert unseen.end(me, at(6, 612), (1, 512, 0, 0)) == NOTHING


def test_what_it_did_not_show_is():
    unseen, me = Unseen(), Worker()
    unseen.begin(me, at(5, 100))
    assert unseen.end(me, at(8, 1636, 1, 512), (1, 512, 0, 0)) == (2, 1024, 1, 512)


def test_two_threads_are_not_charged_for_each_other():
    unseen, me, you = Unseen(), Worker(), Worker()
    unseen.begin(me, at(0, 0))
    unseen.begin(you, at(1, 512))
    assert unseen.end(me, at(3, 1536), (2, 1024, 0, 0)) == NOTHING
    assert unseen.end(you, at(3, 1536), (1, 512, 0, 0)) == NOTHING


def test_a_third_one_that_is_not_recorded_is_charged_once_when_both_are_done():
    unseen, me, you = Unseen(), Worker(), Worker()
    unseen.begin(me, at(0, 0))
    unseen.begin(you, at(0, 0))
    assert unseen.end(me, at(3, 1536), (1, 512, 0, 0)) == NOTHING
    assert unseen.end(you, at(3, 1536), (1, 512, 0, 0)) == (1, 512, 0, 0)
    unseen.begin(me, at(9, 9000))
    assert unseen.end(me, at(9, 9000), NOTHING) == NOTHING


def test_a_thread_that_was_interrupted_or_died_does_not_keep_the_book_open():
    unseen, me = Unseen(), Worker()
    unseen.begin(me, at(0, 0))
    unseen.begin(me, at(0, 0))
    gone = Worker()
    unseen.begin(gone, at(0, 0))
    del gone
    assert unseen.end(me, at(1, 512), NOTHING) == (1, 512, 0, 0)


def test_all_devices_are_added_up_and_new_ones_rose_from_nothing():
    before = at(1, 512)
    after = at(2, 1024) | at(4, 2048, device="cuda:1")
    assert grown(before, after) == (5, 2560, 0, 0)


# What torch.cuda.memory._snapshot() gives, shortened: one entry for each action, newest last.
LINE = {"filename": "/somewhere/mine.py", "line": 7, "name": "train"}
INSIDE = {"filename": torch.__file__, "line": 1, "name": "matmul"}
SNAPSHOT = {
    "segments": [],
    "device_traces": [
        [
            {"action": "segment_alloc", "addr": 1, "size": 2 << 20, "stream": 0, "frames": []},
            {
                "action": "alloc",
                "addr": 1,
                "size": 100,
                "stream": 0,
                "time_us": 50,
                "frames": [INSIDE, LINE],
            },
            {"action": "free_requested", "addr": 1, "size": 100, "stream": 0, "frames": []},
            {"action": "free_completed", "addr": 1, "size": 100, "stream": 0, "frames": []},
            {"action": "oom", "size": 1 << 40, "stream": 0, "device_free": 3, "frames": []},
            {"action": "snapshot", "addr": 0, "size": 0, "stream": 0, "frames": []},
        ],
        [{"action": "alloc", "addr": 2, "size": 8, "stream": 9, "time_us": 20, "frames": []}],
    ],
}


def test_allocations_are_read_from_the_ring_in_order_of_time():
    small, large = blocks_taken(SNAPSHOT, clock_offset_ns=1000)
    assert small == Taken(8, 21_000, "", 9)
    assert (large.nbytes, large.at_ns) == (100, 51_000)
    assert large.source.endswith("mine.py:7 train")


def test_a_ring_that_was_not_read_has_none():
    assert blocks_taken({}) == []


def test_what_the_stream_has_is_explained_block_by_block():
    taken = [Taken(100, 1, "a"), Taken(4_000_000, 2, "b"), Taken(513, 3, "c")]
    assert unexplained(taken, [512, 1024]) == [taken[1]]
    assert unexplained(taken, [512, 4_000_256, 1024]) == []
    assert unexplained(taken, []) == taken


def held(start_ns, unseen=NOTHING, blocks=()):
    counts = Counts(device_blocks=list(blocks))
    add_unseen(counts, unseen, has_lines=True)
    segment = Segment("stage", "", 0, 1, start_ns, 100, 0, True, counts, 0, 0, "")
    return HeldSegment(segment, Seen(), [], [], keeps=False)


def rows(one):
    return {
        source: (line.allocations, line.allocated_bytes)
        for (op, source), line in one.segment.counts.lines.items()
        if op == NOT_ATTRIBUTED
    }


def test_unseen_memory_gets_its_line_from_the_ring():
    one = held(0, (1, 512, 0, 0))
    attribute([one], [Taken(100, 50, "mine.py:7 train")])
    assert rows(one) == {"": (0, 0), "mine.py:7 train": (1, 512)}


def test_memory_that_the_ring_has_no_lines_of_stays_unattributed():
    one = held(0, (2, 1024, 0, 0))
    attribute([one], [Taken(100, 50, ""), Taken(100, 60, "a")])
    assert rows(one) == {"": (1, 924), "a": (1, 100)}


def test_it_is_charged_where_the_counters_showed_it():
    first, second, third = held(0), held(100, (1, 512, 0, 0)), held(200, (1, 1024, 0, 0))
    attribute([first, second, third], [Taken(512, 20, "a"), Taken(1000, 230, "b")])
    assert rows(first) == {}
    assert rows(second) == {"": (0, 0), "a": (1, 512)}
    assert rows(third) == {"": (0, 0), "b": (1, 1024)}


class Switch:
    """torch's switch of the ring, and what it was set to."""

    def __init__(self, monkeypatch, *, is_on=False):
        self.is_on = is_on
        self.calls = []
        monkeypatch.setattr(torch._C, "_cuda_isHistoryEnabled", lambda: self.is_on, raising=False)
        monkeypatch.setattr(torch.cuda.memory, "_record_memory_history", self._set)
        monkeypatch.setattr(torch.cuda.memory, "_snapshot", lambda: SNAPSHOT)

    def _set(self, enabled, **values):
        self.calls.append((enabled, values))
        self.is_on = enabled is not None


@pytest.fixture
def me():
    return Worker()


def test_the_ring_is_switched_on_and_given_back(monkeypatch, me):
    switch, history = Switch(monkeypatch), History()
    assert history.begin(me) == ""
    assert switch.is_on
    assert len(history.end(me, is_wanted=True)) == 2
    assert not switch.is_on
    assert switch.calls[0][1]["stacks"] == "python"


def test_it_is_not_read_where_nothing_is_unseen(monkeypatch, me):
    Switch(monkeypatch)
    monkeypatch.setattr(torch.cuda.memory, "_snapshot", None)
    history = History()
    history.begin(me)
    assert history.end(me, is_wanted=False) == []


def test_the_ring_of_somebody_else_is_left_alone(monkeypatch, me):
    switch, history = Switch(monkeypatch, is_on=True), History()
    assert history.begin(me) == IN_USE
    assert history.end(me, is_wanted=True) == []
    assert switch.is_on
    assert switch.calls == []


def test_one_at_a_time_has_the_ring(monkeypatch, me):
    switch, history = Switch(monkeypatch), History()
    assert history.begin(me) == ""
    assert history.begin(Worker()) == IN_USE
    assert history.end(Worker(), is_wanted=True) == []
    assert switch.is_on
    history.end(me, is_wanted=False)
    assert history.begin(Worker()) == ""


def test_an_allocator_without_one_is_logged_once_and_told(monkeypatch, me, caplog):
    def refuse(*_, **__):
        raise RuntimeError("cudaMallocAsync does not yet support recordHistory.")

    Switch(monkeypatch)
    monkeypatch.setattr(torch.cuda.memory, "_record_memory_history", refuse)
    history = History()
    assert [history.begin(me) for _ in range(3)] == [NO_RING] * 3
    assert len(caplog.records) == 1


def test_the_bill_says_that_another_allocator_does_not_report():
    session = Session()
    assert not any("report its blocks" in note for note in session.bill().notes)
    session.machine["cuda_allocator"] = "cudaMallocAsync"
    assert any("'cudaMallocAsync', which does not" in note for note in session.bill().notes)


def test_a_torch_without_a_ring_is_told(monkeypatch, me):
    monkeypatch.delattr(torch._C, "_cuda_isHistoryEnabled", raising=False)
    assert History().begin(me) == NO_RING
