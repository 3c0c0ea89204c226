"""When is a probability worth acting on, and how much of it may be for nothing?"""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolkit.scheduler.levels import Level
from toolkit.scheduler.promotions import Bet, Cap, Promotion, Promotions

SECOND = 10**9
BETS = (Bet("chat", cost_seconds=0.25), Bet("vision", ("call", "gallery"), Level.NORMAL, 0.4))
SURE = {"chat": 0.9, "call": 0.0, "gallery": 0.0}
NONE = dict.fromkeys(SURE, 0.0)


def test_what_is_probable_is_promoted_until_it_is_needed():
    promotions = Promotions(BETS, threshold=0.5, hold_seconds=4.0)
    assert promotions.decide(NONE, 0) == []
    (one,) = promotions.decide(SURE, SECOND)
    assert one == Promotion("chat", Level.HIGH, 5 * SECOND, 0.9)
    assert promotions.needed("chat", 3 * SECOND) == [one._replace(until_ns=3 * SECOND)]
    assert promotions.statistics().useful == 1


def test_a_promotion_that_nobody_needed_in_time_is_wasted():
    promotions = Promotions(BETS, threshold=0.5, hold_seconds=4.0)
    promotions.decide(SURE, 0)
    assert promotions.needed("chat", 4 * SECOND + 1) == []
    found = promotions.statistics()
    assert (found.made, found.useful, found.wasted, found.wasted_seconds) == (1, 0, 1, 0.25)


def test_going_elsewhere_ends_a_promotion_as_wasted():
    promotions = Promotions(BETS, threshold=0.5)
    promotions.decide(SURE, 0)
    assert [one.kind for one in promotions.needed("call", SECOND)] == ["chat"]
    assert promotions.statistics().wasted == 1


def test_a_kind_that_several_names_need_is_as_probable_as_all_of_them():
    promotions = Promotions(BETS, threshold=0.5)
    told = {"chat": 0.2, "call": 0.3, "gallery": 0.3}
    assert promotions.decide(told, 0) == [
        Promotion("vision", Level.NORMAL, 4 * SECOND, pytest.approx(0.6))
    ]
    promotions.needed("gallery", SECOND)
    assert promotions.statistics().useful == 1


def test_a_promotion_that_stays_probable_goes_on_at_no_further_stake():
    promotions = Promotions(BETS, threshold=0.5, cap=Cap(at_once=1))
    assert promotions.decide(SURE, 0)[0].until_ns == 4 * SECOND
    assert promotions.decide(SURE, 3 * SECOND)[0].until_ns == 7 * SECOND
    promotions.needed("chat", 6 * SECOND)
    found = promotions.statistics()
    assert (found.made, found.useful) == (1, 1)


def test_the_most_probable_goes_first_when_there_is_room_for_one():
    promotions = Promotions(BETS, threshold=0.2, cap=Cap(at_once=1))
    told = {"chat": 0.3, "call": 0.6, "gallery": 0.0}
    assert [one.kind for one in promotions.decide(told, 0)] == ["vision"]
    assert promotions.statistics().refused == 1


def test_over_the_cap_nothing_is_promoted_until_switches_allow_it_again():
    promotions = Promotions(BETS, threshold=0.5, cap=Cap(per_switch=0.5, at_once=2))
    made = [len(promotions.decide(SURE, 10 * time * SECOND)) for time in range(5)]
    assert made == [1, 1, 0, 0, 0]
    promotions.needed("call", 50 * SECOND)
    assert promotions.decide(SURE, 50 * SECOND) == []
    promotions.needed("call", 51 * SECOND)
    assert len(promotions.decide(SURE, 51 * SECOND)) == 1


def test_cpu_time_has_a_cap_of_its_own_which_time_pays_back():
    cap = Cap(at_once=100, cpu_share=0.01, cpu_seconds=0.4)
    promotions = Promotions(BETS, threshold=0.5, cap=cap)
    assert len(promotions.decide(SURE, 0)) == 1
    assert promotions.decide(SURE, 5 * SECOND) == []  # 0.15 s left, and 0.05 s earned
    assert len(promotions.decide(SURE, 11 * SECOND)) == 1  # 0.26 s


def test_time_earns_nothing_on_top_of_what_is_at_stake():
    cap = Cap(at_once=10, cpu_share=0.1, cpu_seconds=0.65)
    promotions = Promotions(BETS, threshold=0.4, hold_seconds=4.0, cap=cap)
    assert len(promotions.decide({"chat": 0.5, "call": 0.5, "gallery": 0.0}, 0)) == 2
    promotions.decide(NONE, 4 * SECOND)
    assert promotions.decide(SURE, 4 * SECOND + 1) == []
    assert promotions.statistics().wasted_seconds == pytest.approx(0.65)


