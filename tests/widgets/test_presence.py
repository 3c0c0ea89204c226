"""Does a scheduler get to know what the user does, and does the line say which context holds?"""

from dataclasses import replace
from types import SimpleNamespace

import ipywidgets
import pytest

from toolkit.scheduler import Context, Scheduler, Situation, Trigger
from widgets import Presence, cells
from widgets.cells import Cells
from widgets.presence_words import call, known, why


class FakeScheduler:
    """Notes what it is told, and decides nothing."""

    context = "default"
    triggers = ()
    is_closed = False

    def __init__(self):
        self.situation = Situation()
        self.noticed = []
        self.observed = []
        self.looks = 0

    def notice(self, **changes):
        self.noticed.append(changes)
        self.situation = replace(self.situation, **changes)

    def observe(self, event):
        self.observed.append(event)

    def look(self):
        self.looks += 1


class Filming(ipywidgets.HTML):
    """A widget with a camera."""

    camera_is_on = False


class FakeShell:
    """As much of IPython as cells need."""

    def __init__(self, *, is_running=False):
        self.events = self
        self.display_trap = SimpleNamespace(is_active=is_running)
        self.heard = {"pre_run_cell": [], "post_run_cell": []}

    def register(self, name, call):
        self.heard[name].append(call)

    def unregister(self, name, call):
        self.heard[name].remove(call)

    def run(self, cell=lambda: None):
        for one in list(self.heard["pre_run_cell"]):
            one(None)
        cell()
        for one in list(self.heard["post_run_cell"]):
            one(None)


@pytest.fixture
def shell(monkeypatch):
    shell = FakeShell()
    monkeypatch.setattr(cells, "get_ipython", lambda: shell)
    return shell


@pytest.fixture
def scheduler():
    return FakeScheduler()


@pytest.fixture
def chat():
    return ipywidgets.Text()


@pytest.fixture
def desk():
    return Filming()


@pytest.fixture
def presence(by_hand, scheduler, chat, desk):
    widget = by_hand(Presence, scheduler, {"chat": chat, "desk": desk})
    widget.see(view="page")
    return widget


def report(widget, *, visible=(), focused="", touched="", view="page"):
    """What the script of a page sends."""
    widget.page(t="report", view=view, visible=list(visible), focused=focused, touched=touched)


def line(widget):
    """What the page got last."""
    return widget.told("now")[-1][0]


def test_where_the_user_is_chooses_the_context(by_hand, chat):
    now = SimpleNamespace(ns=0)
    contexts = [Context("chat", {"token": "CRITICAL"})]
    kinds = {"token": "NORMAL"}
    with Scheduler(kinds, workers=1, contexts=contexts, clock=lambda: now.ns) as scheduler:
        scheduler.follow(Trigger("chat", focused="chat"), hold_seconds=0.5)
        presence = by_hand(Presence, scheduler, {"chat": chat})
        presence.see(view="page")
        report(presence, visible=["chat"], focused="chat")
        presence.tick()
        assert scheduler.context == "default"
        assert line(presence)["why"] == "chat is next: chat has the focus"
        now.ns = 600_000_000
        presence.tick_after(0.6)
        assert scheduler.context == "chat"
        assert line(presence)["context"] == "chat"


def test_only_what_can_be_displayed_can_be_a_view(scheduler):
    with pytest.raises(TypeError, match=r"views\['chat'\] is a str; give a widget that can be"):
        Presence(scheduler, {"chat": "chat"})
    with pytest.raises(TypeError, match=r"views\['chat'\] is a Layout"):
        Presence(scheduler, {"chat": ipywidgets.Layout()})


def test_the_page_knows_each_view_by_its_model_and_the_view_is_left_as_it_is(
    by_hand, scheduler, chat, desk
):
    presence = by_hand(Presence, scheduler, {"chat": chat, "desk": desk})
    assert presence.models == {"chat": chat.model_id, "desk": desk.model_id}
    assert chat._dom_classes == desk._dom_classes == ()


def test_what_a_page_tells_is_noticed_once(presence, scheduler):
    report(presence, visible=["chat", "desk"], focused="chat")
    report(presence, visible=["chat", "desk"], focused="chat")
    assert scheduler.noticed == [{"visible": {"chat", "desk"}, "focused": "chat"}]
    report(presence, visible=["desk"])
    assert scheduler.noticed[1:] == [{"visible": {"desk"}, "focused": ""}]


def test_a_touch_is_observed_by_its_kind_and_changes_nothing(presence, scheduler):
    for kind in ("key", "pointer", "", "nonsense"):
        report(presence, touched=kind)
    assert scheduler.observed == ["key", "pointer"]
    assert scheduler.noticed == []


def test_names_that_are_not_its_own_stay_as_they_are(presence, scheduler):
    scheduler.notice(visible=frozenset({"map"}), focused="map", cameras=frozenset({"map"}))
    report(presence, visible=["chat", "unknown"], focused="unknown")
    assert scheduler.situation == Situation(frozenset({"map", "chat"}), "map", frozenset({"map"}))
    report(presence, visible=["chat"], focused="chat")
    assert scheduler.situation.focused == "chat"


def test_two_pages_are_seen_together_and_the_last_with_a_focus_has_it(presence, scheduler):
    presence.see(view="other")
    report(presence, visible=["chat"], focused="chat")
    report(presence, visible=["desk"], focused="desk", view="other")
    assert scheduler.situation.visible == {"chat", "desk"}
    assert scheduler.situation.focused == "desk"
    presence.see(view="other", visible=False)
    presence.tick()
    assert scheduler.situation.visible == {"chat"}
    assert scheduler.situation.focused == "chat"


