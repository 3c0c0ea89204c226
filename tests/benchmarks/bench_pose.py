"""What do poses cost, and what does OpenCV take for the same?

Bar: from a gray picture over tracks to the camera's pose, at most 80 ms at 640x480, CPU time, one
thread. Beside it `pose` against OpenCV's essential matrix (RANSAC, and MAGSAC) with `recoverPose`,
`target_pose` against `solvePnPRansac` with IPPE and a refinement, `odometry`, and what it costs to
draw on a target. 512 pairs, one in five wrong; interleaved. The allocator is tuned.

    python -m toolkit bench pose        # or: python tests/benchmarks/bench_pose.py --quick
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from toolkit.demos.machine import describe_machine
from toolkit.demos.rivals import median_ratio, spread, take_turns
from toolkit.media.scenes import Scene
from toolkit.memory import tune_allocator
from toolkit.spec import FrameSpec
from toolkit.stages import (
    blur,
    corners,
    odometry,
    overlay_target,
    pose,
    pyramid,
    sobel,
    target_pose,
    tracks,
)
from toolkit.stages.declare import InputSpec, Pairs, Stage, spec_of

BAR_MS = 80.0
WIDTH, HEIGHT, POINTS = 640, 480, 512
CAMERA = ((474.0, 0.0, 319.5), (0.0, 474.0, 239.5), (0.0, 0.0, 1.0))
METRES = ((0.8 / WIDTH, 0.0, -0.4), (0.0, 0.6 / HEIGHT, -0.3))


class Seen(NamedTuple):
    """Pairs, as tracks and matches carry them."""

    pairs: Pairs


def run(quick: bool = False) -> dict[str, Any]:
    """CPU time a frame of every stage that tells where the camera is, and of its rival."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    allocator = tune_allocator()
    rivals = _rivals()
    rounds = 8 if quick else 100
    with torch.no_grad():
        times = take_turns(rivals, rounds=rounds, warmup=3, clock=time.process_time_ns)
    within = "gray to tracks to pose / 80 ms"
    chain = times["gray to tracks to pose"]
    ratios = {
        within: median_ratio(chain, [BAR_MS] * len(chain)),
        "pose / OpenCV RANSAC": median_ratio(times["pose"], times["OpenCV RANSAC"]),
        "pose / OpenCV MAGSAC": median_ratio(times["pose"], times["OpenCV MAGSAC"]),
        "target_pose / OpenCV IPPE": median_ratio(times["target_pose"], times["OpenCV IPPE"]),
    }
    return {
        "name": "pose",
        "ratios": ratios,
        "machine": {
            **describe_machine(),
            "allocator": repr(allocator),
            "opencv": cv2.__version__,
        },
        "rows": [{"case": name, **spread(ms)} for name, ms in times.items()],
        "bars": {within: 1.0},
    }


def _rivals() -> dict[str, Callable[[], object]]:
    space, flat = _two_views(), _target()
    by_motion, by_target = _prepared(pose), _prepared(target_pose, to_metres=METRES)
    show, picture = _prepared(overlay_target), torch.rand(1, 3, HEIGHT, WIDTH)
    found = by_target(flat)
    return {
        "gray to tracks to pose": _chain(),
        "pose": lambda: by_motion(space),
        "OpenCV RANSAC": lambda: _opencv_pose(space.pairs, cv2.RANSAC),
        "OpenCV MAGSAC": lambda: _opencv_pose(space.pairs, cv2.USAC_MAGSAC),
        "target_pose": lambda: by_target(flat),
        "OpenCV IPPE": lambda: _opencv_target(flat.pairs),
        "odometry": _journey(),
        "overlay_target": lambda: show(picture, found),
    }


def _two_views() -> Seen:
    """A cloud of points at 2.5 to 8 m, before and after a step."""
    generator = torch.Generator().manual_seed(0)
    before = torch.rand(POINTS, 2, generator=generator) * torch.tensor([WIDTH - 1, HEIGHT - 1])
    depth = 2.5 + 5.5 * torch.rand(POINTS, 1, generator=generator)
    rays = torch.cat((before, torch.ones(POINTS, 1)), 1) @ torch.linalg.inv(torch.tensor(CAMERA)).T
    return _pairs(before, rays * depth + torch.tensor([0.2, 0.0, -0.1]), generator)


