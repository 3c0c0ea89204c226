"""The trace of a scheduler that runs on threads, kept, told and exported."""

import json

from toolkit.scheduler import Context, Reason, Scheduler
from toolkit.scheduler.perfetto import export_chrome_trace
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.replay import replay_of
from toolkit.scheduler.shifts import context_shifts, shifts
from toolkit.scheduler.stories import life_of
from toolkit.scheduler.stretches import Doing, slices, stretches

KINDS = {"chat": "HIGH", "embed": "NORMAL"}


def recorded():
    """A chat that awaits an embedding of two quanta; then another context holds."""
    talk = Context("talk", {"chat": "CRITICAL"})
    with Scheduler(KINDS, workers=1, mode="levels", contexts=[talk]) as scheduler:

        def embed():
            yield
            return 7

        def chat():
            return (yield scheduler.submit(embed, kind="embed")) + 1

        assert scheduler.submit(chat, kind="chat").result(timeout=30) == 8
        scheduler.set_context("talk", reason=Reason.USER)
        delta = scheduler.trace.since(0)
        return Recording.of(scheduler.snapshot(), delta.data, delta.lost)


def test_a_live_trace_is_kept_told_and_replayed(tmp_path):
    recording = recorded()
    chat = recording.events[0].task
    recording.save(tmp_path / "kept.json")
    assert Recording.load(tmp_path / "kept.json") == recording
    found = stretches(recording)
    assert all(one.ended and not one.begin_is_lost for one in found)
    blocked = [one for one in found if one.doing is Doing.BLOCKED]
    assert [(one.task, one.awaits) for one in blocked] == [(chat, chat + 1)]
    assert list(slices(found)) == [0]
    embedding = [sentence.text for sentence in life_of(recording, chat + 1)]
    assert "raised from NORMAL to HIGH: somebody more urgent awaits it" in embedding
    assert embedding[-1] == "done"
    (shift,) = context_shifts(recording)
    assert recording.context_name(shift.context) == "talk"
    assert [(one.task, one.after) for one in shifts(recording)] == [(chat + 1, 1), (0, 0)]
    replay = replay_of(recording)
    assert [(one.kind, len(one.quanta_ns)) for one in replay.arrivals] == [
        ("chat", 2),
        ("embed", 2),
    ]
    assert replay.arrivals[0].awaits == (1,)


def test_a_live_trace_is_exported(tmp_path):
    recording = recorded()
    export_chrome_trace(recording, tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    ran = [one["name"] for one in events if one["ph"] == "X"]
    assert ran.count("chat") == 2
    assert "context talk" in [one["name"] for one in events if one["ph"] == "i"]
