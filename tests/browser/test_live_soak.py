"""Does a live view stay as it was, however long it is looked at and played with?

Twenty seconds in a plain run; ten minutes with `DOWNHILL_SOAK_SECONDS=600`. What a person does is
drawn at random, the same in every run of the same `DOWNHILL_SOAK_SEED`. What was done, and how much
memory there was meanwhile, stands in `out/browser/live_soak.json`.
"""

import json
import os
import random
import time

import pytest

from tests.browser.jupyter import ARTIFACTS, NotebookPage, write_notebook

pytestmark = pytest.mark.browser
SECONDS = float(os.environ.get("DOWNHILL_SOAK_SECONDS", "20"))
SEED = int(os.environ.get("DOWNHILL_SOAK_SEED", "5"))
MOST_KERNEL_NBYTES = 40_000_000  # grown since a third of the time was over
MOST_PAGE_NBYTES = 20_000_000
NAMES = ("pixels", "rgb", "gray", "blur")

SETUP = """\
import gc, json, threading
import ipywidgets, psutil
from toolkit import Pipeline
from toolkit.stages import blur, gray, rgb
from widgets import Live
from widgets.routes import keep_answering
process = psutil.Process()
pipeline = Pipeline([rgb, gray, blur])"""
CELL = """\
slider = ipywidgets.FloatSlider(1.5, min=0.5, max=5, step=0.1)
keep_answering(slider)
slider.observe(lambda one: setattr(pipeline.params["blur"], "sigma", one.new), "value")
live = Live(pipeline, beside="rgb", loop=True)
ipywidgets.VBox([slider, live])"""
STATE = """\
gc.collect()
print(json.dumps({
    "nbytes": process.memory_info().rss,
    "threads": sorted(one.name for one in threading.enumerate() if "downhill" in one.name),
    "sockets": len([one for one in process.net_connections("tcp") if one.status == "LISTEN"]),
    "files": process.num_fds(),
}))"""
# Keeps the sockets of the page, so that they can be cut, and the tracks of its cameras.
WATCH = """() => {
    window.soaked = window.jupyterapp.shell.currentWidget;
    window.sockets = new Set();
    window.WebSocket = class extends WebSocket {
        constructor(...options) {
            super(...options);
            window.sockets.add(this);
            this.addEventListener("close", () => window.sockets.delete(this));
        }
    };
    window.cameras = new Set();
    const devices = navigator.mediaDevices, ask = devices.getUserMedia.bind(devices);
    devices.getUserMedia = async (wanted) => {
        const stream = await ask(wanted);
        for (const track of window.cameras)
            if (track.readyState !== "live") window.cameras.delete(track);
        stream.getTracks().forEach((track) => window.cameras.add(track));
        return stream;
    };
}"""
CUT = "() => { for (const socket of window.sockets) socket.close(); }"
CAMERAS_ON = "() => [...window.cameras].filter((track) => track.readyState === 'live').length"
OTHER_TAB = """async () => {
    const { shell, commands } = window.jupyterapp;
    const other = [...shell.widgets("main")].find((one) => one !== window.soaked);
    if (other) shell.activateById(other.id);
    else await commands.execute("launcher:create");
}"""
BACK = "() => window.jupyterapp.shell.activateById(window.soaked.id)"
PLAYS = """() => {
    const text = document.querySelector(".dl-facts")?.textContent ?? "";
    return /^[1-9]\\d* fps .*websocket/.test(text);
}"""


