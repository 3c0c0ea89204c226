"""Whoever guesses what is needed next: events in, probabilities out, the same for all of them."""

import math
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.scheduler.predict_logistic import Logistic
from toolkit.scheduler.predict_markov import Markov
from toolkit.scheduler.predict_rules import Rule, Rules
from toolkit.scheduler.predict_trivial import Frequency, Last, Nothing

NAMES = ("chat", "call", "idle")
EVENTS = ("key", "ring")
SECOND = 10**9

ALL = {
    "nothing": lambda: Nothing(NAMES, EVENTS),
    "last": lambda: Last(NAMES, EVENTS),
    "frequency": lambda: Frequency(NAMES, EVENTS),
    "markov": lambda: Markov(NAMES, EVENTS),
    "rules": lambda: Rules(NAMES, EVENTS, rules=[Rule("ring", "call", 0.9), Rule("key", "chat")]),
    "logistic": lambda: Logistic(NAMES, EVENTS),
}
each = pytest.mark.parametrize("make", ALL.values(), ids=ALL)
# What a user does: how many ms later, and an event or the name that he goes to.
doings = st.lists(
    st.tuples(st.integers(-100, 60_000), st.sampled_from((*EVENTS, *NAMES))), max_size=60
)


def tell(predictor, doings):
    """Tell a predictor what was done; returns its probabilities after each."""
    now_ns, told = SECOND, []
    for later_ms, what in doings:
        now_ns += later_ms * 10**6
        do = predictor.switched if what in NAMES else predictor.observe
        do(what, now_ns)
        told.append(predictor.probabilities(now_ns))
    return told


def test_events_go_in_and_probabilities_come_out():
    predictor = Rules(NAMES, EVENTS, rules=[Rule("ring", "call", 0.9, fade_seconds=2.0)])
    predictor.switched("chat", 0)
    predictor.observe("ring", 10 * SECOND)
    assert predictor.probabilities(10 * SECOND) == {"chat": 0.0, "call": 0.9, "idle": 0.0}
    faded = predictor.probabilities(12 * SECOND)["call"]
    assert faded == pytest.approx(0.9 / math.e)


@each
@given(doings)
def test_probabilities_lie_in_0_to_1_and_sum_to_at_most_1(make, doings):
    for told in tell(make(), doings):
        assert tuple(told) == NAMES
        assert all(0 <= one <= 1 for one in told.values())
        assert sum(told.values()) <= 1 + 1e-9


@each
@given(doings)
def test_what_has_the_focus_is_not_needed_next(make, doings):
    focus = None
    for (_, what), told in zip(doings, tell(make(), doings), strict=True):
        focus = what if what in NAMES else focus
        assert focus is None or told[focus] == 0


@each
@given(doings)
def test_the_same_events_give_the_same_numbers(make, doings):
    assert tell(make(), doings) == tell(make(), doings)


@each
@given(doings, doings)
def test_a_forgotten_user_leaves_no_trace_but_what_was_learned(make, before, after):
    predictor = make()
    if isinstance(predictor, Logistic):
        predictor.rate = 0.0  # else it learned from him, which is what it is for
    tell(predictor, before)
    predictor.forget_user()
    assert tell(predictor, after) == tell(make_frozen(make), after)


def make_frozen(make):
    predictor = make()
    if isinstance(predictor, Logistic):
        predictor.rate = 0.0
    return predictor


@each
def test_an_unknown_name_or_event_is_refused_in_a_sentence(make):
    predictor = make()
    with pytest.raises(ValueError, match=r"'chta' is no name .* there are chat, call, idle\."):
        predictor.switched("chta", 0)
    with pytest.raises(ValueError, match=r"'rang' is no event .* there are key, ring\."):
        predictor.observe("rang", 0)


@each
def test_a_refused_word_changes_nothing(make):
    predictor, other = make(), make()
    for one in (predictor, other):
        tell(one, [(0, "chat"), (5000, "call"), (5000, "key")])
    for refused in (predictor.switched, predictor.observe):
        with pytest.raises(ValueError, match="nonsense"):
            refused("nonsense", 11 * SECOND)
    later = [(3000, "chat"), (1000, "ring")]
    assert tell(predictor, later) == tell(other, later)


@each
def test_a_predictor_without_events_can_still_be_asked(make):
    assert make().probabilities(0).keys() == set(NAMES)


def test_names_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="fewer than two"):
        Nothing(("chat",))
    with pytest.raises(ValueError, match="appears twice"):
        Nothing(("chat", "chat"))
    with pytest.raises(ValueError, match=r"events=.*appears twice"):
        Nothing(NAMES, ("key", "key"))
    for horizon in (0.0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="no time to look ahead"):
            Nothing(NAMES, horizon_seconds=horizon)


def test_a_time_before_the_latest_counts_as_the_latest():
    predictor = Rules(NAMES, EVENTS, rules=[Rule("ring", "call", 0.9)])
    predictor.switched("chat", 20 * SECOND)
    predictor.observe("ring", 19 * SECOND)
    assert predictor.probabilities(18 * SECOND)["call"] == 0.9


def test_nothing_expects_nothing():
    told = tell(Nothing(NAMES, EVENTS), [(0, "chat"), (5000, "call"), (100, "ring")])
    assert set(told[-1].values()) == {0.0}


def test_last_expects_the_way_back():
    predictor = Last(NAMES, EVENTS)
    predictor.switched("chat", 0)
    assert set(predictor.probabilities(0).values()) == {0.0}
    predictor.switched("call", 30 * SECOND)
    # A stay of 30 s is expected: left within 4 s with 1 - exp(-4 / 30).
    told = predictor.probabilities(31 * SECOND)
    assert told == {"chat": pytest.approx(-math.expm1(-4 / 30)), "call": 0.0, "idle": 0.0}


def test_going_where_one_is_already_is_no_switch():
    predictor = Last(NAMES, EVENTS)
    tell(predictor, [(0, "chat"), (5000, "call"), (1000, "call")])
    assert predictor.probabilities(7 * SECOND)["chat"] > 0


def test_frequency_expects_what_was_visited_most():
    predictor = Frequency(NAMES, EVENTS, horizon_seconds=1e6)  # so long that he surely leaves
    tell(predictor, [(0, "chat"), *[(1000, "call"), (1000, "chat")] * 3])
    tell(predictor, [(60_000, "idle")])
    # Went to chat 3 times, to call 3 times, and 0.2 more each; now on idle.
    told = predictor.probabilities(200 * SECOND)
    assert told["chat"] == told["call"] == pytest.approx(0.5)


def test_who_stays_briefly_is_expected_to_leave_sooner():
    brief, long = Last(NAMES, EVENTS), Last(NAMES, EVENTS)
    tell(brief, [(0, "chat"), *[(1000, "call"), (1000, "chat")] * 5])
    tell(long, [(0, "chat"), *[(90_000, "call"), (90_000, "chat")] * 5])
    assert brief.probabilities(10**13)["call"] > 2 * long.probabilities(10**13)["call"]


def test_no_clock_is_read(monkeypatch):
    for clock in ("perf_counter_ns", "perf_counter", "monotonic", "monotonic_ns", "time"):
        monkeypatch.delattr(time, clock)
    for make in ALL.values():
        tell(make(), [(0, "chat"), (1000, "ring"), (1000, "call")])
