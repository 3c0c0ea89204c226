"""Sessions as plain data: saved, loaded, compared, and of bounded size."""

import json

import pytest

from toolkit import hooks
from toolkit.hooks import Event
from toolkit.profiling import Session, profile
from toolkit.profiling.processors import tally_events
from toolkit.profiling.session import HISTORY


def test_a_session_saves_and_loads_whole(session, tmp_path):
    session.save(tmp_path / "session.json")
    loaded = Session.load(tmp_path / "session.json")
    assert loaded.to_dict() == session.to_dict()
    assert loaded.bill().to_dict() == session.bill().to_dict()
    assert loaded.events == session.events


def test_a_file_that_is_no_session_is_refused_by_name(tmp_path):
    wrong = tmp_path / "wrong.json"
    wrong.write_text("{}")
    with pytest.raises(ValueError, match=r"wrong.json is not a session"):
        Session.load(wrong)


def test_a_newer_session_is_refused_with_both_versions(session, tmp_path):
    document = session.to_dict() | {"version": 99}
    newer = tmp_path / "newer.json"
    newer.write_text(json.dumps(document))
    with pytest.raises(ValueError, match=r"\('downhill-session', 99\)"):
        Session.load(newer)


def test_every_event_is_kept_with_its_stage_and_frame(session):
    kinds = [(event.frame, event.stage, event.kind, event.nbytes) for event in session.events]
    assert kinds.count((1, "double", "alloc", 1024)) == 1
    assert kinds.count((1, "copy", "copy", 1024)) == 1
    assert kinds.count((2, "look", "wait", 0)) == 1


def test_events_add_up_to_the_bill(session):
    frames = tally_events(session.events)
    for record in session.frames:
        for (_, stage), tally in record.stages.items():
            if stage:
                counted = frames[record.index][stage]
                assert counted.allocated_bytes == tally.allocated_bytes
                assert counted.copies == tally.copies
                assert counted.wait_ns == tally.wait_ns


def test_a_folded_session_keeps_no_events_and_the_newest_frames(play):
    with profile() as session:
        play(frames=HISTORY + 10, size=4)
    assert session.events == []
    assert [frame.index for frame in session.frames] == list(range(10, HISTORY + 10))
    assert session.bill().frames == HISTORY + 10
    assert session.bill().stage("double").total.allocations == HISTORY + 10


def test_a_long_session_stays_small():
    def run(frames):
        for index in range(frames):
            hooks.frame_begin(index)
            with hooks.scope("stage", index):
                hooks.report("alloc", index)
            hooks.frame_end(index)

    with profile() as session:
        run(2000)
        early = len(json.dumps(session.to_dict()))
        run(8000)
    late = len(json.dumps(session.to_dict()))
    assert session.bill().frames == 10_000
    assert late < 1.1 * early + 20_000


def test_a_thought_that_comes_late_is_in_the_sums_and_makes_no_frame(play):
    with profile() as session:
        play(frames=3)
        with hooks.scope("thought", 1):
            hooks.report("alloc", 64)
    assert session.bill().frames == 3
    assert session.bill().stage("thought").total.allocated_bytes == 64


def test_frames_that_nobody_takes_do_not_pile_up():
    with profile() as session:
        for index in range(1000):
            with hooks.scope("decode", index):
                pass
        assert session.frame_count > 900


def test_a_frame_that_was_not_finished_is_said_to_be():
    with profile() as session:
        hooks.frame_begin(0)
        hooks.report("alloc", 8)
    assert session.bill().frames == 0
    assert session.bill().whole.total.allocated_bytes == 8
    assert any("not finished" in note for note in session.bill().notes)


def test_a_frame_that_two_pipelines_share_ends_with_the_later_one():
    with profile() as session:
        hooks.frame_begin(7)
        hooks.frame_begin(7)
        hooks.frame_end(7)
        assert session.frame_count == 0
        hooks.frame_end(7)
        assert session.frame_count == 1


def test_drops_are_counted():
    with profile() as session:
        hooks.report("drop", op="ring")
        session.step()
    assert session.bill().dropped == 1


def test_what_the_allocator_was_told_is_a_note():
    with profile() as session:
        hooks.report("alloc", op="mallopt", source="AllocatorState(tuned)")
    assert session.bill().whole.total.allocations == 0
    assert any("AllocatorState(tuned)" in note for note in session.bill().notes)


def test_its_repr_shows_sizes_and_no_values(session):
    assert repr(session).startswith("Session(level='counts', keep='all', 3 frames, 4 stages, ")


def test_events_are_plain_data(session):
    assert all(isinstance(event, Event) for event in session.events)
