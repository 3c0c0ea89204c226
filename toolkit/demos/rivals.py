"""Which of these is faster, and by how much? Rivals take turns, so that a busy machine hurts all.

    times = take_turns({"mine": mine, "theirs": theirs}, rounds=21)
    median_ratio(times["mine"], times["theirs"])    # below 1: mine is faster

A ratio is taken within each round, and the median of the rounds is reported: what slows the machine
for a second falls on neighbours alike. Milliseconds are kept beside it, as median and quartiles.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TypedDict

__all__ = ["Spread", "median_ratio", "spread", "take_turns"]


class Spread(TypedDict):
    """Median and quartiles of a sample, in ms."""

    median_ms: float
    q1_ms: float
    q3_ms: float
    rounds: int


def take_turns(
    rivals: Mapping[str, Callable[[], object]],
    *,
    rounds: int,
    warmup: int = 1,
    clock: Callable[[], int] = time.perf_counter_ns,
) -> dict[str, list[float]]:
    """Run every rival once a round, in an order that turns; returns ms of each round.

    The garbage collector runs between rounds and not inside them.

    Args:
        rivals: name to a call that does the work and ends when it is done: synchronise inside.
        rounds: how often each is measured.
        warmup: rounds before that, which are not kept.
        clock: in ns; `time.process_time_ns` leaves out what other processes took.
    """
    names = list(rivals)
    times: dict[str, list[float]] = {name: [] for name in names}
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        for number in range(warmup + rounds):
            turn = number % len(names)
            order = names[turn:] + names[:turn]
            # Backwards every other time, or each would always find the caches as the same one left
            # them.
            for name in order if number // len(names) % 2 == 0 else reversed(order):
                begin = clock()
                rivals[name]()
                elapsed = clock() - begin
                if number >= warmup:
                    times[name].append(elapsed / 1e6)
            gc.collect()
    finally:
        if was_enabled:
            gc.enable()
    return times


def median_ratio(times: Sequence[float], reference: Sequence[float]) -> float:
    """The median over rounds of `times` / `reference`; below 1, `times` was the faster one."""
    return statistics.median(a / b for a, b in zip(times, reference, strict=True))


def spread(times: Sequence[float]) -> Spread:
    """Median and quartiles of one rival's rounds."""
    if len(times) == 1:
        low = middle = high = times[0]
    else:
        low, middle, high = statistics.quantiles(times, n=4, method="inclusive")
    return {
        "median_ms": round(middle, 4),
        "q1_ms": round(low, 4),
        "q3_ms": round(high, 4),
        "rounds": len(times),
    }
