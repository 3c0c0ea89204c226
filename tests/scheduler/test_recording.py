"""What a scheduler did, kept in a file."""

import json

import pytest

from tests.scheduler.invented import Told, snapshot
from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.trace import Trace


def short():
    told = Told()
    told("SUBMIT", 1, 1, value=NEVER)
    told("START", 2.5, 1, worker=1, value=1_500_000)
    told("DONE", 4, 1, worker=1, reason="NONE")
    return told.recording(lost=7)


def test_a_recording_is_the_events_of_a_trace_with_the_names_for_their_numbers(tmp_path):
    trace = Trace(slots=4)
    for at in range(6):  # two more than are kept
        trace.note(1000 + at, 1, level=1, kind=1, task=at, value=NEVER)
    delta = trace.since()
    recording = Recording.of(snapshot(), delta.data, delta.lost)
    assert [event.task for event in recording.events] == [2, 3, 4, 5]
    assert (recording.start_ns, recording.end_ns, recording.lost) == (1002, 1005, 2)
    assert [recording.kind_name(kind) for kind in (0, 1, 2, 9)] == [
        *("frame", "chat", "train"),
        "kind 9",
    ]
    recording.save(tmp_path / "kept.json")
    assert Recording.load(tmp_path / "kept.json") == recording


def test_a_recording_without_events_is_kept_too(tmp_path):
    empty = Recording.of(snapshot(), b"")
    empty.save(tmp_path / "empty.json")
    assert Recording.load(tmp_path / "empty.json") == empty
    assert (empty.start_ns, empty.end_ns) == (0, 0)


def test_a_context_that_is_not_known_goes_by_its_number():
    assert short().context_name(1) == "chat"
    assert short().context_name(-1) == "context -1"


def test_half_an_event_is_refused():
    with pytest.raises(ValueError, match="30 bytes are not whole events of 24"):
        Recording.of(snapshot(), bytes(30))


def test_a_snapshot_without_its_parts_is_refused():
    with pytest.raises(ValueError, match=r"KeyError\('lanes'\).*scheduler.snapshot()"):
        Recording.of({"workers": 2}, b"")


def changed(**values):
    return json.dumps({**short().to_dict(), **values})


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("{", "is not JSON"),
        ("[1, 2]", 'its "format" is not "downhill-recording"'),
        ('{"format": "downhill-session"}', 'its "format" is not "downhill-recording"'),
        (changed(version=9), "has version 9, and this toolkit reads version 1"),
        (changed(events=None), 'it has no list of "events"'),
        (changed(events=[[1, 2, 3]]), r"its event 0 is \[1, 2, 3\]"),
        (changed(events=[[1, 2, 3, 4, 5, 6, 7, 8.5]]), "its event 0 is"),
        (changed(events=[7]), "its event 0 is 7"),
        (changed(events=[[1, 99, 0, 0, 0, 0, 1, 0]]), "99 is not a valid Happening"),
        (changed(events=[[1, 1, 0, 0, 0, 99, 1, 0]]), "99 is not a valid Reason"),
        (changed(events=[[1, 1, 0, 5, 0, 0, 1, 0]]), "5 is not a valid Level"),
        (changed(events=[[1, 10, 0, 4, 0, 1, 0, 9]]), "9 is not a valid Level"),
        (changed(kinds=[{"name": "chat"}]), r"KeyError\('base'\)"),
        (changed(lanes=[3]), "is not whole"),
    ],
)
def test_a_file_that_is_no_recording_is_refused_with_what_was_wrong(tmp_path, text, sentence):
    path = tmp_path / "bad.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=sentence) as refused:
        Recording.load(path)
    assert str(refused.value).startswith(str(path))
