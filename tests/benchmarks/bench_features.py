"""What do features, matches and a homography cost beside OpenCV's, on one thread of a CPU?

Two pictures of a drawn room, the second turned and resized; as many features on both sides.
OpenCV's ORB looks for corners with a test that stops early at most px, which a device cannot do;
brute-force matching with a check from both sides; and RANSAC, which stops when it is sure.

    python -m toolkit bench features        # or: python tests/benchmarks/bench_features.py --quick
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import torch

from toolkit.demos.machine import describe_machine
from toolkit.demos.rivals import median_ratio, spread, take_turns
from toolkit.media.scenes import Scene
from toolkit.memory import tune_allocator
from toolkit.spec import FrameSpec
from toolkit.stages import features, homography, matches
from toolkit.stages.declare import InputSpec, Stage, spec_of

WIDTH, HEIGHT = 640, 480
COUNTS = (500, 1000)


def run(quick: bool = False) -> dict[str, Any]:
    """CPU time of each step at 640x480, interleaved with OpenCV's."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    allocator = tune_allocator()
    ratios: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    for count in COUNTS:
        for step, rivals in _steps(count).items():
            rounds = 10 if quick else 100
            times = take_turns(rivals, rounds=rounds, warmup=3, clock=time.process_time_ns)
            name = f"{step} / OpenCV ({count} at {WIDTH}x{HEIGHT})"
            ratios[name] = median_ratio(times["toolkit"], times["OpenCV"])
            rows += [
                {"case": f"{who}, {step}", "size": count, **spread(ms)} for who, ms in times.items()
            ]
    return {
        "name": "features",
        "ratios": ratios,
        "machine": {**describe_machine(), "allocator": repr(allocator)},
        "rows": rows,
        "bars": {},
    }


def _pictures() -> list[np.ndarray]:
    """A room, and the same turned by 30 degrees and resized to 0.85, (H, W) uint8."""
    scene = Scene("room", width=WIDTH, height=HEIGHT, seed=3)
    picture = scene.render(0)[0].mean(-3).reshape(HEIGHT, WIDTH).mul(255).to(torch.uint8).numpy()
    matrix = cv2.getRotationMatrix2D(((WIDTH - 1) / 2, (HEIGHT - 1) / 2), 30, 0.85)
    return [picture, cv2.warpAffine(picture, matrix, (WIDTH, HEIGHT))]


def _steps(count: int) -> dict[str, dict[str, Callable[[], object]]]:
    """Each step with its rival; every step takes what the one before it found."""
    pictures = _pictures()
    orb = cv2.ORB_create(count)
    found = [orb.detectAndCompute(one, None) for one in pictures]
    matcher = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True)
    pairs = matcher.match(found[0][1], found[1][1])
    before = np.array([found[0][0][one.queryIdx].pt for one in pairs])
    after = np.array([found[1][0][one.trainIdx].pt for one in pairs])

    gray = [torch.from_numpy(one).float().div(255)[None, None] for one in pictures]
    find = _call(features, gray[1], count=count)
    earlier, later = _call(features, gray[0], count=count)(), find()
    match = _call(matches, later, earlier)
    return {
        "features": {
            "toolkit": find,
            "OpenCV": lambda: orb.detectAndCompute(pictures[1], None),
        },
        "matches": {
            "toolkit": match,
            "OpenCV": lambda: matcher.match(found[0][1], found[1][1]),
        },
        "homography": {
            "toolkit": _call(homography, match()),
            "OpenCV": lambda: cv2.findHomography(before, after, cv2.RANSAC, 3.0),
        },
    }


def _call(stage: Stage, *inputs: Any, **parameters: Any) -> Callable[[], Any]:
    """`apply` on these inputs, with its constants made."""
    spec = InputSpec(FrameSpec(WIDTH, HEIGHT, "gray"), tuple(spec_of(one) for one in inputs))
    constants = stage.constants(spec, **parameters)

    def call() -> Any:
        with torch.no_grad():
            return stage(*inputs, **constants)

    return call


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    print(json.dumps(run(parser.parse_args().quick), indent=1))  # noqa: T201 - its output
