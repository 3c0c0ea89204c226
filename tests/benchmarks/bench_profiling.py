"""What does a session cost? CPU time of the default pipeline with `profile`, over without.

Bars, at 1280x720 with the allocator tuned: counts 1.05 (1.02 with the compiled hook), lines 1.25,
exact 1.6, with every frame at that level, folded. Keeping every event looks at every operator, and
costs what that costs; a frame without a session pays for asking.

    python -m toolkit bench profiling       # or: python tests/benchmarks/bench_profiling.py --quick
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import torch

from toolkit import hooks
from toolkit.demos.machine import describe_machine
from toolkit.demos.rivals import median_ratio, spread, take_turns
from toolkit.frame import Frame
from toolkit.memory import tune_allocator
from toolkit.pipeline import Pipeline
from toolkit.profiling import LEVELS, every, hook, profile
from toolkit.ring import FrameRing
from toolkit.stages import blur, corners, edges, gray, rgb, sobel

BARS = {
    "counts": 1.05,
    "counts, compiled hook": 1.02,
    "lines": 1.25,
    "lines, compiled hook": 1.25,
    "exact": 1.6,
    "exact, compiled hook": 1.6,
}
STAGES = (rgb, gray, blur, sobel, edges, corners)
WANT = ("rgb", "edges", "corners")
SIZE = (1280, 720)
FRAMES = 120  # in a session; longer ones cost less, for they look closely at fewer


def run(quick: bool = False) -> dict[str, Any]:
    """CPU time a frame, one thread; the rivals take turns, some frames at a time."""
    torch.set_num_threads(1)
    allocator = tune_allocator()
    frames = 30 if quick else FRAMES
    pipeline = Pipeline(STAGES)
    source = _publish(*SIZE)

    def play() -> None:
        for count, frame in enumerate(pipeline.run(source, want=WANT), 1):
            frame["corners"]
            if count == frames:
                break

    def billed(level: str, keep: str = "fold") -> None:
        with profile(level, keep):
            play()

    def sampled(detail: Callable[[int], str]) -> None:
        with profile(detail=detail):
            play()

    compiled = hook.loaded_hook() if hook.build_hook() else None

    def hooked(level: str) -> None:
        hook._hook = compiled
        billed(level)
        hook._hook = None

    hook._hook = None
    rivals = {
        "no session": play,
        "no session, again": play,
        "counts, folded": lambda: billed("counts"),
        "counts, every event": lambda: billed("counts", "all"),
        "lines, folded": lambda: billed("lines"),
        "exact, folded": lambda: billed("exact"),
        "lines on every 30th frame": lambda: sampled(every(30, "lines")),
    }
    if compiled is not None:
        for level in LEVELS:
            rivals[f"{level}, compiled hook, folded"] = lambda level=level: hooked(level)
    rounds = 3 if quick else 9
    times = take_turns(rivals, rounds=rounds, warmup=1, clock=time.process_time_ns)
    plain = times["no session"]
    ratios = {
        f"{name} / no session": median_ratio(ms, plain)
        for name, ms in times.items()
        if name != "no session"
    }
    rows = [{"case": name, **spread([one / frames for one in ms])} for name, ms in times.items()]
    rows.append({"case": "six empty scopes and a frame, no session", "us": _asking_us()})
    return {
        "name": "profiling",
        "ratios": ratios,
        "machine": {**describe_machine(), "allocator": repr(allocator)},
        "rows": rows,
        "bars": {
            ratio: bar
            for level, bar in BARS.items()
            if (ratio := f"{level}, folded / no session") in ratios
        },
    }


def _publish(width: int, height: int) -> Iterator[Frame]:
    ring = FrameRing(4, width=width, height=height)
    picture = torch.randint(16, 235, ring.spec.slot_shape, dtype=torch.uint8)
    for _ in range(ring.slots):
        ring.copy_in(picture, pts_seconds=0.0)
    index = 0
    while True:
        slot = ring.acquire()
        if slot is not None:
            yield ring.publish(slot, pts_seconds=index / 30)
            index += 1


def _asking_us(frames: int = 2000) -> float:
    begin = time.process_time_ns()
    for index in range(frames):
        hooks.frame_begin(index)
        for name in ("rgb", "gray", "blur", "sobel", "edges", "corners"):
            with hooks.scope(name, index):
                hooks.report("wait")
        hooks.frame_end(index)
    return (time.process_time_ns() - begin) / frames / 1e3


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    print(json.dumps(run(parser.parse_args().quick), indent=1))  # noqa: T201 - its output
