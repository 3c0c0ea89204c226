"""What does a pipeline add to the calls that it makes? And what do its stages save over Kornia?

Bar: at most 1.05 times the same functions called by hand, on the default stages: rgb, gray, blur,
sobel, edges, corners. Beside it, the chain as it is written with Kornia. The allocator is tuned.

    python -m toolkit bench pipeline        # or: python tests/benchmarks/bench_pipeline.py --quick
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import kornia
import torch
from torch import Tensor

from toolkit.demos.machine import describe_machine
from toolkit.demos.rivals import median_ratio, spread, take_turns
from toolkit.frame import Frame
from toolkit.media.scenes import Scene
from toolkit.memory import tune_allocator
from toolkit.pipeline import Pipeline
from toolkit.ring import FrameRing
from toolkit.stages import blur, corners, edges, gray, rgb, sobel
from toolkit.stages.declare import InputSpec, Stage, TensorSpec

BAR = 1.05
STAGES = (rgb, gray, blur, sobel, edges, corners)
WANT = ("rgb", "edges", "corners")
SIZES = ((1280, 720), (640, 480), (160, 120))  # the last one shows the fixed cost of a frame


def run(quick: bool = False) -> dict[str, Any]:
    """CPU time a frame at three sizes, one thread, interleaved frame by frame."""
    torch.set_num_threads(1)
    allocator = tune_allocator()
    ratios: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    for width, height in SIZES:
        rivals = _rivals(width, height)
        rounds = 10 if quick else max(150, 90_000_000 // (width * height))
        times = take_turns(rivals, rounds=min(rounds, 400), warmup=3, clock=time.process_time_ns)
        size = f"{width}x{height}"
        ratios[f"pipeline / by hand ({size})"] = median_ratio(times["pipeline"], times["by hand"])
        ratios[f"pipeline / Kornia ({size})"] = median_ratio(times["pipeline"], times["Kornia"])
        rows += [{"case": name, "size": size, **spread(ms)} for name, ms in times.items()]
    return {
        "name": "pipeline",
        "ratios": ratios,
        "machine": {**describe_machine(), "allocator": repr(allocator)},
        "rows": rows,
        "bars": {name: BAR for name in ratios if "by hand" in name and "160x120" not in name},
    }


def _rivals(width: int, height: int) -> dict[str, Callable[[], object]]:
    """Three ways through one frame; each takes it from a ring and gives it back."""
    ring = FrameRing(4, width=width, height=height, pixel_format="rgb")
    picture = Scene("room", width=width, height=height, supersample=1).render(0)[0]
    pixels = picture.mul(255).to(torch.uint8)
    for _ in range(ring.slots):
        ring.copy_in(pixels, pts_seconds=0.0)
    pipeline = Pipeline(STAGES)
    frames = pipeline.run(_publish(ring), want=WANT)
    source = _publish(ring)
    chain = _constants(ring)

    def by_pipeline() -> object:
        return next(frames)["corners"]

    def by_hand() -> object:
        frame = next(source)
        with frame, torch.no_grad():
            results: dict[str, Any] = {"pixels": frame.pixels}
            for stage, constants in chain:
                inputs = [results[name] for name in stage.requires]
                results[stage.name] = stage.apply(*inputs, **constants)
        return results["corners"]

    def by_kornia() -> object:
        with next(source) as frame:
            return _kornia(frame.pixels)

    return {"pipeline": by_pipeline, "by hand": by_hand, "Kornia": by_kornia}


def _publish(ring: FrameRing) -> Iterator[Frame]:
    """Frames without end and without a copy: the slots hold the picture already."""
    while (slot := ring.acquire()) is not None:
        yield ring.publish(slot, pts_seconds=0.0).move()


def _constants(ring: FrameRing) -> list[tuple[Stage, dict[str, Any]]]:
    """Each stage with the constants of its default parameters, made once."""
    frame = ring.latest()
    assert frame is not None
    results: dict[str, Any] = {"pixels": frame.pixels}
    chain = []
    for stage in STAGES:
        inputs = [results[name] for name in stage.requires]
        specs = tuple(TensorSpec(tuple(one.shape), one.dtype, one.device) for one in inputs)
        constants = stage.constants(InputSpec(frame.spec, specs))
        results[stage.name] = stage.apply(*inputs, **constants)
        chain.append((stage, constants))
    return chain


def _kornia(pixels: Tensor) -> tuple[Tensor, ...]:
    """The same results, as the documentation of Kornia suggests to write them."""
    with torch.inference_mode():
        picture = pixels[None].float() / 255
        luma = kornia.color.rgb_to_grayscale(picture)
        soft = kornia.filters.gaussian_blur2d(luma, (5, 5), (1.0, 1.0))
        gradient = kornia.filters.spatial_gradient(soft)
        _, ridges = kornia.filters.canny(luma, 0.1, 0.2, hysteresis=False)
        response = kornia.feature.gftt_response(soft)
        peaks = kornia.geometry.subpix.nms2d(response, (15, 15))
        score, place = peaks.flatten().topk(256)
        width = pixels.shape[2]
        points = torch.stack([place % width, place // width], -1)
    return gradient, ridges, points, score


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    print(json.dumps(run(parser.parse_args().quick), indent=1))  # noqa: T201 - its output
