"""Rivals take turns: what is measured, in which order, and what comes of it."""

import gc
import itertools

import pytest

from toolkit.demos.rivals import median_ratio, spread, take_turns


class Clock:
    """Time that moves only when a rival works."""

    def __init__(self):
        self.now_ns = 0
        self.order = []

    def __call__(self):
        return self.now_ns

    def rival(self, name, *steps_ms):
        steps = iter(steps_ms)

        def work():
            self.order.append(name)
            self.now_ns += int(next(steps) * 1e6)

        return work


def test_rivals_are_measured_in_turns_and_warm_up_is_not_kept():
    clock = Clock()
    rivals = {"a": clock.rival("a", 90, 1, 2), "b": clock.rival("b", 90, 4, 4)}
    times = take_turns(rivals, rounds=2, warmup=1, clock=clock)
    assert times == {"a": [1, 2], "b": [4, 4]}
    assert clock.order == ["a", "b", "b", "a", "b", "a"]


def test_every_rival_follows_every_other_one():
    order = []
    rivals = {name: lambda name=name: order.append(name) for name in "abc"}
    take_turns(rivals, rounds=12, warmup=0)
    pairs = [pair for pair in itertools.pairwise(order) if pair[0] != pair[1]]
    counts = [pairs.count((one, other)) for one in "abc" for other in "abc" if one != other]
    assert min(counts) >= 4


def test_the_ratio_is_taken_within_rounds():
    # One slow round for both: the medians apart would say 1.0, the rounds say 0.5.
    assert median_ratio([1, 10, 1], [2, 20, 2]) == 0.5


def test_a_spread_is_the_median_and_the_quartiles():
    assert spread([1, 2, 3, 4, 5]) == {"median_ms": 3, "q1_ms": 2, "q3_ms": 4, "rounds": 5}
    assert spread([7.0])["median_ms"] == 7.0


def test_the_collector_runs_between_rounds_only_and_is_left_as_it_was():
    seen = []
    take_turns({"a": lambda: seen.append(gc.isenabled())}, rounds=2)
    assert seen == [False] * 3
    assert gc.isenabled()


def test_a_rival_that_fails_ends_the_measurement_with_the_collector_on():
    def fail():
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        take_turns({"a": fail}, rounds=1)
    assert gc.isenabled()
