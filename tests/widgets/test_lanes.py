"""Does the page get the trace as it is, and nothing while nobody looks or the page is behind?"""

import json

import pytest

from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.trace import Trace, records
from widgets import Lanes
from widgets.lanes import GROUP
from widgets.lanes_data import about, pack
from widgets.lanes_still import poster

MS = 1_000_000


class Scheduled:
    """Has what the widget needs of a scheduler; what happens is written by hand."""

    def __init__(self, slots=64):
        self.trace = Trace(slots)
        self.kinds = ("frame", "train")
        self.contexts = ("default", "chat")
        self.context = "default"
        self.asked = []

    def happens(self, t_ms, happening, *, worker=0, level=0, kind=0, reason=0, task=0, value=0):
        self.trace.note(t_ms * MS, happening, worker, level, kind, reason, task, value)

    def snapshot(self):
        levels = {"frame": 0, "train": 3, "late": 4}
        return {
            "workers": 2,
            "lanes": [[0, 4], [0, 4]],
            "kinds": [
                {"name": one, "level": levels[one], "base": levels[one]} for one in self.kinds
            ],
            "contexts": list(self.contexts),
            "context": self.context,
            "mode": "guard",
            "depths": [0] * 5,
            "running": [0, 0],
        }

    def set_context(self, name, *, reason):
        if name not in self.contexts:
            raise ValueError(f"no context {name!r}")
        self.asked.append((name, reason))
        self.context = name


@pytest.fixture
def scheduler():
    return Scheduled()


@pytest.fixture
def seen(by_hand, scheduler):
    """A widget with a view that has what there is so far."""
    widget = by_hand(Lanes, scheduler)
    widget.see()
    widget.tick()
    widget.told("delta")
    widget.page(t="drawn", view="a", n=1)
    return widget


def short_life(scheduler, task=1, begin_ms=0):
    own = {"kind": 1, "level": 3, "task": task}
    scheduler.happens(begin_ms, Happening.SUBMIT, **own, value=NEVER)
    scheduler.happens(begin_ms + 1, Happening.START, **own, value=MS)
    scheduler.happens(begin_ms + 5, Happening.DONE, **own)


def test_a_first_view_gets_all_that_is_kept_and_what_it_is_of(by_hand, scheduler):
    widget = by_hand(Lanes, scheduler)
    short_life(scheduler)
    widget.see()
    widget.tick()
    ((message, data),) = widget.told("delta")
    assert data == scheduler.trace.since(0).data
    assert message["about"]["kinds"] == ["frame", "train"]
    assert message["about"]["bases"] == [0, 3]
    assert (message["n"], message["lost"]) == (1, 0)


def test_then_it_gets_what_is_new_as_it_is_and_nothing_else(seen, scheduler):
    short_life(scheduler)
    seen.tick_after(0.1)
    ((message, data),) = seen.told("delta")
    assert message == {"t": "delta", "n": 2, "lost": 0}
    assert [one.happening for one in records(data)] == [1, 2, 6]
    seen.tick_after(0.1)
    assert seen.sent == ()


def beats(widget, scheduler, count):
    """So many beats, before each of which something happened. Gives back what was sent."""
    for _ in range(count):
        short_life(scheduler)
        widget.tick_after(0.1)
    return widget.told("delta")


def test_two_groups_are_on_their_way_at_most_and_the_next_delta_brings_what_waited(seen, scheduler):
    assert [message["n"] for message, _ in beats(seen, scheduler, 20)] == list(range(2, 17))
    seen.page(t="drawn", view="a", n=8)
    ((message, data),) = beats(seen, scheduler, 1)
    assert message["n"] == 17
    assert len(records(data)) == 6 * 3


def test_a_page_that_answers_each_group_gets_each_delta(seen, scheduler):
    for group in range(1, 9):
        assert len(beats(seen, scheduler, GROUP)) == GROUP
        seen.page(t="drawn", view="a", n=GROUP * group)


def test_a_view_that_went_without_a_word_does_not_hold_up_the_others_for_ever(seen, scheduler):
    seen.see(view="b", have=1)
    beats(seen, scheduler, 15)
    for drawn in (8, 16):
        seen.page(t="drawn", view="a", n=drawn)
    assert beats(seen, scheduler, 1) == []
    seen.tick_after(4)
    assert len(seen.told("delta")) == 1
    assert len(beats(seen, scheduler, 3)) == 3


def test_without_events_the_page_is_told_twice_a_second_that_time_goes_on(seen):
    for _ in range(10):
        seen.tick_after(0.1)
    assert len(seen.told("alive")) == 2


def test_a_view_that_missed_something_gets_all_of_it(seen, scheduler):
    short_life(scheduler)
    seen.tick_after(0.1)
    seen.told("delta")
    seen.see(view="b", have=0)
    seen.tick_after(0.1)
    ((message, data),) = seen.told("delta")
    assert "about" in message
    assert len(records(data)) == 3


