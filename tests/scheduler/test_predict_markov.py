"""Counts of one user's own switches, from where to where."""

import pytest

from toolkit.scheduler.predict_markov import Markov

NAMES = ("chat", "call", "edit")
SECOND = 10**9


def after(*path):
    """A predictor after a user went this way, so patient that he surely leaves in time."""
    predictor = Markov(NAMES, horizon_seconds=1e6)
    for step, name in enumerate(path):
        predictor.switched(name, step * SECOND)
    return predictor


def test_what_followed_before_is_expected_as_often_as_it_did():
    predictor = after("chat", "call", "chat", "call", "chat", "edit", "chat")
    # From chat twice to call and once to edit; each counts 0.2 more.
    assert predictor.probabilities(7 * SECOND) == {
        "chat": 0.0,
        "call": pytest.approx(2.2 / 3.4),
        "edit": pytest.approx(1.2 / 3.4),
    }


def test_it_depends_on_where_the_user_is():
    assert after("chat", "call", "edit", "chat", "call").probabilities(10**13)["edit"] > 0.8
    assert after("chat", "call", "edit", "chat").probabilities(10**13)["call"] > 0.8


def test_before_the_first_switch_nothing_is_known():
    assert set(after().probabilities(0).values()) == {0.0}


def test_what_was_never_seen_is_expected_evenly():
    told = after("chat").probabilities(0)
    assert told["call"] == told["edit"] == pytest.approx(0.5)


def test_another_user_begins_at_zero():
    predictor = after("chat", "call", "chat", "call")
    predictor.forget_user()
    predictor.switched("chat", 9 * SECOND)
    assert predictor.probabilities(9 * SECOND) == after("chat").probabilities(0)
