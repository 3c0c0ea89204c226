"""What do tracks cost, and what does OpenCV take for the same search?

Bar: `tracks`, there and back, at most 2.5 times OpenCV's pyramidal Lucas-Kanade there and back. 512
points at 640x480, CPU time, one thread, interleaved. The allocator is tuned. Beside it the way from
a gray picture to tracks, pyramid and corners included, and what it costs to draw them.

    python -m toolkit bench tracks        # or: python tests/benchmarks/bench_tracks.py --quick
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import cv2
import torch
from torch import Tensor

from toolkit.demos.machine import describe_machine
from toolkit.demos.rivals import median_ratio, spread, take_turns
from toolkit.media.scenes import Scene
from toolkit.memory import tune_allocator
from toolkit.spec import FrameSpec
from toolkit.stages import blur, corners, overlay_tracks, pyramid, sobel, tracks
from toolkit.stages.declare import InputSpec, Stage, spec_of

BAR = 2.5
WIDTH, HEIGHT, POINTS = 640, 480, 512
WINDOWS = (15, 21)


def run(quick: bool = False) -> dict[str, Any]:
    """CPU time a frame of tracking alone, for two windows, and of the chain around it."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    allocator = tune_allocator()
    scene = Scene("room", motion="loop", width=WIDTH, height=HEIGHT, frames=60, seed=2)
    pictures = [_luma(scene.render(index)) for index in (20, 21)]
    rounds = 8 if quick else 100
    ratios: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    bars: dict[str, float] = {}
    with torch.no_grad():
        for window in WINDOWS:
            rivals = _rivals(pictures, window)
            times = take_turns(rivals, rounds=rounds, warmup=3, clock=time.process_time_ns)
            name = f"tracks / OpenCV there and back ({window} px)"
            ratios[name] = median_ratio(times["tracks"], times["OpenCV"])
            bars[name] = BAR
            chosen = f"tracks by OpenCV / OpenCV there and back ({window} px)"
            ratios[chosen] = median_ratio(times["tracks by OpenCV"], times["OpenCV"])
            rows += [{"case": case, "window": window, **spread(ms)} for case, ms in times.items()]
    return {
        "name": "tracks",
        "ratios": ratios,
        "machine": {
            **describe_machine(),
            "allocator": repr(allocator),
            "opencv": cv2.__version__,
        },
        "rows": rows,
        "bars": bars,
    }


def _rivals(pictures: list[Tensor], window: int) -> dict[str, Callable[[], object]]:
    """One step from a picture to the next, by the stage, by its other back end, and by OpenCV."""
    then, now = (_prepared(pyramid)(one) for one in pictures)
    found = _found(pictures[0])
    inputs = (now, _found(pictures[1]), then, _first(then, found))
    by_torch = _prepared(tracks, window=window)
    by_choice = _prepared(tracks, window=window, backend="opencv")
    show = _prepared(overlay_tracks)
    canvas, drawn = pictures[1].expand(1, 3, -1, -1).contiguous(), by_torch(*inputs)

    def chain() -> object:
        return by_torch(pyramid_of(pictures[1]), corners_of(pictures[1]), *inputs[2:])

    pyramid_of, corners_of = _prepared(pyramid), _corner_chain()
    old, new = (one[0, 0].mul(255).round().byte().numpy() for one in pictures)
    points = found.xy[0].numpy()[:, None].copy()
    search: Any = cv2.calcOpticalFlowPyrLK

    def by_opencv() -> object:
        options = {"winSize": (window, window), "maxLevel": len(now) - 1}
        there, _, _ = search(old, new, points, None, **options)
        return search(new, old, there, None, **options)

    return {
        "tracks": lambda: by_torch(*inputs),
        "OpenCV": by_opencv,
        "tracks by OpenCV": lambda: by_choice(*inputs),
        "gray to tracks": chain,
        "overlay_tracks": lambda: show(canvas, drawn),
    }


def _first(pyramid: Any, corners: Any) -> Any:
    assert tracks.first is not None
    return tracks.first(pyramid, corners)


def _prepared(stage: Stage, **parameters: Any) -> Callable[..., Any]:
    """A stage whose constants are made at the first call and kept."""
    kept: dict[str, Any] = {}

    def call(*inputs: Any) -> Any:
        if not kept:
            spec = InputSpec(FrameSpec(WIDTH, HEIGHT, "gray"), tuple(map(spec_of, inputs)))
            kept.update(stage.constants(spec, **parameters))
        return stage(*inputs, **kept)

    return call


def _corner_chain() -> Callable[[Tensor], Any]:
    soft, slopes, strongest = (
        _prepared(blur),
        _prepared(sobel),
        _prepared(corners, count=POINTS),
    )
    return lambda picture: strongest(slopes(soft(picture)))


def _found(picture: Tensor) -> Any:
    return _corner_chain()(picture)


def _luma(picture: Tensor) -> Tensor:
    """(1, 1, H, W), of 256 levels, as a camera gives it."""
    red, green, blue = picture[0]
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return (luma * 255).round().div(255)[None, None]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    print(json.dumps(run(parser.parse_args().quick), indent=1))  # noqa: T201 - its output
