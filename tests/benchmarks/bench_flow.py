"""How good is `flow`, and what does it cost? Beside OpenCV's DIS (Kroeger et al., ECCV 2016).

Bars: `balanced` has a median and a mean end-point error of at most those of DIS medium, on drawn
scenes and on real pairs, and takes at most 3 times its CPU time at 640x480; `fast` 1.5 times. One
thread each, the allocator is tuned. The pyramid is not in our time: it is attached already; DIS
makes its own. Real pairs lie in the folder that DOWNHILL_TEST_DATA names; without it, they are
left out.

    python -m toolkit bench flow            # or: python tests/benchmarks/bench_flow.py --quick
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
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
from toolkit.stages import flow, pyramid
from toolkit.stages.declare import InputSpec, spec_of

WIDTH, HEIGHT = 640, 480
BARS = {"balanced": 3.0, "fast": 1.5}
SCENES = [
    {"kind": kind, "motion": motion, "seed": seed, "speed": speed, "noise": noise}
    for kind in ("room", "planes", "plane")
    for motion in ("handheld", "loop", "forward")
    for seed, speed, noise in ((3, 1.0, 0.0), (11, 2.0, 0.01))
] + [{"kind": kind, "seed": 5, "speed": 1.5, "exposure": 1.0} for kind in ("room", "planes")]
Find = Callable[[], Tensor]


class Pair(NamedTuple):
    """Two 8-bit pictures (H, W), the flow between them (2, H, W), and where it is known (H, W)."""

    name: str
    before: np.ndarray
    after: np.ndarray
    truth: Tensor
    is_known: Tensor


def run(quick: bool = False) -> dict[str, Any]:
    """Errors on every pair, and CPU time a frame on a drawn one, interleaved."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    allocator = tune_allocator()
    drawn = list(_drawn(SCENES[:3] if quick else SCENES))
    errors = {"scenes": [_errors(pair) for pair in drawn]}
    errors |= {pair.name: [_errors(pair)] for pair in _real()}
    times = take_turns(
        _rivals(drawn[0]), rounds=5 if quick else 60, warmup=2, clock=time.process_time_ns
    )
    ratios = {
        f"{preset} / DIS medium (CPU time)": median_ratio(times[preset], times["DIS medium"])
        for preset in ("fast", "balanced", "best", "DIS fast")
    }
    bars = {f"{preset} / DIS medium (CPU time)": bar for preset, bar in BARS.items()}
    for group, found in errors.items():
        for measure in ("median", "mean"):
            name = f"balanced / DIS medium ({measure} error, {group})"
            ratios[name] = _mean(found, "balanced", measure) / _mean(found, "DIS medium", measure)
            bars[name] = 1.0
    return {
        "name": "flow",
        "ratios": ratios,
        "machine": {**describe_machine(), "allocator": repr(allocator)},
        "rows": [
            *({"case": name, **spread(ms)} for name, ms in times.items()),
            *(row for found in errors.values() for rows in found for row in rows.values()),
        ],
        "bars": bars,
    }


def _mean(found: list[dict[str, dict[str, Any]]], rival: str, measure: str) -> float:
    """Mean over pairs of a measure of their errors, px."""
    return statistics.fmean(rows[rival][f"{measure}_px"] for rows in found)


def _errors(pair: Pair) -> dict[str, dict[str, Any]]:
    """End-point errors of all rivals on one pair, by rival."""
    rows = {}
    for name, find in _rivals(pair).items():
        error = (find()[0] - pair.truth).norm(dim=0)[pair.is_known]
        rows[name] = {
            "case": f"{name} on {pair.name}",
            "median_px": round(float(error.median()), 4),
            "mean_px": round(float(error.mean()), 4),
        }
    return rows


