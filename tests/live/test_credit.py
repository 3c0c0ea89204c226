"""Two pictures on their way, and a lost answer does not stop the third."""

import pytest

from toolkit.live import Credit


@pytest.fixture
def now():
    return [0]


@pytest.fixture
def credit(now):
    return Credit(limit=2, timeout_ns=2e9, clock=lambda: now[0])


def test_the_third_picture_waits_until_one_was_drawn(credit, now):
    assert credit.try_take(1)
    assert credit.try_take(2)
    assert not credit.try_take(3)
    now[0] = 50_000_000
    assert credit.give(1) == 0.05
    assert credit.try_take(3)
    assert not credit.try_take(4)


def test_an_answer_that_does_not_come_in_time_is_lost_and_its_credit_free(credit, now):
    credit.try_take(1)
    now[0] = 1_000_000_000
    credit.try_take(2)
    now[0] = 2_000_000_000
    assert credit.lost() == [1]
    assert credit.lost() == []
    assert credit.try_take(3)
    assert not credit.try_take(4)
    assert credit.lost_count == 1


def test_a_credit_is_free_in_time_whether_or_not_anybody_asked_what_was_lost(credit, now):
    credit.try_take(1)
    credit.try_take(2)
    now[0] = 2_000_000_000
    assert credit.try_take(3)
    assert credit.lost_count == 2


def test_an_answer_that_comes_too_late_gives_nothing_back(credit, now):
    credit.try_take(1)
    now[0] = 3_000_000_000
    credit.try_take(2)
    credit.try_take(3)
    assert credit.give(1) is None
    assert not credit.try_take(4)


@pytest.mark.parametrize("picture", [1, 99])
def test_an_answer_that_is_not_due_gives_nothing_back(credit, picture):
    credit.try_take(1)
    credit.give(1)
    assert credit.give(picture) is None
    assert [credit.try_take(new) for new in (2, 3, 4)] == [True, True, False]


def test_who_waits_knows_for_how_long(credit, now):
    assert credit.seconds_to_next() == 0.0
    credit.try_take(1)
    now[0] = 500_000_000
    credit.try_take(2)
    assert credit.seconds_to_next() == 1.5
    now[0] = 2_000_000_000
    assert credit.seconds_to_next() == 0.0


def test_without_a_limit_of_one_or_more_nothing_would_pass():
    with pytest.raises(ValueError, match="limit = 0 lets nothing through"):
        Credit(limit=0)