def test_a_need_at_the_last_moment_is_in_time():
    promotions = Promotions(BETS, threshold=0.5, hold_seconds=4.0)
    promotions.decide(SURE, 0)
    promotions.needed("chat", 4 * SECOND)
    assert promotions.statistics().useful == 1


def test_what_was_needed_costs_nothing():
    promotions = Promotions(BETS, threshold=0.5, cap=Cap(per_switch=0, at_once=1, cpu_share=0))
    for time in range(50):
        assert len(promotions.decide(SURE, time * SECOND)) == 1
        promotions.needed("chat", time * SECOND + 1)
    assert promotions.statistics().useful == 50


chances = st.fixed_dictionaries(dict.fromkeys(SURE, st.floats(0, 1)))
doings = st.lists(
    st.tuples(st.integers(-SECOND, 20 * SECOND), st.one_of(chances, st.sampled_from([*SURE, "x"]))),
    max_size=80,
)
caps = st.builds(
    Cap,
    per_switch=st.floats(0, 2),
    at_once=st.floats(1, 5),
    cpu_share=st.floats(0, 0.2),
    cpu_seconds=st.floats(0.4, 3),
)


def play(promotions, doings):
    """Do all of it; yields the time, the switches so far, and what was decided."""
    now_ns = switches = 0
    for later_ns, what in doings:
        now_ns = max(0, now_ns + later_ns)
        if isinstance(what, str):
            switches += 1
            decided = promotions.needed(what, now_ns)
        else:
            decided = promotions.decide(what, now_ns)
        yield now_ns, switches, decided


@given(doings, caps, st.floats(0.01, 1))
def test_waste_never_exceeds_the_cap_in_any_stretch_of_time(doings, cap, threshold):
    promotions = Promotions(BETS, threshold=threshold, cap=cap)
    latest_ns, past = 0, [(0, 0, 0, 0.0)]
    for now_ns, switches, _ in play(promotions, doings):
        latest_ns = max(latest_ns, now_ns)
        found = promotions.statistics()
        for then_ns, switches_then, wasted, seconds in past:
            allowed = cap.at_once + cap.per_switch * (switches - switches_then)
            assert found.wasted - wasted <= allowed + 1e-6
            time_allows = cap.cpu_seconds + cap.cpu_share * (latest_ns - then_ns) / 1e9
            assert found.wasted_seconds - seconds <= time_allows + 1e-6
        past.append((latest_ns, switches, found.wasted, found.wasted_seconds))


@given(doings, caps)
def test_every_promotion_is_useful_wasted_or_open(doings, cap):
    promotions = Promotions(BETS, cap=cap)
    for _ in play(promotions, doings):
        found = promotions.statistics()
        assert found.made == found.useful + found.wasted + found.still_open
        assert found.still_open <= len(BETS)


@given(doings, caps)
def test_the_same_events_give_the_same_promotions(doings, cap):
    first, second = (list(play(Promotions(BETS, cap=cap), doings)) for _ in range(2))
    assert first == second


@given(doings, st.floats(0.01, 1))
def test_nothing_below_the_threshold_is_promoted_and_all_of_it_ends(doings, threshold):
    promotions = Promotions(BETS, threshold=threshold, hold_seconds=2.0)
    latest_ns = 0
    for (_, what), (now_ns, _, decided) in zip(doings, play(promotions, doings), strict=True):
        latest_ns = max(latest_ns, now_ns)
        hold_ns = 0 if isinstance(what, str) else 2 * SECOND
        assert all(one.until_ns == latest_ns + hold_ns for one in decided)
        assert all(threshold <= one.probability <= 1 for one in decided)


def test_a_name_without_a_probability_is_refused_in_a_sentence():
    with pytest.raises(ValueError, match=r"no probability of 'gallery'.* given: chat, call\."):
        Promotions(BETS).decide({"chat": 0.1, "call": 0.1}, 0)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"threshold": 0.0}, "no probability to act on"),
        ({"threshold": 1.1}, "no probability to act on"),
        ({"threshold": math.nan}, "no probability to act on"),
        ({"hold_seconds": 0.0}, "must last"),
        ({"cap": Cap(at_once=0.5)}, "at_once not below 1"),
        ({"cap": Cap(per_switch=-1)}, "no number may be below 0"),
        ({"cap": Cap(cpu_seconds=0.3)}, "can never be paid"),
        ({"bets": (Bet("chat"), Bet("chat", ("call",)))}, "appears twice"),
        ({"bets": (Bet("chat", cost_seconds=-0.1),)}, "can never be paid"),
        ({"bets": (Bet("chat", ("call", "call")),)}, "names one twice"),
    ],
)
def test_numbers_that_make_no_sense_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        Promotions(**{"bets": BETS, **options})
