"""Does a widget that changes by itself cost nothing while nobody looks?"""

import gc
import threading
import weakref

import pytest

from toolkit import hooks
from toolkit.profiling import profile
from widgets import shown
from widgets.shown import Looks, Shown

SECOND = 1_000_000_000


def views():
    """The threads that beat."""
    return [one for one in threading.enumerate() if one.name.endswith(" view")]


def ended(threads):
    for one in threads:
        one.join(5)
    return not any(one.is_alive() for one in threads)


class Counting(Shown):
    """Counts beats, and the times it woke and slept."""

    def __init__(self):
        self.calls = []
        super().__init__()

    def beat(self, now_ns):
        self.calls.append("beat")

    def woke(self):
        self.calls.append("woke")

    def slept(self):
        self.calls.append("slept")


def test_a_view_that_can_be_seen_has_a_thread_and_a_hidden_one_has_none(by_hand):
    widget = by_hand(Counting)
    assert views() == []
    widget.see()
    (thread,) = views()
    widget.tick()
    widget.see(visible=False)
    assert ended([thread])
    assert widget.calls == ["woke", "beat", "slept"]


def test_two_views_have_one_thread_which_ends_with_the_last(by_hand):
    widget = by_hand(Counting)
    widget.see(view="a")
    widget.see(view="b")
    assert len(views()) == 1
    widget.see(view="a", visible=False)
    assert widget.is_seen
    widget.see(view="b", visible=False)
    assert not widget.is_seen


def test_a_page_that_answers_nothing_for_ten_seconds_is_gone_until_it_speaks(by_hand):
    widget = by_hand(Counting)
    widget.see()
    widget.tell({"t": "news"})
    widget.tick_after(9.9)
    assert widget.is_seen
    widget.tick_after(0.2)
    assert not widget.is_seen
    widget.page(t="ack", view="a")
    assert widget.is_seen


def test_a_page_that_answers_stays_however_long(by_hand):
    widget = by_hand(Counting)
    widget.see()
    for _ in range(10):
        widget.tick_after(4)
        widget.page(t="ack", view="a")
    assert widget.is_seen


def test_without_news_a_page_is_asked_every_three_seconds(by_hand):
    widget = by_hand(Counting)
    widget.see()
    widget.tick()
    widget.told("ping")
    for _ in range(29):
        widget.tick_after(0.1)
    assert widget.told("ping") == []
    widget.tick_after(0.1)
    assert len(widget.told("ping")) == 1


def test_a_page_is_awaited_for_ten_seconds_after_the_widget_was_displayed(by_hand):
    widget = by_hand(Counting)
    widget._repr_mimebundle_()
    assert widget.is_seen
    widget.tick_after(10)
    assert not widget.is_seen


def test_a_page_that_was_awaited_and_came_is_one_view(by_hand):
    widget = by_hand(Counting)
    widget._repr_mimebundle_()
    widget.see(view="a")
    widget.see(view="a", visible=False)
    assert not widget.is_seen


def test_an_error_ends_the_thread_and_is_shown_in_the_page(by_hand, caplog):
    class Broken(Counting):
        def beat(self, now_ns):
            raise ValueError("no such thing")

    widget = by_hand(Broken)
    widget.see()
    widget.tick()
    assert not widget.is_seen
    ((message,),) = widget.told("error")
    assert message["text"] == "ValueError: no such thing"
    assert "no such thing" in caplog.text


def test_a_closed_widget_has_no_thread_and_takes_no_message(by_hand):
    widget = by_hand(Counting)
    widget.see()
    threads = views()
    widget.close()
    assert ended(threads)
    widget.see()
    assert views() == []


def test_a_closed_widget_can_go_and_its_thread_does_not_hold_it():
    widget = Counting()
    widget._handle_custom_msg({"t": "see", "view": "a", "visible": True}, [])
    threads, gone = views(), weakref.ref(widget)
    widget.close()
    del widget
    gc.collect()
    assert gone() is None
    assert ended(threads)


def test_what_the_thread_does_stands_on_nobodys_bill(by_hand):
    class Listening(Counting):
        def tick(self):
            self.calls.append(hooks.is_listening())

    with profile() as session, pytest.MonkeyPatch.context() as patch:
        patch.setattr(shown, "PERIOD_SECONDS", 0.0)
        widget = by_hand(Listening)
        widget.see()
        (thread,) = views()
        while not widget.calls[1:]:
            thread.join(0.001)
        widget.close()
        assert ended([thread])
        assert widget.calls[1] is False
    assert not any("Listening view" in note for note in session.notes)


def test_looks_forget_what_was_answered():
    looks = Looks()
    looks.see("a", is_visible=True)
    looks.sent(0)
    looks.sent(9 * SECOND)
    assert looks.has_any(9 * SECOND)
    looks.answer("a")
    assert looks.has_any(11 * SECOND)
    looks.sent(12 * SECOND)
    assert not looks.has_any(22 * SECOND)


def test_what_a_cell_made_is_closed_when_it_runs_again(by_hand, cell):
    cell("cell", 1)
    earlier = by_hand(Counting)
    earlier.see()
    (thread,) = views()
    cell("cell", 2)
    later = by_hand(Counting)
    assert earlier.comm is None
    assert ended([thread])
    assert later.comm is not None
