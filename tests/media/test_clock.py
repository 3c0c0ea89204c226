"""Times grow, whatever the file says, and repairs are counted."""

import random
from fractions import Fraction
from itertools import pairwise

import pytest

from toolkit import media
from toolkit.media.clock import Clock

MS = Fraction(1, 1000)


def seconds(ticks, *, fps=25.0):
    clock = Clock(MS, fps=fps)
    return [clock.stamp(one) for one in ticks]


def test_good_times_pass_through_rounded_once():
    stamps = seconds([0, 41, 208])
    assert [one.pts_seconds for one in stamps] == [0.0, 0.041, 0.208]
    assert not any(one.is_repaired for one in stamps)


def test_a_missing_time_is_one_step_after_the_last():
    stamps = seconds([0, None, 80])
    assert [one.pts_seconds for one in stamps] == [0.0, 0.04, 0.08]
    assert [one.is_repaired for one in stamps] == [False, True, False]


def test_a_step_is_the_last_known_duration():
    clock = Clock(MS, fps=25.0)
    assert clock.stamp(0, 100).duration_seconds == 0.1
    assert clock.stamp(None).pts_seconds == 0.1


def test_a_repeated_or_backward_time_leaves_room_for_the_next_good_one():
    stamps = seconds([0, 40, 40, 80, 60, 120])
    assert [one.pts_seconds for one in stamps] == pytest.approx([0, 0.04, 0.06, 0.08, 0.1, 0.12])
    assert sum(one.is_repaired for one in stamps) == 2
    assert not any(one.is_jump for one in stamps)


def test_a_large_step_back_is_a_new_beginning_that_follows_on():
    stamps = seconds([5000, 5040, 0, 40, 80])
    assert [one.pts_seconds for one in stamps] == pytest.approx([5, 5.04, 5.08, 5.12, 5.16])
    assert [one.is_repaired for one in stamps] == [False, False, True, False, False]
    assert [one.is_jump for one in stamps] == [False, False, True, False, False]


def test_without_a_time_base_the_rate_counts():
    clock = Clock(None, fps=10.0)
    assert [clock.stamp(7).pts_seconds for _ in range(3)] == [0.0, 0.1, 0.2]


def test_after_a_reset_time_may_start_anywhere():
    clock = Clock(MS, fps=25.0)
    clock.stamp(5000)
    clock.reset()
    assert clock.stamp(40) == clock.stamp(40).__class__(0.04, None)


def test_any_times_whatever_grow():
    generator = random.Random(1)
    ticks = [
        generator.choice([None, generator.randrange(-(2**62), 2**62), 40, 0]) for _ in range(500)
    ]
    times = [one.pts_seconds for one in seconds(ticks)]
    assert all(a <= b for a, b in pairwise(times))


def test_a_stream_without_times_is_timed_by_its_rate_and_counted(make_clip):
    with media.open(make_clip("raw.h264", container="h264", fps=25)) as video:
        times = [frame.pts_seconds for frame in video]
        assert times == sorted(set(times))
        assert len(times) == 12
