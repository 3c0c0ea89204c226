"""What does it cost to simulate? A million tasks, of three quanta each, on 64 ideal workers.

Bar: 40 CPU-seconds. The same seed gives the same events on every machine; `events` is their hash.

    python -m toolkit bench simulator     # or: python tests/benchmarks/bench_simulator.py --quick
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from typing import Any

from toolkit.demos.machine import describe_machine
from toolkit.scheduler import Arrival, simulate

MODES = ("levels", "guard")
WORKERS, LOAD = 64, 0.9
TASKS, QUICK_TASKS = 1_000_000, 20_000
BAR_US = 40.0  # of CPU time a task
KINDS = {"frame": 0, "pose": 1, "chat": 2, "train": 3, "spec": 4}
# parts of 20, kind, ms of a quantum, quanta
MIXTURE = (
    *((7, "frame", 3, 2), (4, "pose", 4, 2), (4, "chat", 10, 6)),
    *((4, "train", 10, 4), (1, "spec", 10, 3)),
)
DRAIN_SECONDS = 10.0


def run(quick: bool = False) -> dict[str, Any]:
    """CPU time a task in each mode."""
    arrivals = mixed_tasks(QUICK_TASKS if quick else TASKS)
    rows = [simulated(mode, arrivals) for mode in MODES]
    ratios = {f"{row['mode']}: CPU time a task / {BAR_US:g} us": row["us"] / BAR_US for row in rows}
    return {
        "name": "simulator",
        "ratios": ratios,
        "bars": dict.fromkeys(ratios, 1.0),
        "machine": describe_machine(),
        "rows": rows,
    }


def mixed_tasks(count: int, seed: int = 0) -> list[Arrival]:
    """Frames, poses, chats, training and speculation, which come at random."""
    rng, at_seconds = random.Random(seed), 0.0
    mean_seconds = sum(parts * ms * quanta for parts, _, ms, quanta in MIXTURE) / 20 / 1000
    arrivals: list[Arrival] = []
    for _, kind, ms, quanta in rng.choices(MIXTURE, [parts for parts, *_ in MIXTURE], k=count):
        arrivals.append(Arrival(int(at_seconds * 1e9), kind, (ms * 1_000_000,) * quanta))
        at_seconds += rng.expovariate(WORKERS * LOAD / mean_seconds)
    return arrivals


def simulated(mode: str, arrivals: list[Arrival]) -> dict[str, Any]:
    """One simulation, until all is done."""
    seconds = arrivals[-1].release_ns / 1e9 + DRAIN_SECONDS
    begin = time.process_time()
    outcome = simulate(arrivals, policy=mode, seconds=seconds, workers=WORKERS, kinds=KINDS)
    took_seconds = time.process_time() - begin
    return {
        "mode": mode,
        "tasks": len(arrivals),
        "done": sum(kind.done for kind in outcome.kinds.values()),
        "cpu_seconds": took_seconds,
        "us": took_seconds / len(arrivals) * 1e6,
        "events": outcome.event_hash,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few tasks")
    sys.stdout.write(json.dumps(run(parser.parse_args().quick), indent=1) + "\n")
