"""Which entries are looked at, and what the others are taken to copy."""

from toolkit.profiling.counting import Counts
from toolkit.profiling.looks import GUESSED, LOOK_EVERY, RECALLED, Looks

KEY = ("demo", "blur")


def seen(signature, copies):
    return Counts(copies={"h2h": list(copies)}, unsized_copies=1, signature=signature)


def test_the_first_entries_and_every_sixtieth_are_looked_at():
    looks = Looks()
    due = [number for number in range(3 * LOOK_EVERY) if looks.is_due(KEY)]
    assert due == [0, 1, LOOK_EVERY, 2 * LOOK_EVERY]


def test_a_stretch_that_allocates_the_same_copies_the_same():
    looks = Looks()
    looks.learn(KEY, 0, seen(1, (2, 100)))
    looks.learn(KEY, 0, seen(2, (3, 200)))
    later = Counts(signature=1)
    assert looks.recall(KEY, 0, later) == RECALLED
    assert (later.copies, later.unsized_copies) == ({"h2h": [2, 100]}, 1)


def test_a_stretch_like_no_other_is_guessed_by_the_newest_and_looked_at_next_time():
    looks = Looks()
    for _ in range(2):
        looks.is_due(KEY)
    looks.learn(KEY, 0, seen(1, (2, 100)))
    later = Counts(signature=9)
    assert looks.recall(KEY, 0, later) == GUESSED
    assert later.copies == {"h2h": [2, 100]}
    assert looks.is_due(KEY)
    assert not looks.is_due(KEY)


def test_a_stretch_that_allocates_nothing_is_not_taken_for_one_that_did():
    looks = Looks()
    looks.learn(KEY, 0, seen(1, (2, 100)))
    idle = Counts()
    assert looks.recall(KEY, 0, idle) == GUESSED
    assert (idle.copies, idle.unsized_copies) == ({}, 0)


def test_what_ends_early_and_allocates_nothing_is_taken_to_copy_nothing():
    looks = Looks()
    looks.learn(KEY, 0, seen(0, (1, 10)))
    looks.learn(KEY, 1, seen(0, (5, 50)))
    looks.forget_idle(KEY)
    idle, other = Counts(), Counts()
    looks.recall(KEY, 0, idle)
    looks.recall(KEY, 1, other)
    assert idle.copies == {}
    assert other.copies == {"h2h": [5, 50]}


def test_stretches_of_one_entry_are_told_apart():
    looks = Looks()
    looks.learn(KEY, 0, seen(0, (1, 10)))
    looks.learn(KEY, 1, seen(0, (5, 50)))
    later = Counts(signature=0)
    looks.recall(KEY, 1, later)
    assert later.copies == {"h2h": [5, 50]}


def test_memory_is_bounded_for_a_stage_that_never_does_the_same_twice():
    looks = Looks()
    for number in range(1000):
        looks.learn(KEY, number, seen(number, (1, 1)))
    habit = looks._habits[KEY]
    assert len(habit.copies) == len(habit.newest) == 64


def test_an_entry_that_was_due_and_passed_over_has_the_next_one_looked_at():
    looks = Looks()
    for _ in range(2):
        assert looks.is_due(KEY)
    assert looks.until_due(KEY) == LOOK_EVERY - 2
    for _ in range(LOOK_EVERY - 1):
        looks.pass_over(KEY)
    assert looks.has_asked
    assert looks.until_due(KEY) == 0
    assert looks.is_due(KEY)
