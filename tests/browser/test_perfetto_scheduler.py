"""Does Perfetto take a scheduler's trace whole? No slice dropped, every arrow bound, no error."""

from functools import partial

import pytest

from tests.browser.perfetto import PROBLEMS
from tests.scheduler.invented import MS, Pretend, Told
from tests.scheduler.simulated import recorded
from toolkit.scheduler.loads import workload
from toolkit.scheduler.perfetto import export_chrome_trace

pytestmark = pytest.mark.browser

SLICES = "select ts - trace_start(), dur, name from slice order by 1, 2, 3"
RAN = """
    select depth, slice.name from slice join thread_track on track_id = thread_track.id
    where dur > 0 order by ts, depth
"""
ARROWS = """
    select source.name, source.ts + source.dur - trace_start(),
        target.name, target.ts - trace_start()
    from flow join slice as source on source.id = slice_out
    join slice as target on target.id = slice_in
"""


def sent(events):
    """The slices of a file in ns: what a worker ran, waits, and instants."""
    ends = {one["id2"]["local"]: one["ts"] for one in events if one["ph"] == "e"}
    begin = {
        "X": lambda one: one["dur"],
        "b": lambda one: ends[one["id2"]["local"]] - one["ts"],
        "i": lambda one: 0,
    }
    return sorted(
        (round(one["ts"] * 1e3), round(begin[one["ph"]](one) * 1e3), one["name"])
        for one in events
        if one["ph"] in begin
    )


def arrived_whole(events, ask):
    assert ask(PROBLEMS) == []
    assert [tuple(row) for row in ask(SLICES)] == sent(events)
    flows = [one for one in events if one["ph"] == "s"]
    assert ask("select count(*) from flow") == [[len(flows)]]
    counters = [one for one in events if one["ph"] == "C"]
    assert ask("select count(*) from counter") == [[5 * len(counters)]]
    tracks = {name for (name,) in ask("select name from thread")}
    assert {one["args"]["name"] for one in events if one["name"] == "thread_name"} <= tracks


def test_a_task_that_is_stolen_after_a_quantum_arrives_with_its_arrow(perfetto):
    told = Told()
    told("SUBMIT", 1, 1, "train", value=4 * MS)
    told("START", 2, 1, "train", worker=0, value=MS)
    told("QUANTUM", 3, 1, "train", worker=0, value=MS)
    told("YIELD", 4, 1, "train", worker=0, reason="PREEMPTED", value=MS)
    told("STEAL", 5, 1, "train", worker=1, value=0)
    told("START", 5, 1, "train", worker=1, value=MS)
    told("DONE", 7, 1, "train", worker=1, value=3 * MS)
    told("MISS", 7, 1, "train", worker=1, reason="COMPUTING", value=3 * MS)
    events, ask = perfetto(partial(export_chrome_trace, told.recording()))
    arrived_whole(events, ask)
    assert ask(RAN) == [[0, "train"], [1, "quantum"], [1, "quantum"], [0, "train"]]
    assert ask(ARROWS) == [["quantum", 3 * MS, "train", 4 * MS]]


def test_a_simulated_machine_with_lanes_arrives_whole(perfetto):
    arrivals = workload(1.5, seconds=3.0, seed=2)
    recording = recorded(arrivals, "lanes")
    events, ask = perfetto(partial(export_chrome_trace, recording))
    arrived_whole(events, ask)


@pytest.mark.parametrize("lost", [0, 300])
def test_whatever_a_scheduler_does_arrives_whole(perfetto, lost):
    told = Pretend(seed=6).run(3000)
    told.events = told.events[lost:]
    events, ask = perfetto(partial(export_chrome_trace, told.recording(lost=lost)))
    assert sum(one["ph"] == "X" for one in events) > 400
    arrived_whole(events, ask)
