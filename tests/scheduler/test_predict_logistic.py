"""A model that learns while it is used, from what came of the moments that it saw."""

import copy

import pytest

from toolkit.scheduler.predict_logistic import Logistic

NAMES = ("chat", "call")
EVENTS = ("ring", "key")
SECOND = 10**9


def rung(times, *, model=None):
    """A model that saw so many rings, each followed by a call 2 s later, and as many idle keys."""
    model = Logistic(NAMES, EVENTS) if model is None else model
    model.switched("chat", 0)
    for time in range(times):
        now_ns = (1 + 60 * time) * SECOND
        model.observe("key", now_ns)
        model.observe("ring", now_ns + 20 * SECOND)
        model.switched("call", now_ns + 22 * SECOND)
        model.switched("chat", now_ns + 40 * SECOND)
    return model


def call_after(model, event):
    """Probability of a call right after an event."""
    asked = copy.deepcopy(model)
    now_ns = asked.history.now_ns + 30 * SECOND
    asked.observe(event, now_ns)
    return asked.probabilities(now_ns)["call"]


def test_it_learns_which_event_announces_what():
    model = rung(40)
    assert call_after(model, "ring") > 0.8
    assert call_after(model, "key") < 0.1


def test_a_new_model_knows_nothing():
    model = Logistic(NAMES, EVENTS)
    model.switched("chat", 0)
    told = model.probabilities(0)
    assert told["call"] == pytest.approx(1 / 3)  # call, chat, or nothing in time


def test_a_moment_counts_only_when_its_outcome_is_known():
    model = Logistic(NAMES, EVENTS)
    model.switched("chat", 0)
    before = model.probabilities(0)
    model.observe("ring", 10)
    assert model.probabilities(10)["call"] == pytest.approx(before["call"])
    model.switched("call", SECOND)
    model.switched("chat", 2 * SECOND)
    assert call_after(model, "ring") > before["call"]


def test_a_moment_after_which_nothing_happened_teaches_that():
    model = Logistic(NAMES, EVENTS)
    model.switched("chat", 0)
    for time in range(1, 20):
        model.observe("key", 10 * time * SECOND)
    assert call_after(model, "key") < 0.1


def test_a_frozen_model_learns_nothing():
    model = rung(20)
    model.rate = 0.0
    model.forget_user()
    as_it_was = copy.deepcopy(model)
    rung(20, model=model)
    for one in (model, as_it_was):
        one.forget_user()
        one.switched("chat", 0)
    assert call_after(model, "ring") == call_after(as_it_was, "ring") > 0.5


def test_what_was_learned_stays_for_the_next_user():
    model = rung(40)
    model.forget_user()
    model.switched("chat", 0)
    assert call_after(model, "ring") > 0.5


def test_what_one_user_began_is_not_ended_by_the_next():
    model, other = Logistic(NAMES, EVENTS), Logistic(NAMES, EVENTS)
    model.switched("chat", 0)
    model.observe("ring", SECOND)
    model.forget_user()
    for one in (model, other):
        one.switched("chat", 2 * SECOND)
        one.switched("call", 3 * SECOND)
        one.switched("chat", 4 * SECOND)
    assert call_after(model, "ring") == call_after(other, "ring")


@pytest.mark.parametrize("gap_ms", [0, 1, 50, 130])
def test_moments_that_wait_for_their_outcome_are_few_however_dense_events_are(gap_ms):
    model = Logistic(NAMES, EVENTS)
    model.switched("chat", 0)
    most = 0
    for number in range(6000 // max(1, gap_ms)):
        model.observe("key", number * gap_ms * 10**6)
        most = max(most, model.waiting)
    assert 0 < most <= 2 * 32 + 2


def test_a_rate_that_makes_no_sense_is_refused():
    for rate in (-0.1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match="below 0 or endless"):
            Logistic(NAMES, rate=rate)
