"""What does a decision cost? Submit, pick, the end of a quantum, an event, and another context.

Bars: submit at most 2 us, pick at most 5 us, an event of the trace at most 0.5 us, another context
with 100 000 tasks queued at most 50 us. What a simulated task costs is asked by `simulator`.

    python -m toolkit bench scheduler_core    # or: python tests/benchmarks/bench_scheduler_core.py
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from timeit import Timer
from typing import Any

from toolkit.demos.machine import describe_machine
from toolkit.demos.rivals import spread
from toolkit.scheduler.contexts import Context
from toolkit.scheduler.kinds import Kind
from toolkit.scheduler.policy import Policy
from toolkit.scheduler.task import State, Task
from toolkit.scheduler.trace import Trace

BARS_US = {
    "submit": 2.0,
    "pick": 5.0,
    "trace event": 0.5,
    "another context, 100 000 queued": 50.0,
}
CALLS = 200
QUEUED = 100_000
STATEMENTS = {  # name: what is timed, and what comes before it, untimed
    "submit": ("submit(next(fresh), 0)", "policy = new(); submit = policy.submit; fresh = tasks()"),
    "pick": ("pick(0, 0)", "policy = filled(); pick = policy.pick"),
    "pick + end of a quantum": (
        "pick(0, 0); step(0, 0, 0, end=done)",
        "policy = filled(); pick = policy.pick; step = policy.step",
    ),
    "trace event": ("note(1, 2, 3, 4, 5, 6, 7, 8)", "pass"),
    "another context, 100 000 queued": (
        "shift('chat', 0); shift('default', 0)",
        "pass",
    ),
}
SHIFTS = 2  # in the statement of another context


def run(quick: bool = False) -> dict[str, Any]:
    """CPU time of each call, less the empty loop; ratios are to its bar."""
    rounds = 21 if quick else 201
    timers = _timers()
    empty = min(Timer("pass", timer=time.process_time).repeat(rounds, CALLS))
    times: dict[str, list[float]] = {name: [] for name in timers}
    gc.disable()
    for number in range(rounds + 5):
        for name, timer in timers.items():
            us = (timer.timeit(CALLS) - empty) / CALLS * 1e6
            if number >= 5:  # warm by then
                times[name].append(us / SHIFTS if "context" in name else us)
        gc.collect()
    gc.enable()
    rows = [_row(name, times[name]) for name in timers]
    us = {row["case"]: row["median_us"] for row in rows}
    ratios = {f"{name} / {bar:g} us": us[name] / bar for name, bar in BARS_US.items()}
    return {
        "name": "scheduler_core",
        "ratios": ratios,
        "machine": describe_machine(),
        "rows": rows,
        "bars": dict.fromkeys(ratios, 1.0),
    }


def _timers() -> dict[str, Timer]:
    names: dict[str, Any] = {
        "new": _new,
        "filled": lambda: _filled(CALLS),
        "tasks": lambda: iter([Task("train") for _ in range(CALLS)]),
        "done": State.DONE,
        "note": Trace().note,
        "shift": _filled(QUEUED).set_context,
    }
    return {
        name: Timer(statement, setup, timer=time.process_time, globals=names)
        for name, (statement, setup) in STATEMENTS.items()
    }


def _new() -> Policy:
    return Policy(
        {"frame": "CRITICAL", "chat": "HIGH", "train": Kind("LOW", max_queued=10 * QUEUED)},
        workers=2,
        mode="levels",
        contexts=(Context("chat", {"chat": "CRITICAL", "train": "HIGH"}),),
        trace=Trace(1 << 10),
    )


def _filled(count: int) -> Policy:
    policy = _new()
    for number in range(count):
        policy.submit(Task("train", deadline_ns=number * 7919 % count), 0)
    return policy


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
