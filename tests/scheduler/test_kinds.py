"""What a kind declares is checked, and what was measured of it is what happened."""

import pytest

from toolkit.scheduler.kinds import Kind, KindState, Period
from toolkit.scheduler.levels import NEVER, Level

MS = 1_000_000


@pytest.mark.parametrize(
    ("declared", "says"),
    [
        ({"level": 7}, "7 is no level; there are CRITICAL, HIGH, NORMAL, LOW, IDLE"),
        ({"raise_to": "top"}, "'top' is no level"),
        ({"max_queued": 0}, "max_queued=0: a queue holds one task at least"),
        ({"overflow": "drop"}, "overflow='drop'; there are 'wait', 'error' and 'shed'"),
        ({"quantum_seconds": 0}, "quantum_seconds=0 is not above 0"),
    ],
)
def test_what_there_cannot_be_is_refused(declared, says):
    with pytest.raises(ValueError, match=says):
        Kind(**declared)


def test_a_level_is_named_in_any_case_or_numbered():
    assert Level.of("critical") is Level.of(0) is Level.of(Level.CRITICAL) is Level.CRITICAL


def test_the_most_urgent_of_the_levels_that_a_kind_was_given_counts():
    kind = KindState("a", 0, Kind("LOW"), workers=1)
    kind.asked, kind.expected = 2, 1
    assert kind.effective() == 1
    kind.asked, kind.expected = 4, None
    assert kind.effective() == Level.LOW


def test_what_was_measured_takes_the_place_of_what_was_declared():
    kind = KindState("a", 0, Kind("LOW", quantum_seconds=0.5), workers=1)
    kind.measured(10 * MS, Level.LOW)
    assert (kind.quantum_ns, kind.spread_ns) == (10 * MS, 10 * MS // 4)
    kind.measured(20 * MS, Level.HIGH)
    assert kind.quantum_ns == 11 * MS
    assert (kind.level_ns[Level.LOW], kind.level_ns[Level.HIGH]) == (10 * MS, 20 * MS)
    assert kind.longest_ns == 500 * MS  # as declared: until then, a bound has to hold


def released(*times_ms):
    period = Period()
    for ms in times_ms:
        period.released(ms * MS)
    return period


def test_a_slow_first_quantum_is_not_taken_for_the_others():
    kind = KindState("a", 0, Kind("LOW"), workers=1)
    kind.measured(500 * MS, Level.LOW)
    kind.measured(20 * MS, Level.LOW)
    assert (kind.quantum_ns, kind.spread_ns, kind.longest_ns) == (20 * MS, 5 * MS, 500 * MS)
    kind.measured(5 * MS, Level.LOW)  # the third one is one of many
    assert kind.quantum_ns == 18.5 * MS


def test_a_period_is_learned_and_a_release_that_was_skipped_does_not_count():
    period = released(0, 10, *range(20, 400, 10))
    assert period.ns == 10 * MS
    assert period.next_ns(391 * MS) == 400 * MS
    period.released(420 * MS)
    assert period.ns == 10 * MS


def test_what_comes_at_any_time_has_no_next_release():
    assert released(0).next_ns(1) == NEVER
    assert released(0, 1, 50, 53, 170).next_ns(171 * MS) == NEVER
    assert released(0, 10, 20, 30).next_ns(100 * MS) == NEVER  # it stopped


def test_a_declared_period_is_taken_for_granted():
    period = Period()
    period.declare(10 * MS)
    period.released(3 * MS)
    assert period.next_ns(4 * MS) == 13 * MS
    period.released(14 * MS)
    assert (period.ns, period.next_ns(14 * MS)) == (10 * MS, 24 * MS)
