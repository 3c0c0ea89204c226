"""How soon does the picture answer a slider while the kernel is busy? One touch a second, by key.

Bar: 95 of 100 touches are on the screen within 150 ms while a cell sleeps. Beside it, while nothing
runs, while a cell runs torch, and while one runs a loop of pure Python.

Input is sparse, since that is where a kernel can lock controls out: after each publish of the cell
that runs, messages may go to the thread that is busy, and only rapid input keeps the way open. So
each of these cells publishes once before it is busy.

    python -m toolkit bench controls        # or: python tests/benchmarks/bench_controls.py --quick
"""

from __future__ import annotations

import argparse
import json
import random
from typing import Any

from browser_lab import open_lab, say, versions

from tests.browser.jupyter import NotebookPage
from toolkit.demos.machine import describe_machine

BAR_MS = 150
TOUCHES = 30
BUSY_SECONDS = 10
LATEST_MS = 3000  # how long an answer is awaited; later is as late as that

# After each picture that was drawn, how bright its corner is, which is what the slider sets.
PROBE = """
const meterAdd = Meter.prototype.add;
Meter.prototype.add = function (nowMs, latencyMs) {
  const canvas = document.querySelector(".downhill-live canvas");
  const { data } = canvas.getContext("2d").getImageData(8, 8, 1, 1);
  globalThis.downhillDrew?.(performance.now(), data[0]);
  return meterAdd.call(this, nowMs, latencyMs);
};
"""
SETUP = f"""
import time
from typing import Annotated
import ipywidgets
import torch
from toolkit import Pipeline
from toolkit.stages import gray
from toolkit.stages.declare import Gray, Pointwise, Range, stage
import widgets
from widgets.routes import keep_answering

torch.set_num_threads(1)
assert "class Meter" in widgets.Live._esm

class Probed(widgets.Live):
    _esm = widgets.Live._esm + {PROBE!r}

@stage("shaded", footprint=Pointwise())
def shaded(gray: Gray, *, shade: float) -> Gray:
    '''Gray with a corner of one shade.'''
    picture = gray.clone()
    picture[..., :32, :32] = shade
    return picture

@shaded.prepare
def _(spec, *, shade: Annotated[float, Range(0.0, 1.0, 1.0, doc="of the corner")] = 0.0):
    return {{"shade": shade}}

pipeline = Pipeline([gray, shaded])
"""
# The slider of `Controls`, or one of ipywidgets bound by hand where there are none.
CELL = """
if "Controls" in widgets.__all__:
    panel = widgets.Controls(pipeline)
    slider = panel.knobs["shaded.shade"]
else:
    panel = slider = ipywidgets.FloatSlider(0, min=0, max=1, step=1)
    keep_answering(slider)
    knob = pipeline.params["shaded"]
    slider.observe(lambda change: setattr(knob, "shade", change.new), "value")
live = Probed(pipeline, "synthetic", want="shaded", loop=True)
ipywidgets.VBox([panel, live])
"""
# Each publishes from the cell itself, and is busy for some seconds then.
BUSY = {
    "nothing": "",
    "a cell sleeps": "time.sleep({seconds})",
    "a cell runs torch": (
        "_picture, _kernel = torch.rand(1, 3, 480, 640), torch.rand(8, 3, 5, 5)\n"
        "_end = time.monotonic() + {seconds}\n"
        "while time.monotonic() < _end: torch.nn.functional.conv2d(_picture, _kernel)"
    ),
    "a cell runs a loop of Python": (
        "_end = time.monotonic() + {seconds}\n"
        "while time.monotonic() < _end: sum(number * number for number in range(1000))"
    ),
}
PUBLISH = "slider.description = 'shade, ' + str({number})\n"
PLAYS = r"() => /[1-9]\d* fps .*kernel to screen/.test("
PLAYS += "document.querySelector('.dl-facts')?.textContent ?? '')"
# Waits for the key, and then for a picture that has the shade the slider was moved to.
AWAIT_ANSWER = """([wanted, latest_ms]) => {
    window.answer = new Promise((resolve) => {
        let touchedMs = null;
        addEventListener("keydown", (event) => {
            touchedMs = event.timeStamp;
            setTimeout(() => resolve(null), latest_ms);
        }, {capture: true, once: true});
        globalThis.downhillDrew = (nowMs, level) => {
            if (touchedMs !== null && level > 128 === wanted) resolve(nowMs - touchedMs);
        };
    });
}"""


def run(quick: bool = False) -> dict[str, Any]:
    """Real keys on a real slider; from the key to the first picture that shows its effect."""
    touches = 5 if quick else TOUCHES
    rows = []
    with open_lab(width=1300, height=900) as lab:
        lab.run(SETUP)
        lab.run_cell(CELL)
        lab.wait_for(PLAYS)
        for state, busy in BUSY.items():
            found = touch_while(lab, state, busy, touches)
            rows.append({"case": f"while {state}", **found})
            say(f"while {state}: {found}")
        kind = lab.run("print(type(panel).__name__)").strip()
        lab.run("live.close(); panel.close()")
    late = {row["case"]: row["p95_ms"] / BAR_MS for row in rows}
    ratios = {f"{case}: p95 / {BAR_MS} ms": round(ratio, 4) for case, ratio in late.items()}
    return {
        "name": "controls",
        "ratios": ratios,
        "machine": {**describe_machine(), **versions(), "threads": 1, "panel": kind},
        "rows": rows,
        "bars": {f"while a cell sleeps: p95 / {BAR_MS} ms": 1.0},
    }


def touch_while(lab: NotebookPage, state: str, busy: str, touches: int) -> dict[str, Any]:
    """Touch the slider about once a second, with new busy cells as often as it takes."""
    chance = random.Random(7)
    answers: list[float | None] = []
    unanswered = 0
    while len(answers) < touches:
        if busy:
            lab.start(PUBLISH.format(number=len(answers)) + busy.format(seconds=BUSY_SECONDS))
        for _ in range(min(BUSY_SECONDS - 2, touches - len(answers))):
            lab.page.wait_for_timeout(chance.uniform(850, 1150))
            was_busy = lab.page.evaluate("() => Boolean(window.isRunning)")
            if busy and not was_busy:
                break  # a late answer took the rest of its time
            answers.append(touch(lab))
            unanswered += answers[-1] is None
        if busy:
            lab.wait_until_idle()
    say(f"  {state}: {[None if one is None else round(one) for one in answers]}")
    ages = sorted(LATEST_MS if one is None else one for one in answers)
    return {
        "p50_ms": round(ages[len(ages) // 2], 1),
        "p95_ms": round(ages[min(len(ages) - 1, int(0.95 * len(ages)))], 1),
        "most_ms": round(ages[-1], 1),
        "touches": len(ages),
        "unanswered": unanswered,
    }


def touch(lab: NotebookPage) -> float | None:
    """Move the slider to its other end; ms until a picture shows that, or None."""
    handle = lab.page.locator(".widget-slider .noUi-handle").first
    was_bright = float(handle.get_attribute("aria-valuenow") or 0) > 0.5
    lab.page.evaluate(AWAIT_ANSWER, [not was_bright, LATEST_MS])
    handle.press("ArrowLeft" if was_bright else "ArrowRight")
    return lab.page.evaluate("() => window.answer")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few touches")
    print(json.dumps(run(parser.parse_args().quick), indent=1))  # noqa: T201 - its output
