"""Which context does a situation call for, and how steady is it?"""

import pytest

from toolkit.scheduler import Situation, Trigger
from toolkit.scheduler.situation import Chooser

SECOND = 1_000_000_000
CALL = Trigger("video_call", camera="*")
CHAT = Trigger("chat", focused="chat")
AWAY = Trigger("idle", quiet_seconds=60, others_load_below=0.2)


def test_a_trigger_fits_where_all_that_it_names_is_so():
    trigger = Trigger("chat", focused="chat", visible="room", is_computing=False)
    fitting = Situation(focused="chat", visible=frozenset({"room"}))
    assert trigger.fits(fitting)
    assert not trigger.fits(fitting.seen("room", False))
    assert not trigger.fits(Situation(focused="chat", visible=fitting.visible, is_computing=True))


def test_the_camera_of_one_view_or_of_any():
    filmed = Situation().filmed("porch", True)
    assert CALL.fits(filmed)
    assert not Trigger("video_call", camera="desk").fits(filmed)
    assert not CALL.fits(filmed.filmed("porch", False))


def test_quiet_and_a_free_machine():
    assert AWAY.fits(Situation(quiet_seconds=61, others_load=0.1))
    assert not AWAY.fits(Situation(quiet_seconds=61, others_load=0.5))
    assert not AWAY.fits(Situation(quiet_seconds=3, others_load=0.1))


def test_a_glance_changes_nothing():
    chooser = Chooser((CHAT,), hold_seconds=0.5, dwell_seconds=0)
    chat = Situation(focused="chat")
    assert chooser.choose(chat, "default", 0) is None
    assert chooser.choose(Situation(), "default", SECOND // 4) is None
    assert chooser.choose(chat, "default", SECOND // 2) is None
    assert chooser.choose(chat, "default", SECOND) == "chat"


def test_a_context_holds_for_a_while_before_another_may():
    chooser = Chooser((CHAT,), hold_seconds=0, dwell_seconds=2)
    assert chooser.choose(Situation(focused="chat"), "default", 10 * SECOND) == "chat"
    assert chooser.choose(Situation(), "chat", 11 * SECOND) is None
    assert chooser.choose(Situation(), "chat", 12 * SECOND) == "default"


def test_the_first_trigger_that_fits_wins():
    chooser = Chooser((CALL, CHAT), hold_seconds=0, dwell_seconds=0)
    both = Situation(focused="chat").filmed("desk", True)
    assert chooser.choose(both, "default", 0) == "video_call"
    assert chooser.choose(Situation(focused="chat"), "video_call", 1) == "chat"


def test_where_the_context_holds_already_nothing_is_chosen():
    chooser = Chooser((CHAT,), hold_seconds=0, dwell_seconds=0)
    assert chooser.choose(Situation(focused="chat"), "chat", 0) is None


@pytest.mark.parametrize("field", ["gaze", "Focused"])
def test_a_situation_has_no_other_fields(field):
    with pytest.raises(TypeError, match=field):
        Situation(**{field: "chat"})
