"""What does a ring cost beside the pixels? Publication, leases and checked reads, with no copy.

Bars: acquire + publish at most 2 us, lease + release at most 1 us.

    python -m toolkit bench ring            # or: python tests/benchmarks/bench_ring.py --quick
"""

from __future__ import annotations

import argparse
import json
import time
from timeit import Timer
from typing import Any

import torch

from toolkit.demos.machine import describe_machine
from toolkit.demos.rivals import spread
from toolkit.ring import FrameRing

BARS_US = {"acquire + publish": 2.0, "lease + release": 1.0}
CALLS = 50  # in a ring of 60, so that all of them can be held at once
STATEMENTS = {  # name: what is timed, and what comes before it, untimed
    "acquire + publish": ("hold(ring.publish(ring.acquire(), pts_seconds=0.0))", "held.clear()"),
    "acquire + publish + release": (
        "ring.publish(ring.acquire(), pts_seconds=0.0)",
        "held.clear()",
    ),
    "lease + release": ("full.latest().release()", "pass"),
    "second lease + release": ("frame.lease().release()", "pass"),
    "checked read of pixels": ("frame.pixels", "pass"),
    "checked read of an attachment": ("frame['answer']", "pass"),
}


def run(quick: bool = False) -> dict[str, Any]:
    """CPU time of each call, 50 calls a round, less the empty loop; ratios are to its bar."""
    torch.set_num_threads(1)
    rounds = 101 if quick else 1001
    empty = min(Timer("pass", timer=time.process_time).repeat(rounds, CALLS))
    timers = _timers()
    times: dict[str, list[float]] = {name: [] for name in timers}
    for number in range(rounds + 20):
        for name, timer in timers.items():
            us = (timer.timeit(CALLS) - empty) / CALLS * 1e6
            if number >= 20:  # warm by then
                times[name].append(us)
    rows = [_row(name, times[name]) for name in timers]
    us = {row["case"]: row["median_us"] for row in rows}
    ratios = {f"{name} / {bar:g} us": us[name] / bar for name, bar in BARS_US.items()}
    return {
        "name": "ring",
        "ratios": ratios,
        "machine": describe_machine(),
        "rows": rows,
        "bars": dict.fromkeys(ratios, 1.0),
    }


def _timers() -> dict[str, Timer]:
    ring = FrameRing(60, width=64, height=48, pixel_format="rgb")
    full = FrameRing(60, width=64, height=48, pixel_format="rgb")
    frame = full.copy_in(torch.zeros(3, 48, 64, dtype=torch.uint8), pts_seconds=0.0)
    assert frame is not None
    frame.attach("answer", 42)
    held: list[object] = []
    names = {"ring": ring, "full": full, "frame": frame, "held": held, "hold": held.append}
    return {
        name: Timer(statement, setup, timer=time.process_time, globals=names)
        for name, (statement, setup) in STATEMENTS.items()
    }


def _row(name: str, us: list[float]) -> dict[str, Any]:
    found = spread(us)
    return {
        "case": name,
        "median_us": found["median_ms"],
        "q1_us": found["q1_ms"],
        "q3_us": found["q3_ms"],
        "rounds": found["rounds"],
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    print(json.dumps(run(parser.parse_args().quick), indent=1))  # noqa: T201 - its output
