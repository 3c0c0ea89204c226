"""One undo takes back what one hand did."""

import pytest

from widgets.history import History

SIGMA, COUNT = ("blur", "sigma"), ("corners", "count")


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def history(clock):
    return History(clock)


def move(history, before, after, key=SIGMA, whole=False):
    history.note({key: before}, {key: after}, whole=whole)


def test_a_step_is_taken_back_and_done_again(history):
    move(history, 1.0, 2.0)
    assert history.undo() == {SIGMA: 1.0}
    assert (history.can_undo, history.can_redo) == (False, True)
    assert history.redo() == {SIGMA: 2.0}
    assert (history.can_undo, history.can_redo) == (True, False)


def test_nothing_is_taken_back_where_nothing_was_done(history):
    assert history.undo() == history.redo() == {}


def test_a_drag_is_one_step_however_long_it_takes(history, clock):
    history.gesture = 1
    for value in range(3):
        move(history, value, value + 1)
        clock.now += 10
    assert history.undo() == {SIGMA: 0}
    assert not history.can_undo


def test_what_comes_in_just_after_the_drag_belongs_to_it(history, clock):
    history.gesture = 1
    move(history, 1, 2)
    history.gesture = 0
    clock.now += 0.3
    move(history, 2, 3)
    assert history.undo() == {SIGMA: 1}


def test_two_drags_are_two_steps_however_fast_they_follow(history):
    for gesture in (1, 2):
        history.gesture = gesture
        move(history, gesture, gesture + 1)
    assert history.undo() == {SIGMA: 2}
    assert history.undo() == {SIGMA: 1}


def test_a_key_that_is_held_is_one_step_and_a_touch_later_another(history, clock):
    for value in (1, 2, 3, 10):
        clock.now += 5 if value == 10 else 0.1
        move(history, value, value + 1)
    assert history.undo() == {SIGMA: 10}
    assert history.undo() == {SIGMA: 1}


def test_two_parameters_are_two_steps(history):
    move(history, 1, 2)
    move(history, 5, 6, key=COUNT)
    assert history.undo() == {COUNT: 5}


def test_a_preset_is_a_step_of_its_own(history):
    move(history, 1, 2)
    move(history, 2, 9, whole=True)
    move(history, 9, 8)
    assert [history.undo()[SIGMA] for _ in range(3)] == [9, 2, 1]


def test_a_drag_back_to_where_it_began_is_no_step(history):
    history.gesture = 1
    move(history, 1, 2)
    move(history, 2, 1)
    assert not history.can_undo


def test_a_new_step_forgets_what_was_taken_back(history):
    move(history, 1, 2)
    history.undo()
    move(history, 1, 5)
    assert not history.can_redo
    assert history.undo() == {SIGMA: 1}


def test_it_does_not_grow_for_ever(history, clock):
    for value in range(300):
        clock.now += 5
        move(history, value, value + 1)
    steps = 0
    while history.undo():
        steps += 1
    assert steps == 200
