"""The file for Perfetto; that its importer takes it whole is tested in a browser."""

import json
from collections import Counter
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.scheduler.invented import MS, Pretend, Told
from toolkit.scheduler.perfetto import export_chrome_trace
from toolkit.scheduler.trace import NO_LEVEL


def exported(recording, path):
    export_chrome_trace(recording, path)
    return json.loads(path.read_text())["traceEvents"]


def test_workers_queues_and_decisions_have_tracks_and_reasons(tmp_path):
    told = Told()
    told("CONTEXT", 1, level=NO_LEVEL, value=1, reason="USER")
    told("LEVEL", 1, 0, "train", level="HIGH", value=3, reason="CONTEXT")
    told("SUBMIT", 2, 7, "train", level="HIGH", value=3 * MS)
    told("SUBMIT", 2, 8, "chat")
    told("SHED", 3, 8, "chat", reason="FULL")
    told("GUARD", 3, worker=1, level=NO_LEVEL, value=MS)
    told("START", 3, 7, "train", level="HIGH", worker=0, value=MS)
    told("DONE", 5, 7, "train", level="HIGH", worker=0, value=2 * MS)
    told("MISS", 5, 7, "train", level="HIGH", worker=0, reason="COMPUTING", value=2 * MS)
    events = exported(told.recording(), tmp_path / "trace.json")
    instants = {one["name"]: one for one in events if one["ph"] == "i"}
    assert {name: one["args"].get("reason") for name, one in instants.items()} == {
        "context chat": "somebody asked for it",
        "all train: LOW to HIGH": "another context holds",
        "shed": "the queue of its kind was full",
        "guard": None,
        "missed by 2.0 ms: COMPUTING": "most of its time it computed",
    }
    assert instants["missed by 2.0 ms: COMPUTING"]["tid"] == 101
    assert instants["guard"]["tid"] == 102
    (ran,) = [one for one in events if one["ph"] == "X"]
    assert (ran["ts"], ran["dur"], ran["name"]) == (2000, 2000, "train")
    assert ran["args"] == {"task": 7, "level": "HIGH", "ended": "DONE"}
    waits = [(one["name"], one["ph"], one["ts"]) for one in events if one["ph"] in "be"]
    assert waits == [
        *[("1 HIGH: chat", "b", 1000), ("1 HIGH: chat", "e", 2000)],
        *[("1 HIGH: train", "b", 1000), ("1 HIGH: train", "e", 2000)],
    ]
    names = [one["args"]["name"] for one in events if one["name"] == "thread_name"]
    assert names == [
        "contexts",
        "priorities",
        "worker 0: CRITICAL to IDLE",
        "worker 1: CRITICAL to IDLE",
    ]


def test_an_empty_recording_is_an_empty_time_line(tmp_path):
    events = exported(Told().recording(), tmp_path / "trace.json")
    assert {one["ph"] for one in events} == {"M"}


def key(one):
    return one["id2"]["local"] if "id2" in one else one["id"]


def check_nesting(slices):
    """Slices of one track lie beside or inside each other, and do not cross."""
    for track in {one["tid"] for one in slices}:
        own = [(one["ts"], one["ts"] + one["dur"]) for one in slices if one["tid"] == track]
        open_until = []
        for begin, end in sorted(own, key=lambda span: (span[0], -span[1])):
            while open_until and open_until[-1] <= begin + 1e-6:
                open_until.pop()
            assert not open_until or end <= open_until[-1] + 1e-6
            open_until.append(end)


@settings(deadline=None)
@given(st.integers(0, 2**32), st.integers(0, 300))
def test_slices_nest_depths_are_no_debts_and_what_begins_ends(tmp_path_factory, seed, lost):
    told = Pretend(seed).run(300)
    told.events = told.events[lost:]
    events = exported(told.recording(lost=lost), tmp_path_factory.mktemp("out") / "trace.json")
    assert all(one["pid"] > 1000 and one.get("tid", 101) in (0, *range(101, 200)) for one in events)
    check_nesting([one for one in events if one["ph"] == "X"])
    assert all(min(one["args"].values()) >= 0 for one in events if one["ph"] == "C")
    for first, last in ("be", "sf"):
        pairs = [one for one in events if one["ph"] in (first, last)]
        for begin, end in list(pairwise(pairs))[::2]:
            assert (begin["ph"], end["ph"]) == (first, last)
            assert key(begin) == key(end)
            assert begin["ts"] <= end["ts"]
        assert set(Counter(map(key, pairs)).values()) <= {2}