def test_a_page_that_is_gone_sees_nothing_and_has_no_focus(presence, scheduler):
    report(presence, visible=["chat"], focused="chat")
    presence.see(view="page", visible=False)
    assert scheduler.situation == Situation()
    assert not presence.is_seen


def test_a_page_that_does_not_answer_counts_as_gone_until_it_does(presence, scheduler):
    report(presence, visible=["chat"], focused="chat")
    presence.tick()
    presence.tick_after(11)
    assert scheduler.situation == Situation()
    presence.page(t="ack", view="page")
    presence.tick()
    assert scheduler.situation.focused == "chat"


def test_a_camera_is_looked_for_in_the_view_and_in_what_it_holds(by_hand, scheduler, chat, desk):
    box = ipywidgets.VBox([chat, desk])
    presence = by_hand(Presence, scheduler, {"chat": chat, "call": box})
    presence.see(view="page")
    desk.camera_is_on = True
    presence.tick()
    assert scheduler.situation.cameras == {"call"}
    desk.camera_is_on = False
    presence.tick_after(0.1)
    assert scheduler.situation.cameras == set()
    assert len(scheduler.noticed) == 2


def test_without_a_page_there_is_no_thread_and_a_camera_is_not_asked_for(by_hand, scheduler, desk):
    presence = by_hand(Presence, scheduler, {"desk": desk})
    desk.camera_is_on = True
    presence.tick()
    assert not presence.is_seen
    assert scheduler.noticed == []


def test_a_cell_that_runs_is_noticed_while_the_widget_is_open(
    shell, by_hand, scheduler, chat, desk
):
    presence = by_hand(Presence, scheduler, {"chat": chat})
    during = []
    shell.run(lambda: during.append(scheduler.situation.is_computing))
    assert during == [True]
    assert not scheduler.situation.is_computing
    shell.run(presence.close)
    assert scheduler.noticed[-2:] == [{"is_computing": True}, {"is_computing": False}]
    assert shell.heard == {"pre_run_cell": [], "post_run_cell": []}


def test_cells_within_a_cell_are_one_and_the_one_that_runs_already_counts(monkeypatch):
    shell, told = FakeShell(is_running=True), []
    monkeypatch.setattr(cells, "get_ipython", lambda: shell)
    running = Cells(told.append)
    assert told == [True]
    shell.run(shell.run)
    assert told == [True]
    shell.heard["post_run_cell"][0](None)
    assert told == [True, False]
    running.close()
    running.close()
    assert told == [True, False]


def test_outside_of_ipython_no_cell_ever_runs(monkeypatch):
    monkeypatch.setattr(cells, "get_ipython", lambda: None)
    Cells(lambda _: pytest.fail("nobody runs a cell")).close()


def test_the_scheduler_is_told_nothing_more_once_it_is_closed(presence, scheduler):
    report(presence, visible=["chat"], focused="chat")
    presence.close()
    assert scheduler.situation == Situation()
    count = len(scheduler.noticed)
    report(presence, visible=["chat"], focused="chat")
    presence.tick()
    assert len(scheduler.noticed) == count


def test_the_line_is_sent_where_it_changed_and_four_times_a_second_at_most(presence, scheduler):
    presence.tick()
    presence.told("now")
    presence.tick_after(0.3)
    assert presence.told("now") == []
    for at in range(10):
        report(presence, focused="chat" if at % 2 else "desk")
        presence.tick_after(0.1)
    assert 3 <= len(presence.told("now")) <= 4
    assert scheduler.looks == 12


def test_a_scheduler_that_was_shut_down_is_said_to_be(presence, scheduler):
    scheduler.is_closed = True
    presence.tick()
    assert line(presence) == {
        "t": "now",
        "context": "",
        "why": "the scheduler was shut down",
        "known": [],
    }
    assert scheduler.looks == 0


def test_what_is_known_is_said_in_words():
    assert known(Situation(), 0.0) == [
        "none has the focus",
        "none can be seen",
        "no camera on",
        "no cell runs",
        "in use",
    ]
    everything = Situation(frozenset("abc"), "a", frozenset({"b"}), is_computing=True)
    assert known(everything, 39.0) == [
        "a has the focus",
        "a, b and c can be seen",
        "camera of b on",
        "a cell runs",
        "quiet for 30 s",
    ]
    assert known(everything, 185.0)[-1] == "quiet for 3 min"


def test_what_calls_for_a_context_is_said_in_words():
    trigger = Trigger("call", focused="", camera="*", is_computing=False, quiet_seconds=60)
    assert call(trigger) == (
        "none has the focus and a camera is on and no cell runs and quiet for 60 s"
    )
    trigger = Trigger("idle", visible="map", camera="map", others_load_below=0.2)
    assert call(trigger) == (
        "map can be seen and the camera of map is on and others use less than 20% of the machine"
    )
    assert call(Trigger("default")) == "always"


def test_why_a_context_holds_is_said_in_words():
    chat = Trigger("chat", focused="chat")
    at_chat = Situation(focused="chat")
    assert why("chat", (chat,), at_chat) == "chat has the focus"
    assert why("default", (chat,), at_chat) == "chat is next: chat has the focus"
    assert why("default", (chat,), Situation()) == "nothing calls for one"
    assert why("chat", (chat,), Situation()) == "default is next: nothing calls for one"
    assert why("chat", (), at_chat) == "set by hand"
    assert "scheduler.follow" in why("default", (), at_chat)


def test_it_stands_as_one_stable_line(presence):
    assert presence.still_text() == "Presence(chat, desk)"
    assert presence.still_png() is None