def test_while_it_is_paused_nothing_is_sent_and_afterwards_all_of_it(seen, scheduler):
    seen.paused = True
    short_life(scheduler)
    seen.tick_after(0.1)
    assert seen.told("delta") == []
    seen.paused = False
    seen.tick_after(0.1)
    assert len(seen.told("delta")) == 1


def test_a_view_that_comes_while_it_is_paused_sees_what_there_is(by_hand, scheduler):
    widget = by_hand(Lanes, scheduler)
    widget.paused = True
    widget.see()
    widget.tick()
    assert len(widget.told("delta")) == 1


def test_a_view_that_comes_while_it_is_paused_sees_what_happened_until_the_pause(seen, scheduler):
    short_life(scheduler)
    seen.paused = True
    until_then = scheduler.trace.since(0).data
    for task in range(2, 60):
        short_life(scheduler, task, 10 * task)  # all of it is overwritten
    seen.tick_after(0.1)
    assert [data for _, data in seen.told("delta")] == [until_then]  # what the pause had cut off
    seen.see(view="b")
    seen.tick_after(0.1)
    ((message, data),) = seen.told("delta")
    assert data == until_then
    assert "about" in message
    assert message["lost"] == 0


def test_what_is_sent_again_has_its_number_so_that_pages_that_have_it_keep_their_picture(
    seen, scheduler
):
    short_life(scheduler)
    seen.paused = True
    seen.tick_after(0.1)
    ((first, _),) = seen.told("delta")
    seen.see(view="b")
    seen.tick_after(0.1)
    ((again, _),) = seen.told("delta")
    assert again["n"] == first["n"]


def test_who_goes_on_gets_what_happened_since_the_pause_and_hears_what_was_overwritten(
    seen, scheduler
):
    short_life(scheduler)
    seen.paused = True
    seen.see(view="b")
    seen.tick_after(0.1)
    ((before, _),) = seen.told("delta")
    for task in range(2, 42):
        short_life(scheduler, task, 10 * task)
    seen.paused = False
    seen.tick_after(0.1)
    ((message, data),) = seen.told("delta")
    assert (message["n"], message["lost"]) == (before["n"] + 1, 40 * 3 - 64)
    assert "about" not in message
    assert len(records(data)) == 64


def test_while_it_is_paused_the_page_is_not_told_that_time_goes_on(seen):
    seen.paused = True
    for _ in range(10):
        seen.tick_after(0.1)
    assert seen.told("alive") == []


def test_events_that_were_overwritten_are_counted_and_a_snapshot_says_what_is_queued(
    seen, scheduler
):
    for task in range(1, 40):
        short_life(scheduler, task, 10 * task)
    seen.tick_after(0.1)
    ((message, data),) = seen.told("delta")
    assert message["lost"] == 39 * 3 - 64
    assert message["snapshot"]["depths"] == [0] * 5
    assert len(records(data)) == 64


def test_a_kind_that_is_declared_later_is_told(seen, scheduler):
    scheduler.kinds = ("frame", "train", "late")
    short_life(scheduler)
    seen.tick_after(0.1)
    ((message, _),) = seen.told("delta")
    assert [one["name"] for one in message["snapshot"]["kinds"]] == ["frame", "train", "late"]


def test_what_nobody_sees_has_no_thread(by_hand, scheduler):
    widget = by_hand(Lanes, scheduler)
    assert not widget.is_seen
    widget.see()
    assert widget.is_seen
    widget.see(visible=False)
    assert not widget.is_seen


def test_a_button_changes_the_context_and_the_page_is_told_which_one_holds(seen, scheduler):
    seen.page(t="context", name="chat")
    assert scheduler.asked == [("chat", Reason.USER)]
    seen.tick_after(0.1)
    assert seen.context == "chat"


def test_a_context_that_is_refused_is_said_in_the_page(seen):
    seen.page(t="context", name="party")
    ((message,),) = seen.told("fault")
    assert message["text"] == "ValueError: no context 'party'"


class Workload:
    load = 1.5


def test_the_slider_sets_the_load_of_an_object(by_hand, scheduler):
    workload = Workload()
    widget = by_hand(Lanes, scheduler, load=workload)
    assert (widget.has_load, widget.load) == (True, 1.5)
    widget.load = 2.0
    assert workload.load == 2.0


def test_the_slider_calls_a_function_and_what_it_raises_is_said(by_hand, scheduler):
    loads = []
    widget = by_hand(Lanes, scheduler, load=lambda value: loads.append(1 / value))
    widget.load = 2.0
    widget.load = 0.0
    assert loads == [0.5]
    assert widget.told("fault")[-1][0]["text"].startswith("ZeroDivisionError")


def test_without_a_load_there_is_no_slider(by_hand, scheduler):
    assert not by_hand(Lanes, scheduler).has_load


