"""What does a session cost? CPU time of the default pipeline with `profile`, over without.

Bars, at 1280x720 with the allocator tuned: counts 1.05 (1.02 with the compiled hook), lines 1.25,
exact 1.6, with every frame at that level, folded. Keeping every event looks at every operator, and
costs what that costs; a frame without a session pays for asking.

A session is there to stay open. So each rival has a thread, in which its session is open all the
time, and they take turns of a few frames: a machine changes its speed within seconds. The share of
all turns together has the rare dear frames in it, in which stages are looked at closely, and the
noise of the machine; the median has neither. Those with the tightest bars take turns by themselves,
so that a round is over within a second. What they are compared with is the mean of two that have no
session, at two places in the order: the first one in a round alone is up to 1 % slower or faster.
And where the memory of a ring comes to lie makes its pipeline 2 % faster or slower for as long as
it lives: so all play the same.

    python -m toolkit bench profiling       # or: python tests/benchmarks/bench_profiling.py --quick
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from itertools import islice
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
FRAMES = 5  # in a turn: how fast a machine is that others use, too, changes from second to second
NO_SESSION = ("no session", "no session, again")


def run(quick: bool = False) -> dict[str, Any]:
    """CPU time a frame, one thread at work; the rivals take turns, some frames at a time."""
    torch.set_num_threads(1)
    allocator = tune_allocator()
    compiled = hook.loaded_hook() if hook.build_hook() else None
    hook._hook = None
    with_hook = {
        f"{level}, compiled hook, folded": _player(lambda level=level: profile(level), compiled)
        for level in LEVELS
        if compiled is not None
    }
    close = {
        "no session": _player(nullcontext),
        "counts, folded": _player(lambda: profile("counts")),
        "no session, again": _player(nullcontext),
        **{name: made for name, made in with_hook.items() if name.startswith("counts")},
    }
    wide = {
        "no session": _player(nullcontext),
        "lines, folded": _player(lambda: profile("lines")),
        "exact, folded": _player(lambda: profile("exact")),
        "no session, again": _player(nullcontext),
        "lines on every 30th frame": _player(lambda: profile(detail=every(30, "lines"))),
        **{name: made for name, made in with_hook.items() if not name.startswith("counts")},
        "counts, every event": _player(lambda: profile("counts", "all"), is_anew=True),
    }
    rows: list[dict[str, Any]] = []
    ratios: dict[str, float] = {}
    for group, rounds in ((close, 240), (wide, 120)):
        times = _take_turns(group, rounds=6 if quick else rounds)
        plain = [sum(both) / 2 for both in zip(*(times[name] for name in NO_SESSION), strict=True)]
        for name, ms in times.items():
            if name in NO_SESSION and group is wide:
                continue
            together = {"all turns / no session": round(sum(ms) / sum(plain), 4)}
            rows.append({"case": name, **spread([one / FRAMES for one in ms]), **together})
            against = times[NO_SESSION[0]] if name in NO_SESSION else plain
            if name != NO_SESSION[0]:
                ratios[f"{name} / no session"] = median_ratio(ms, against)
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


def _player(
    opened: Callable[[], AbstractContextManager[Any]],
    way: hook.Hook | None = None,
    *,
    is_anew: bool = False,
) -> Callable[[Show], Player]:
    return lambda show: Player(show, opened, way, is_anew=is_anew)


def _take_turns(
    rivals: dict[str, Callable[[Show], Player]], *, rounds: int
) -> dict[str, list[float]]:
    show = Show()
    with ExitStack() as stack:
        players = {name: stack.enter_context(make(show)) for name, make in rivals.items()}
        return take_turns(players, rounds=rounds, warmup=6, clock=time.process_time_ns)


class Player:
    """Plays in a thread of its own, `FRAMES` at each call, inside of one session.

    Args:
        show: plays them.
        opened: opens the session.
        way: how allocations are counted: the compiled hook, or None for torch's own profiler.
        is_anew: open another one at each call, for what grows with every frame.
    """

    def __init__(
        self,
        show: Show,
        opened: Callable[[], AbstractContextManager[Any]],
        way: hook.Hook | None,
        *,
        is_anew: bool = False,
    ) -> None:
        self._show = show
        self._opened = opened
        self._way = way
        self._is_anew = is_anew
        self._is_over = False
        self._turn, self._done = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._play)

    def __enter__(self) -> Player:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over = True
        self()
        self._thread.join()

    def __call__(self) -> None:
        """Play some frames. Blocks until they are done."""
        hook._hook = self._way
        self._turn.release()
        self._done.acquire()
        hook._hook = None

    def _play(self) -> None:
        torch.set_num_threads(1)
        self._turn.acquire()
        try:
            while not self._is_over:
                with self._opened():
                    self._play_on()
        finally:
            self._done.release()

    def _play_on(self) -> None:
        while True:
            self._show()
            self._done.release()
            self._turn.acquire()
            if self._is_over or self._is_anew:
                break


class Show:
    """What all rivals play, on whichever thread: one pipeline over the frames of one ring."""

    def __init__(self) -> None:
        self._pipeline = Pipeline(STAGES)
        self._frames = _publish(*SIZE)

    def __call__(self) -> None:
        """Play the next frames."""
        for frame in self._pipeline.run(islice(self._frames, FRAMES), want=WANT):
            frame["corners"]


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
