"""How many live pictures a second, and how old? JupyterLab, Chromium, and a camera of 60 fps.

Bars: a pipeline that lets pictures pass at 640x480 with 58 a second, p50 / p95 at most 25 / 35 ms
from the camera to the screen, at 1280x720 with 40, at most 45 / 60 ms; at most 0.45x as old as over
comm messages; 1.5x as many as jupyter_rfb with pictures of the kernel at equal quality; and the
default pipeline at 640x480 with 25 a second, p50 at most 65 ms.

    python -m toolkit bench live            # or: python tests/benchmarks/bench_live.py --quick
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from browser_lab import open_lab, say, versions

from tests.browser.jupyter import NotebookPage
from toolkit.demos.machine import describe_machine

LIMIT_SECONDS = 310  # after which no further round begins
CAMERA, PICTURES = "camera", "pictures"
WEBSOCKET, COMM, RIVAL = "websocket", "comm", "jupyter_rfb"

# What the page keeps of each picture: when it was drawn and how old it was then, both ms.
PROBE = """
const meterAdd = Meter.prototype.add;
Meter.prototype.add = function (nowMs, latencyMs) {
  globalThis.downhillDrawn?.push([nowMs, latencyMs]);
  return meterAdd.call(this, nowMs, latencyMs);
};
"""
# The rival says when it handed a picture to its <img>; it is drawn when that has loaded.
RIVAL_PROBE = """
const animate = RendercanvasAnywidgetModel.prototype._animate;
RendercanvasAnywidgetModel.prototype._animate = function () {
  const frame = this._frames[0];
  animate.call(this);
  if (!frame) return;
  for (const { viewElement } of this.views)
    viewElement.onload = () => {
      const nowMs = performance.now();
      const ageMs = performance.timeOrigin + nowMs - frame.timestamp * 1000;
      globalThis.downhillDrawn?.push([nowMs, ageMs]);
      this._request_animation_frame();
    };
};
"""
SETUP = f"""
import itertools, time
import torch
from jupyter_rfb import RemoteFrameBuffer
from toolkit import FrameRing, Pipeline, media
from toolkit.demos.compose import DEFAULT_STAGES, compose
from toolkit.stages import rgb
from widgets import Live

torch.set_num_threads(1)
assert "class Meter" in Live._esm

class Measured(Live):
    _esm = Live._esm + {PROBE!r}

class Rival(RemoteFrameBuffer):
    _esm = RemoteFrameBuffer._esm + {RIVAL_PROBE!r}
    def get_frame(self):
        self.request_draw()
        return next(self.pictures)

class Pictures:
    '''Four pictures again and again, as fast as they are taken.'''
    is_live = True
    def __init__(self, pictures):
        height, width = pictures[0].shape
        self.ring = FrameRing(4, width=width, height=height, pixel_format="gray")
        for picture in pictures:
            self.ring.copy_in(picture[None], pts_seconds=0.0).release()
    def __iter__(self):
        for index in itertools.count():
            told = {{"captured_ms": time.time() * 1e3}}
            slot = self.ring.acquire()
            yield self.ring.publish(slot, pts_seconds=index / 60, index=index, metadata=told)

def gray_pictures(width, height):
    with media.open(media.bundled_clip()) as clip:
        frames = itertools.islice(clip, 0, 40, 10)
        planes = [frame.pixels[: frame.spec.height].float() for frame in frames]
    larger = torch.nn.functional.interpolate(
        torch.stack(planes)[:, None], (height, width), mode="bilinear")
    return list(larger[:, 0].to(torch.uint8))

