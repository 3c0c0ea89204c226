"""The trace: what Perfetto's importer demands of it."""

import json

import torch

from toolkit import hooks
from toolkit.profiling import profile
from toolkit.profiling.reporters import trace


def slices(document):
    tracks = {}
    for event in document["traceEvents"]:
        if event["ph"] == "X":
            tracks.setdefault(event["tid"], []).append((event["ts"], event["ts"] + event["dur"]))
    return tracks


def crossing(spans):
    """Pairs that overlap without one lying inside the other."""
    wrong, open_until = [], []
    for start, end in sorted(spans, key=lambda span: (span[0], -span[1])):
        while open_until and open_until[-1] <= start:
            open_until.pop()
        if open_until and end > open_until[-1]:
            wrong.append((start, end))
        open_until.append(end)
    return wrong


def test_a_trace_is_written_as_json(session, tmp_path):
    session.export_chrome_trace(tmp_path / "trace.json")
    document = json.loads((tmp_path / "trace.json").read_text())
    names = {event["name"] for event in document["traceEvents"]}
    assert {"frame 0", "frame 2", "double", "copy", "process_name"} <= names


def test_slices_are_strictly_nested_on_every_track():
    with profile(keep="all") as session:
        for index in range(5):
            hooks.frame_begin(index)
            with hooks.scope("outer", index):
                torch.ones(8)
                with hooks.scope("inner", index), hooks.timed("wait", op="lock"):
                    torch.ones(8)
                torch.ones(8)
            hooks.frame_end(index)
    tracks = slices(trace.render(session))
    assert sum(map(len, tracks.values())) > 20
    assert {number: crossing(spans) for number, spans in tracks.items() if crossing(spans)} == {}


def test_frames_that_overlap_have_tracks_of_their_own():
    with profile() as session:
        for index in range(3):
            with hooks.scope("decode", index + 1):
                torch.ones(8)
            hooks.frame_begin(index)
            torch.ones(8)
            hooks.frame_end(index)
    document = trace.render(session)
    names = [event["args"].get("name") for event in document["traceEvents"] if event["ph"] == "M"]
    assert {"frames", "frames 2"} <= set(names)
    assert all(not crossing(spans) for spans in slices(document).values())


def test_numbers_start_where_perfetto_keeps_slices(session):
    events = [event for event in trace.render(session)["traceEvents"] if event["ph"] == "X"]
    assert {event["pid"] for event in events} == {1001}
    assert min(event["tid"] for event in events) == 101


def test_live_bytes_are_a_counter(session):
    events = trace.render(session)["traceEvents"]
    live = [one["args"]["bytes"] for one in events if one["name"] == "live bytes since start"]
    assert max(live) >= 1024


def test_an_empty_session_makes_a_trace(session):
    assert trace.render(type(session)())["traceEvents"]