class Person:
    """Plays with the view, at random."""

    def __init__(self, page, chance):
        self.page, self.chance = page, chance
        self.done = {}
        self.is_away = False
        self._actions = [
            (12, self.move_slider),
            (2, self.switch_tab),
            (2, self.cut),
            (2, self.use_camera),
            (2, self.press_play),
            (2, self.look_at_another),
            (1, self.switch_codec),
            (1, self.scroll),
        ]

    def act(self):
        """One thing, and a moment to look at it."""
        weights, actions = zip(*self._actions, strict=True)
        (action,) = self.chance.choices(actions, weights)
        if self.is_away and action != self.cut:
            action = self.switch_tab
        action()
        self.done[action.__name__] = self.done.get(action.__name__, 0) + 1
        self.page.wait_for_timeout(self.chance.uniform(50, 600))

    def try_all(self):
        """Each thing once, each codec with the camera and without: what is kept for them is there.

        What is held for one of a kind is no growth; what is held for each time is, later.
        """
        for codec in ("jpeg", "h264"):
            self.page.locator(".dl-codec").select_option(codec)
            for _ in range(2):
                self.use_camera()
                for name in NAMES:
                    self.page.locator(".dl-want").select_option(name)
                    self.page.wait_for_timeout(300)
        for action in (self.move_slider, self.cut, self.switch_tab, self.switch_tab, self.scroll):
            action()
        self.press_play()

    def come_back(self):
        """The view is in sight, and plays."""
        if self.is_away:
            self.switch_tab()
        play = self.page.locator(".dl-play")
        play.scroll_into_view_if_needed()
        if "Play" in play.text_content():
            play.click()

    def move_slider(self):
        handle = self.page.locator(".widget-slider .noUi-handle").first
        for _ in range(self.chance.randint(1, 8)):
            handle.press(self.chance.choice(["ArrowLeft", "ArrowRight", "PageUp", "PageDown"]))

    def switch_tab(self):
        self.page.evaluate(BACK if self.is_away else OTHER_TAB)
        self.is_away = not self.is_away

    def cut(self):
        self.page.evaluate(CUT)

    def use_camera(self):
        self.page.locator(".dl-camera").click()

    def press_play(self):
        self.page.locator(".dl-play").click()

    def look_at_another(self):
        self.page.locator(".dl-want").select_option(self.chance.choice(NAMES))

    def switch_codec(self):
        self.page.locator(".dl-codec").select_option(self.chance.choice(["jpeg", "h264"]))

    def scroll(self):
        self.page.mouse.wheel(0, self.chance.choice([-400, 400]))


@pytest.fixture
def opened(lab, tmp_path):
    """A notebook with the setup, its page watched; the cell is still to be run."""
    opened = lab.run(write_notebook(tmp_path / "soak.ipynb", SETUP, "pass"))
    assert opened.errors == []
    opened.page.set_viewport_size({"width": 1300, "height": 1000})
    opened.page.evaluate(WATCH)
    opened.page.evaluate(OTHER_TAB)
    opened.page.evaluate(BACK)
    yield opened
    opened.page.close()


@pytest.fixture
def measure(opened):
    """What the kernel and the page hold now, without what is garbage."""
    session = opened.page.context.new_cdp_session(opened.page)

    def state():
        found = json.loads(opened.run(STATE))
        session.send("HeapProfiler.collectGarbage")
        found["page_nbytes"] = session.send("Runtime.getHeapUsage")["usedSize"]
        return found

    return state


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="needs Linux's list of open files")
def test_a_long_play_leaves_nothing_behind(opened, measure):
    page = opened.page
    play(page)
    before = close(page, measure)  # with what a kernel keeps once it had a widget
    assert before["threads"] == []
    play(page)
    person = Person(page, random.Random(SEED))
    person.try_all()
    person.come_back()
    states = []
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < SECONDS:
        person.act()
        if passed >= SECONDS * (len(states) + 1) / 12:
            states.append(measure())
    person.come_back()
    page.wait_for_function(PLAYS, timeout=30_000)
    assert page.locator(".dl-fault").text_content() == ""
    states.append(measure())
    told = json.dumps({"seconds": SECONDS, "seed": SEED, "done": person.done, "states": states})
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    (ARTIFACTS / "live_soak.json").write_text(told)
    assert grown(states, "nbytes") < MOST_KERNEL_NBYTES, told
    assert grown(states, "page_nbytes") < MOST_PAGE_NBYTES, told
    assert states[-1]["threads"] == ["downhill-live", "downhill-player"]

    after = close(page, measure, until=before)
    assert (after["threads"], after["sockets"]) == ([], before["sockets"])
    assert after["files"] <= before["files"] + 2, told
    assert page.evaluate(CAMERAS_ON) == 0
    assert page.evaluate("() => window.sockets.size") == 0
    assert opened.console_errors == [], person.done


def play(page):
    """Run the cell, and wait until pictures come."""
    NotebookPage(page).run_cell(CELL)
    page.wait_for_function(PLAYS, timeout=30_000)


def close(page, measure, *, until=None):
    """Close the widgets; what is left then, at the latest after a quarter of a minute."""
    NotebookPage(page).run("live.close(); slider.close()")
    for _ in range(60):
        page.wait_for_timeout(250)
        after = measure()
        if after["threads"] == [] and (until is None or after["sockets"] == until["sockets"]):
            break
    return after


def grown(states, what):
    """How much more there is at the end than after a third of the time, at its highest then."""
    third = max(1, len(states) // 3)
    return states[-1][what] - max(one[what] for one in states[:third])