pictures = {{size: gray_pictures(*size) for size in ((640, 480), (1280, 720))}}
passing = Pipeline([rgb])
default = compose((*DEFAULT_STAGES, "overlay"))
"""
SHOWS = """([way, size]) => {
    const text = document.querySelector(".dl-facts")?.textContent ?? "";
    return ["camera to screen", way, size.join("\u00d7")].every((part) => text.includes(part));
}"""
# Counts what was drawn, and in how many of the screen's own frames there was something new.
MEASURE = """async ([warm_ms, measured_ms]) => {
    const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
    globalThis.downhillDrawn = [];
    await sleep(warm_ms);
    const drawn = globalThis.downhillDrawn = [], begin = performance.now();
    let isOver = false, seen = 0, shown = 0;
    const look = () => {
        if (drawn.length > seen) shown += 1;
        seen = drawn.length;
        if (!isOver) requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
    await sleep(measured_ms);
    isOver = true;
    globalThis.downhillDrawn = undefined;
    return {drawn, shown, seconds: (performance.now() - begin) / 1000};
}"""


@dataclass(frozen=True)
class Case:
    """One way from a picture to the screen.

    Attributes:
        source: the page's camera, or pictures of the kernel.
        way: transport, or the rival.
        size: of picture and screen, px.
        pipeline: name of the kernel's variable.
        want: what is shown.
    """

    source: str
    way: str
    size: tuple[int, int]
    pipeline: str = "passing"
    want: str = "pixels"

    def __str__(self) -> str:
        pipeline = "" if self.pipeline == "passing" else f" {self.pipeline} ({self.want})"
        return f"{self.source} {self.size[0]}x{self.size[1]} {self.way}{pipeline}"

    def cell(self) -> str:
        """The source of the cell that shows it."""
        width, height = self.size
        if self.way == RIVAL:
            return (
                f"live = Rival(css_width='{width}px', css_height='{height}px', quality=80)\n"
                f"live.pictures = itertools.cycle(one.numpy() for one in pictures[{self.size}])\n"
                "live"
            )
        source = "'webcam'" if self.source == CAMERA else f"Pictures(pictures[{self.size}])"
        return (
            f"live = Measured({self.pipeline}, {source}, want={self.want!r}, quality=80, "
            f"width={width}, camera_size={self.size}, transports=[{self.way!r}])\nlive"
        )


SMALL, LARGE = (640, 480), (1280, 720)
DEFAULT = Case(CAMERA, WEBSOCKET, SMALL, "default", "overlay")
CASES = [
    *(Case(CAMERA, way, size) for size in (SMALL, LARGE) for way in (WEBSOCKET, COMM)),
    *(Case(PICTURES, way, size) for size in (SMALL, LARGE) for way in (WEBSOCKET, RIVAL)),
    DEFAULT,
    Case(CAMERA, WEBSOCKET, SMALL, "default", "edges"),
]


@dataclass(frozen=True)
class Turn:
    """What one case did in one turn. `ages_ms` of each picture when it was drawn."""

    fps: float
    shown_fps: float
    ages_ms: list[float]

    @property
    def p50_ms(self) -> float:
        """The median age."""
        return statistics.median(self.ages_ms)


def run(quick: bool = False) -> dict[str, Any]:
    """Cases take turns of a few seconds, in an order that turns."""
    rounds, seconds = (1, 1.5) if quick else (5, 3.0)
    turns: dict[Case, list[Turn]] = {case: [] for case in CASES}
    with open_lab() as lab:
        lab.run(SETUP)
        begin = time.monotonic()
        for number in range(rounds):
            if time.monotonic() - begin > LIMIT_SECONDS * number / (number + 1) and number:
                say(f"{number} rounds are enough: there is no time for another one")
                break
            say(f"round {number + 1} of {rounds}")
            for case in CASES[number % len(CASES) :] + CASES[: number % len(CASES)]:
                turn = take_turn(lab, case, seconds)
                turns[case].append(turn)
                say(f"  {case}: {turn.fps:.1f} fps, p50 {turn.p50_ms:.1f} ms")
    ratios, bars = compare(turns)
    return {
        "name": "live",
        "ratios": ratios,
        "machine": {**describe_machine(), **versions(), "threads": 1},
        "rows": [row(case, done) for case, done in turns.items()],
        "bars": bars,
    }


def take_turn(lab: NotebookPage, case: Case, seconds: float) -> Turn:
    """Show it in a new widget, measure, and close that."""
    lab.run_cell(case.cell())
    if case.source == CAMERA:
        lab.page.locator(".dl-camera").click()
    if case.way == RIVAL:
        lab.wait_for("() => document.querySelector('.renderview-wrapper img')?.naturalWidth > 1")
    else:
        lab.wait_for(SHOWS, [case.way, list(case.size)])
    found = lab.page.evaluate(MEASURE, [1000, seconds * 1000])
    lab.run("live.close()")
    drawn = found["drawn"]
    if len(drawn) < 2:
        raise RuntimeError(f"{case}: {len(drawn)} pictures in {seconds:g} s")
    return Turn(
        fps=(len(drawn) - 1) / (drawn[-1][0] - drawn[0][0]) * 1000,
        shown_fps=found["shown"] / found["seconds"],
        ages_ms=[age_ms for _, age_ms in drawn],
    )


def compare(turns: dict[Case, list[Turn]]) -> tuple[dict[str, float], dict[str, float]]:
    """All that has a bar as a ratio that is better when it is smaller, and the bars."""
    ratios: dict[str, float] = {}
    bars: dict[str, float] = {}

    def hold(name: str, value: float, bar: float | None = 1.0) -> None:
        ratios[name] = value
        if bar is not None:
            bars[name] = bar

    limits = {SMALL: (58, 25, 35), LARGE: (40, 45, 60)}
    for size, (fps, p50_ms, p95_ms) in limits.items():
        ours = turns[Case(CAMERA, WEBSOCKET, size)]
        over_comm = turns[Case(CAMERA, COMM, size)]
        name = f"camera {size[0]}x{size[1]}"
        hold(f"{name}: {fps} fps / drawn", fps / middle([turn.fps for turn in ours]))
        hold(f"{name}: p50 / {p50_ms} ms", share(ours, 0.5) / p50_ms)
        hold(f"{name}: p95 / {p95_ms} ms", share(ours, 0.95) / p95_ms)
        older = [a.p50_ms / b.p50_ms for a, b in zip(ours, over_comm, strict=True)]
        hold(f"{name}: p50 over websocket / over comm", middle(older), 0.45)
        late = [share([a], 0.95) / share([b], 0.95) for a, b in zip(ours, over_comm, strict=True)]
        hold(f"{name}: p95 over websocket / over comm", middle(late), None)
        ours, rival = (turns[Case(PICTURES, way, size)] for way in (WEBSOCKET, RIVAL))
        name = f"pictures {size[0]}x{size[1]}"
        fewer = [b.shown_fps / a.shown_fps for a, b in zip(ours, rival, strict=True)]
        hold(f"{name}: jupyter_rfb / ours, shown a second", middle(fewer), 1 / 1.5)
        fewer = [b.fps / a.fps for a, b in zip(ours, rival, strict=True)]
        hold(f"{name}: jupyter_rfb / ours, drawn a second", middle(fewer), None)
        older = [a.p50_ms / b.p50_ms for a, b in zip(ours, rival, strict=True)]
        hold(f"{name}: p50 of ours / jupyter_rfb", middle(older), None)
    whole = turns[DEFAULT]
    hold("default pipeline: 25 fps / drawn", 25 / middle([turn.fps for turn in whole]))
    hold("default pipeline: p50 / 65 ms", share(whole, 0.5) / 65)
    return {name: round(value, 4) for name, value in ratios.items()}, bars


def row(case: Case, turns: Sequence[Turn]) -> dict[str, Any]:
    """Rates as the median of the turns, ages of all their pictures together."""
    fps = [turn.fps for turn in turns]
    return {
        "case": str(case),
        "fps": round(middle(fps), 2),
        "fps_least": round(min(fps), 2),
        "fps_most": round(max(fps), 2),
        "shown_fps": round(middle([turn.shown_fps for turn in turns]), 2),
        "p50_ms": round(share(turns, 0.5), 2),
        "p95_ms": round(share(turns, 0.95), 2),
        "frames": sum(len(turn.ages_ms) for turn in turns),
        "rounds": len(turns),
    }


def share(turns: Sequence[Turn], part: float) -> float:
    """The age below which this part of all pictures of these turns was drawn, ms."""
    ages = sorted(age for turn in turns for age in turn.ages_ms)
    return ages[min(len(ages) - 1, int(part * len(ages)))]


middle = statistics.median


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round of short turns")
    print(json.dumps(run(parser.parse_args().quick), indent=1))  # noqa: T201 - its output