def _target() -> Seen:
    """A card of 0.8 x 0.6 m, tilted by 30 degrees, 1.6 m away."""
    generator = torch.Generator().manual_seed(1)
    before = torch.rand(POINTS, 2, generator=generator) * torch.tensor([WIDTH - 1, HEIGHT - 1])
    to_metres = torch.tensor(METRES)
    points = before @ to_metres[:, :2].T + to_metres[:, 2]
    points = torch.cat((points * torch.tensor([0.866, 1.0]), 1.6 + 0.5 * points[:, :1]), 1)
    return _pairs(before, points, generator)


def _pairs(before: Tensor, points: Tensor, generator: torch.Generator) -> Seen:
    """Where the points are seen, to 0.3 px, one in five up to 30 px away from there."""
    seen = points @ torch.tensor(CAMERA).T
    after = seen[:, :2] / seen[:, 2:] + 0.3 * torch.randn(POINTS, 2, generator=generator)
    is_wrong = torch.rand(POINTS, 1, generator=generator) < 0.2
    jump = 60 * torch.rand(POINTS, 2, generator=generator) - 30
    after = torch.where(is_wrong, after + jump, after)
    return Seen(Pairs(before[None], after[None], torch.ones(1, POINTS, dtype=torch.bool)))


def _opencv_pose(pairs: Pairs, method: int) -> object:
    before, after = (one[0].numpy() for one in pairs[:2])
    solver: Any = cv2
    matrix, _ = solver.findEssentialMat(before, after, np.array(CAMERA), method, 0.999, 1.0)
    return solver.recoverPose(matrix[:3], before, after, np.array(CAMERA))


def _opencv_target(pairs: Pairs) -> object:
    solver: Any = cv2
    flat = pairs.before[0].numpy() @ np.array(METRES)[:, :2].T + np.array(METRES)[:, 2]
    points, seen = np.c_[flat, np.zeros(POINTS)], pairs.after[0].numpy().astype(np.float64)
    options = {"reprojectionError": 3.0, "flags": cv2.SOLVEPNP_IPPE}
    _, turn, shift, inliers = solver.solvePnPRansac(points, seen, np.array(CAMERA), None, **options)
    agree = inliers[:, 0]
    return solver.solvePnPRefineLM(points[agree], seen[agree], np.array(CAMERA), None, turn, shift)


def _chain() -> Callable[[], object]:
    """A step from a gray picture to the next, everything made anew but what the last one left."""
    scene = Scene("room", motion="loop", width=WIDTH, height=HEIGHT, frames=60, seed=2)
    then, now = (scene.render(index).mean(1, keepdim=True) for index in (20, 21))
    soft, slopes, strongest = _prepared(blur), _prepared(sobel), _prepared(corners, count=POINTS)
    levels, follow, judge = _prepared(pyramid), _prepared(tracks), _prepared(pose)
    assert tracks.first is not None
    before = levels(then)
    last = tracks.first(before, strongest(slopes(soft(then))))

    def step() -> object:
        return judge(follow(levels(now), strongest(slopes(soft(now))), before, last))

    return step


def _journey() -> Callable[[], object]:
    """One frame of odometry, with a map."""
    scene = Scene("room", motion="loop", width=WIDTH, height=HEIGHT, frames=60, seed=2)
    soft, slopes, strongest = _prepared(blur), _prepared(sobel), _prepared(corners, count=POINTS)
    levels, follow, locate = _prepared(pyramid), _prepared(tracks), _prepared(odometry)
    assert tracks.first is not None
    assert odometry.first is not None
    last: Any = None
    for index in range(8):
        picture = scene.render(index).mean(1, keepdim=True)
        inputs = levels(picture), strongest(slopes(soft(picture)))
        seen = tracks.first(*inputs) if last is None else follow(*inputs, *last[:2])
        where = odometry.first(seen) if last is None else locate(seen, last[2])
        last = inputs[0], seen, where
    return lambda: locate(*last[1:])


def _prepared(stage: Stage, **parameters: Any) -> Callable[..., Any]:
    """A stage whose constants are made at the first call and kept."""
    kept: dict[str, Any] = {}
    if any(one.name == "camera" for one in stage.params):
        parameters["camera"] = CAMERA

    def call(*inputs: Any) -> Any:
        if not kept:
            spec = InputSpec(FrameSpec(WIDTH, HEIGHT, "gray"), tuple(map(spec_of, inputs)))
            kept.update(stage.constants(spec, **parameters))
        return stage(*inputs, **kept)

    return call


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    print(json.dumps(run(parser.parse_args().quick), indent=1))  # noqa: T201 - its output
