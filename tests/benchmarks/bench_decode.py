"""What does it cost to bring decoded pictures into slots, over decoding alone? 1080p H.264.

Bar: decode and upload take at most 1.15 times as long as decoding with PyAV and dropping frames,
with the same threads on both sides. Beside it, the way it is usually written: to RGB, to float.

    python -m toolkit bench decode          # or: python tests/benchmarks/bench_decode.py --quick
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import av
import torch

from toolkit.demos.machine import describe_machine
from toolkit.demos.rivals import median_ratio, spread, take_turns
from toolkit.media.scenes import Scene
from toolkit.media.video import Video
from toolkit.media.writer import VideoWriter

BAR = 1.15
WIDTH, HEIGHT = 1920, 1080


def run(quick: bool = False) -> dict[str, Any]:
    """Wall and CPU time a frame, one decoder thread and as many as there are cores."""
    torch.set_num_threads(1)
    ratios: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "motion.mp4"
        frames = write_clip(path, drawn=6 if quick else 24, frames=24 if quick else 120)
        for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
            for threads in (1, 0):
                cases = _cases(path, threads, device)
                for kind, times in _measure(cases, rounds=3 if quick else 9).items():
                    label = f"{device}, {threads or 'all'} threads, {kind}"
                    for name in list(cases)[1:]:
                        ratio = median_ratio(times[name], times["decode alone"])
                        ratios[f"{name} / decode alone ({label})"] = ratio
                    rows += [
                        {"case": name, "run": label, **spread([ms / frames for ms in times[name]])}
                        for name in cases
                    ]
        size = path.stat().st_size
    return {
        "name": "decode",
        "ratios": ratios,
        "machine": describe_machine(),
        "rows": rows,
        "bars": {name: BAR for name in ratios if name.startswith("decode + upload")},
        "clip": {"frames": frames, "bytes": size, "size": [WIDTH, HEIGHT]},
    }


def _measure(
    cases: dict[str, Callable[[], None]], rounds: int
) -> dict[str, dict[str, list[float]]]:
    """Wall and CPU time of the same runs, ms."""
    cpu: dict[str, list[float]] = {name: [] for name in cases}

    def timed(name: str) -> None:
        began = time.process_time_ns()
        cases[name]()
        cpu[name].append((time.process_time_ns() - began) / 1e6)

    wall = take_turns({name: partial(timed, name) for name in cases}, rounds=rounds)
    return {"wall": wall, "cpu": {name: times[-rounds:] for name, times in cpu.items()}}


def write_clip(path: Path, *, drawn: int, frames: int) -> int:
    """A scene at 1080p, drawn once and played to and fro, so that every frame moves."""
    scene = Scene("room", width=WIDTH, height=HEIGHT, frames=drawn, seed=1, speed=2, supersample=1)
    pictures = [scene.render(index).mul(255).to(torch.uint8) for index in range(drawn)]
    tour = [*range(drawn), *range(drawn - 2, 0, -1)]
    with VideoWriter(path, width=WIDTH, height=HEIGHT, quality=20, preset="medium") as writer:
        for index in range(frames):
            writer.write(pictures[tour[index % len(tour)]])
    return frames


def _cases(path: Path, threads: int, device: str) -> dict[str, Callable[[], None]]:
    video = Video(path, threads=threads, device=device, hardware=None)

    def finish() -> None:
        if device == "cuda":
            torch.cuda.synchronize()

    def alone() -> None:
        for _ in _decode(path, threads):
            pass

    def upload() -> None:
        for frame in video:
            frame.release()
        finish()

    def usual() -> None:
        for frame in _decode(path, threads):
            rgb = torch.from_numpy(frame.to_ndarray(format="rgb24"))
            (rgb.permute(2, 0, 1).contiguous().float() / 255).to(device)
        finish()

    return {"decode alone": alone, "decode + upload": upload, "to RGB, to float": usual}


def _decode(path: Path, threads: int) -> Any:
    """Frames by PyAV alone, with the threads that `Video` uses."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "FRAME"
        stream.thread_count = threads
        yield from container.decode(stream)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short clip, few rounds")
    print(json.dumps(run(parser.parse_args().quick), indent=1))  # noqa: T201 - its output
