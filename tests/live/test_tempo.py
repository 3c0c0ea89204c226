"""When is a frame due? On a clock that the test turns."""

import pytest

from toolkit.live.tempo import Tempo


@pytest.fixture
def tempo(clock):
    return Tempo(clock)


def test_the_first_frame_is_due_at_once_and_the_next_at_its_time(tempo, clock):
    assert tempo.wait_seconds(5.0) == 0
    tempo.shown(5.0)
    assert tempo.wait_seconds(5.1) == pytest.approx(0.1)
    clock.seconds = 0.06
    assert tempo.wait_seconds(5.1) == pytest.approx(0.04)


def test_a_frame_that_was_a_little_late_does_not_delay_those_after_it(tempo, clock):
    tempo.shown(0.0)
    clock.seconds = 0.13
    tempo.shown(0.1)
    assert tempo.wait_seconds(0.2) == pytest.approx(0.07)


def test_where_it_cannot_keep_up_it_plays_slower_and_leaves_nothing_out(tempo, clock):
    tempo.shown(0.0)
    clock.seconds = 1.0
    tempo.shown(0.1)
    assert tempo.wait_seconds(0.2) == pytest.approx(0.1)


def test_double_speed_halves_the_wait(tempo):
    tempo.shown(0.0)
    tempo.speed = 2.0
    assert tempo.wait_seconds(0.1) == pytest.approx(0.05)


def test_at_the_turn_of_a_loop_the_first_frame_follows_in_its_turn(tempo, clock):
    tempo.shown(0.0)
    clock.seconds = 0.1
    tempo.shown(0.1)
    assert tempo.wait_seconds(0.0) == pytest.approx(0.1)
    clock.seconds = 0.2
    tempo.shown(0.0)
    assert tempo.wait_seconds(0.1) == pytest.approx(0.1)


def test_after_a_restart_the_next_frame_is_due_at_once(tempo):
    tempo.shown(0.0)
    tempo.restart()
    assert tempo.wait_seconds(9.0) == 0
