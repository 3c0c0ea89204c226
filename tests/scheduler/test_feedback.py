"""A kind that misses deadlines asks for a level more, within its bound, and returns when calm."""

import pytest

from toolkit.scheduler.feedback import CALM_LOOKS, LOOK_NS, Feedback, Wish
from toolkit.scheduler.kinds import Kind, KindState


@pytest.fixture
def kind():
    return KindState("chat", 0, Kind("LOW", raise_to="HIGH"), workers=1)


def look(feedback, kind, done, missed):
    kind.done += done
    kind.missed += missed
    wishes = feedback.look([kind], 0)
    for wish in wishes:
        kind.asked = wish.level
        kind.level = kind.effective()
    return wishes


def test_it_asks_for_a_level_at_a_time_up_to_its_bound(kind):
    feedback = Feedback()
    assert look(feedback, kind, 10, 2) == [Wish("chat", 2)]
    assert look(feedback, kind, 10, 2) == [Wish("chat", 1)]
    assert look(feedback, kind, 10, 10) == []
    assert feedback.next_ns == LOOK_NS


def test_few_misses_or_few_tasks_say_nothing(kind):
    feedback = Feedback()
    assert look(feedback, kind, 10, 1) == []
    assert look(feedback, kind, 2, 2) == []


def test_it_returns_once_nothing_was_late_for_a_while(kind):
    feedback = Feedback()
    look(feedback, kind, 10, 5)
    wishes = [look(feedback, kind, 10, 0) for _ in range(CALM_LOOKS)]
    assert wishes == [*[[]] * (CALM_LOOKS - 1), [Wish("chat", None)]]
    assert kind.level == 3


def test_a_kind_that_declared_no_bound_never_asks():
    kind = KindState("train", 0, Kind("LOW"), workers=1)
    assert look(Feedback(), kind, 10, 10) == []
