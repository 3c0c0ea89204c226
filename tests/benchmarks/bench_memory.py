"""What does it cost that glibc gives memory back after every frame? Eager Kornia, tuned and not.

A fresh process for each case, in pairs that take turns: the allocator keeps what it was told. The
chain is gray, blur, gradient, corner response and suppression, as a user writes it with Kornia.

    python -m toolkit bench memory          # or: python tests/benchmarks/bench_memory.py --quick
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

WARM_UP = 3


def run(quick: bool = False) -> dict[str, Any]:
    """Time and page faults a frame with `tune_allocator` over without, on two kinds of thread."""
    from toolkit.demos.machine import describe_machine
    from toolkit.demos.rivals import median_ratio

    pairs, frames = (1, 6) if quick else (5, 25)
    rows: list[dict[str, Any]] = []
    ratios: dict[str, float] = {}
    for thread in ("main", "worker"):
        cases: dict[bool, list[dict[str, float]]] = {True: [], False: []}
        for pair in range(pairs):
            for is_tuned in (pair % 2 == 0, pair % 2 == 1):
                cases[is_tuned].append(_measure(thread, is_tuned, frames))
        for is_tuned, runs in cases.items():
            medians = {name: statistics.median(one[name] for one in runs) for name in runs[0]}
            rows.append({"thread": thread, "is_tuned": is_tuned, "runs": pairs, **medians})
        for name in ("cpu_ms", "wall_ms"):
            tuned, plain = ([one[name] for one in cases[which]] for which in (True, False))
            ratios[f"{thread} thread, {name} tuned / untuned"] = median_ratio(tuned, plain)
    return {"name": "memory", "ratios": ratios, "machine": describe_machine(), "rows": rows}


def _measure(thread: str, is_tuned: bool, frames: int) -> dict[str, float]:
    """One case in a process of its own, with one thread for kernels."""
    environment = {name: value for name, value in os.environ.items() if "MALLOC_" not in name}
    environment |= {"OMP_NUM_THREADS": "1", "DOWNHILL_TUNE_ALLOCATOR": ""}
    command = [sys.executable, __file__, "--case", thread, str(int(is_tuned)), str(frames)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def _case(thread: str, is_tuned: bool, frames: int) -> dict[str, float]:
    found: dict[str, float] = {}
    if is_tuned:
        from toolkit.memory import tune_allocator

        assert tune_allocator().is_tuned, tune_allocator().reason
    if thread == "main":
        found |= _play(frames)
    else:
        worker = threading.Thread(target=lambda: found.update(_play(frames)))
        worker.start()
        worker.join()
    return found


def _play(frames: int) -> dict[str, float]:
    import kornia
    import torch

    torch.set_num_threads(1)
    picture = torch.rand(1, 3, 720, 1280)

    def frame() -> torch.Tensor:
        gray = kornia.color.rgb_to_grayscale(picture)
        soft = kornia.filters.gaussian_blur2d(gray, (5, 5), (1.2, 1.2))
        kornia.filters.spatial_gradient(soft)
        response = kornia.feature.gftt_response(soft)
        return kornia.geometry.subpix.nms2d(response, (5, 5))

    with torch.inference_mode():
        for _ in range(WARM_UP):
            frame()
        before, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
        for _ in range(frames):
            frame()
    after, wall = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter() - wall
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {
        "cpu_ms": round(1000 * cpu / frames, 2),
        "wall_ms": round(1000 * wall / frames, 2),
        "page_faults": (after.ru_minflt - before.ru_minflt) / frames,
        "peak_mb": round(after.ru_maxrss / 1024, 1),
    }


def main() -> None:
    """Print the result as JSON, or that of one case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short pair each")
    parser.add_argument("--case", nargs=3, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.case:
        thread, is_tuned, frames = chosen.case
        answer: dict[str, Any] = _case(thread, is_tuned == "1", int(frames))
    else:
        answer = run(chosen.quick)
    print(json.dumps(answer, indent=None if chosen.case else 1))  # noqa: T201 - its output


if __name__ == "__main__":
    main()