def test_json_is_sent_as_a_file_that_a_recording_is_read_from(seen, scheduler):
    short_life(scheduler)
    seen.page(t="export", format="json", view="a")
    ((message, data),) = seen.told("file")
    assert (message["name"], message["view"]) == ("lanes.json", "a")
    recording = Recording.from_dict(json.loads(data))
    assert [one.happening for one in recording.events] == [1, 2, 6]


def test_perfetto_gets_a_file_of_its_own(seen, scheduler):
    short_life(scheduler)
    seen.page(t="export", format="perfetto", view="a")
    ((message, data),) = seen.told("file")
    assert message["name"] == "lanes.perfetto.json"
    assert any(one.get("name") == "train" for one in json.loads(data)["traceEvents"])


def recorded(scheduler):
    return Recording.of(scheduler.snapshot(), scheduler.trace.since(0).data)


def test_a_recording_goes_to_the_page_as_the_trace_had_it(scheduler):
    short_life(scheduler)
    scheduler.happens(
        9, Happening.MISS, worker=1, kind=1, reason=Reason.QUEUED, task=2**32 - 1, value=-7
    )
    recording = recorded(scheduler)
    assert pack(recording) == scheduler.trace.since(0).data
    assert about(recording)["contexts"] == ("default", "chat")


def test_two_recordings_are_sent_once_and_again_to_a_new_view(by_hand, scheduler):
    short_life(scheduler)
    recording = recorded(scheduler)
    widget = by_hand(Lanes)
    assert widget.compare(recording, recording, titles=("threads", "guard")) is widget
    widget.see()
    widget.tick()
    ((message, first, second),) = widget.told("pair")
    assert [one["title"] for one in message["streams"]] == ["threads", "guard"]
    assert first == second == pack(recording)
    widget.tick_after(0.1)
    assert widget.told("pair") == []
    widget.see(view="b")
    widget.tick_after(0.1)
    assert len(widget.told("pair")) == 1


def test_while_two_recordings_are_compared_the_live_picture_rests(seen, scheduler):
    recording = recorded(scheduler)
    seen.compare(recording, recording)
    short_life(scheduler)
    seen.tick_after(0.1)
    assert seen.told("delta") == []
    seen.page(t="live")
    assert seen.titles == []
    seen.tick_after(0.1)
    assert len(seen.told("delta")) == 1


def test_it_stands_as_one_stable_line(by_hand, scheduler):
    short_life(scheduler)
    text = "Lanes(2 workers, mode guard, kinds: frame, train)"
    assert by_hand(Lanes, scheduler).still_text() == text
    assert by_hand(Lanes).still_text() == "Lanes(nothing)"


def eventful(scheduler):
    """A miss, two shifts, a context and a queue."""
    short_life(scheduler)
    own = {"kind": 1, "level": 3, "task": 2}
    scheduler.happens(10, Happening.SUBMIT, **own, value=15 * MS)
    scheduler.happens(11, Happening.CONTEXT, value=1)
    scheduler.happens(11, Happening.LEVEL, kind=1, level=1, reason=Reason.CONTEXT, value=3)
    scheduler.happens(12, Happening.START, kind=1, level=1, task=2, value=2 * MS)
    scheduler.happens(20, Happening.DONE, kind=1, level=1, task=2, value=5 * MS)
    scheduler.happens(
        20, Happening.MISS, kind=1, level=1, task=2, reason=Reason.HELD_UP, value=5 * MS
    )
    scheduler.happens(21, Happening.LEVEL, kind=0, level=0, task=3, reason=Reason.AGING, value=2)
    scheduler.happens(60, Happening.QUANTUM, worker=1, kind=1, level=1, task=4, value=MS)
    return recorded(scheduler)


def test_the_poster_has_workers_levels_misses_and_shifts_in_words(by_hand, scheduler):
    eventful(scheduler)
    data, _ = by_hand(Lanes, scheduler)._repr_mimebundle_()
    picture = data["image/svg+xml"]
    for words in ("worker 1", "CRITICAL", "held up", "train: context", "aging", "context: chat"):
        assert f">{words}<" in picture or f" {words}<" in picture
    assert 'aria-label="2 workers, 1 of 1 deadlines missed"' in picture


def test_the_poster_of_two_recordings_has_both_with_their_titles(by_hand, scheduler):
    recording = eventful(scheduler)
    data, _ = by_hand(Lanes).compare(recording, recording)._repr_mimebundle_()
    assert "as it was: 1 of 1 deadlines missed" in data["image/svg+xml"]
    assert "what if: 1 of 1 deadlines missed" in data["image/svg+xml"]


def test_names_of_kinds_are_text_in_the_poster(scheduler):
    scheduler.kinds = ("frame",)
    snapshot = scheduler.snapshot()
    snapshot["kinds"][0]["name"] = "<b>&"
    assert "<b>" not in poster([("", Recording.of(snapshot, b""))])
