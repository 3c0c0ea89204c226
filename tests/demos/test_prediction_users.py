"""Users who are drawn: do they have what their family promises, and nothing else?"""

import statistics
from itertools import pairwise

import pytest

from toolkit.demos.prediction_users import EVENTS, FAMILIES, PLACES, RULES, draw_users

SIGNS = {sign: name for name, place in PLACES.items() for sign in place.signs}


def switches(moments):
    return [one for one in moments if one.to]


def announced(users):
    """Share of switches before which, within 4 s, a sign of theirs was seen."""
    found = []
    for moments in users:
        for at, moment in enumerate(moments):
            if moment.to and at:
                recent = [m for m in moments[:at] if m.now_ns > moment.now_ns - 4e9]
                found.append(any(SIGNS.get(one.event) == moment.to for one in recent))
    return statistics.fmean(found)


def repeated(users):
    """Share of ways back: from a over b to a again."""
    found = []
    for moments in users:
        path = [one.to for one in switches(moments)]
        found += [first == third for first, third in zip(path, path[2:], strict=False)]
    return statistics.fmean(found)


@pytest.fixture(scope="module")
def drawn():
    return {family: draw_users(family, 12, 4) for family in FAMILIES}


def test_moments_are_in_order_and_each_is_an_event_or_a_switch(drawn):
    for users in drawn.values():
        for moments in users:
            assert all(one.now_ns <= other.now_ns for one, other in pairwise(moments))
            assert all((one.event in EVENTS) != (one.to in PLACES) for one in moments)


def test_a_user_begins_somewhere_and_always_goes_elsewhere(drawn):
    for users in drawn.values():
        for moments in users:
            assert moments[0].to
            assert len(switches(moments)) == 121
            assert all(one.to != other.to for one, other in pairwise(switches(moments)))


def test_switches_are_announced_only_in_families_that_have_signs(drawn):
    assert announced(drawn["clear signs"]) > 0.45
    assert announced(drawn["doubtful signs"]) > 0.45
    assert announced(drawn["habits"]) < 0.1
    assert announced(drawn["null"]) < 0.1


def test_doubtful_signs_are_more_often_followed_by_nothing(drawn):
    def signs(users):
        others = SIGNS.keys() - {"no_input"}  # which is seen all the time by who is idle
        return sum(one.event in others for moments in users for one in moments)

    assert signs(drawn["doubtful signs"]) > 1.3 * signs(drawn["clear signs"])


def test_only_the_null_family_has_no_habits(drawn):
    assert repeated(drawn["habits"]) > 0.4
    assert repeated(drawn["null"]) == pytest.approx(1 / 4, abs=0.05)


def test_the_same_seed_gives_the_same_users_and_the_first_ones_do_not_depend_on_the_count():
    assert draw_users("habits", 3, 7) == draw_users("habits", 5, 7)[:3]
    assert draw_users("habits", 1, 7) != draw_users("habits", 1, 8)


def test_rules_know_every_sign_and_what_it_announces():
    assert {(rule.event, rule.name) for rule in RULES} == set(SIGNS.items())


def test_a_family_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match=r"'nil' is no family of users; there are clear signs, "):
        draw_users("nil", 1, 0)