def _rivals(pair: Pair) -> dict[str, Find]:
    """Calls that find the flow of a pair, with all that a frame brings along made before."""
    rivals: dict[str, Find] = {}
    for name in ("fast", "medium"):
        # The package's type hints lack what OpenCV makes up from its C++ classes.
        create = getattr(cv2, "DISOpticalFlow_create")  # noqa: B009 - as said above
        dis = create(getattr(cv2, f"DISOPTICAL_FLOW_PRESET_{name.upper()}"))
        rivals[f"DIS {name}"] = _by_dis(dis, pair)
    for preset in ("fast", "balanced", "best"):
        rivals[preset] = _by_stage(preset, pair)
    return rivals


def _by_dis(dis: Any, pair: Pair) -> Find:
    def find() -> Tensor:
        found = dis.calc(pair.before, pair.after, None)
        return torch.from_numpy(found).permute(2, 0, 1)[None]

    return find


def _by_stage(preset: str, pair: Pair) -> Find:
    frame = FrameSpec(pair.before.shape[1], pair.before.shape[0], "gray")
    after, before = (_pyramid(one, frame) for one in (pair.after, pair.before))
    spec = InputSpec(frame, (spec_of(after), spec_of(before)))
    constants = flow.constants(spec, preset=preset)

    def find() -> Tensor:
        with torch.inference_mode():
            return flow(after, before, **constants)

    return find


def _pyramid(picture: np.ndarray, frame: FrameSpec) -> tuple[Tensor, ...]:
    gray = torch.from_numpy(picture)[None, None] / 255
    constants = pyramid.constants(InputSpec(frame, (spec_of(gray),)), levels=4)
    return pyramid(gray, **constants)


def _drawn(scenes: list[dict[str, Any]]) -> Iterator[Pair]:
    """One pair of pictures of each scene."""
    for options in scenes:
        scene = Scene(width=WIDTH, height=HEIGHT, frames=60, **options)
        index = 7 * options["seed"] % 50
        truth = scene.truth(index)
        before, after = (_gray(scene.render(one)) for one in (index, index + 1))
        name = " ".join(str(value) for value in options.values())
        yield Pair(name, before, after, truth.flow.float(), truth.visible)


def _gray(picture: Tensor) -> np.ndarray:
    shades = picture[0].permute(1, 2, 0).mul(255).add(0.5).clamp(0, 255).byte().numpy()
    return cv2.cvtColor(shades, cv2.COLOR_RGB2GRAY)


def _real() -> Iterator[Pair]:
    """Middlebury's RubberWhale and Motorcycle (its disparity is a flow), and a Flying Chair."""
    folder = Path(os.environ.get("DOWNHILL_TEST_DATA", "../shared")) / "flow"
    if not folder.is_dir():
        return

    def read(name: str) -> np.ndarray:
        picture = cv2.imread(str(folder / name), cv2.IMREAD_GRAYSCALE)
        if picture is None:
            raise FileNotFoundError(f"{folder / name} is no picture that OpenCV reads")
        return picture

    def truth(name: str) -> Tensor:
        return torch.from_numpy(cv2.readOpticalFlow(str(folder / name))).permute(2, 0, 1)

    whale = truth("rubberwhale_gt.flo")
    pictures = read("rubberwhale1.png"), read("rubberwhale2.png")
    yield Pair("RubberWhale", *pictures, whale, whale.abs().amax(0) < 1e3)
    disparity = torch.from_numpy(np.load(folder / "motorcycle_disp.npz")["arr_0"])
    motion = torch.stack((-disparity, torch.zeros_like(disparity)))
    pictures = read("motorcycle_left.png"), read("motorcycle_right.png")
    yield Pair("Motorcycle", *pictures, motion, disparity.isfinite())
    chair = truth("00001_flow.flo")
    pictures = read("00001_img1.ppm"), read("00001_img2.ppm")
    yield Pair("Flying Chair", *pictures, chair, torch.ones_like(chair[0], dtype=torch.bool))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, few scenes")
    print(json.dumps(run(parser.parse_args().quick), indent=1))  # noqa: T201 - its output
