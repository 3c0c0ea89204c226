"""Can a person see what a scheduler decides, as it decides, and look back at it?"""

import json
import secrets

import pytest

from tests.browser.jupyter import ARTIFACTS, write_notebook

pytestmark = pytest.mark.browser
ROOT = ".dh-lanes"

# Has what the widget needs of a scheduler, and notes 2000 events of 500 tasks a second.
SETUP = """
import threading, time
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.trace import NO_LEVEL, NO_WORKER, Trace
from widgets import Lanes

class Busy:
    kinds, contexts, context = ("frame", "chat", "train"), ("default", "chat"), "default"
    levels = [0, 1, 3]

    def __init__(self):
        self.trace, self.lock, self.task, self.stop = Trace(), threading.Lock(), 0, False

    def note(self, t, happening, worker, level, kind, reason, task, value):
        self.trace.note(t, happening, worker, level, kind, reason, task, value)

    def live(self, begin, kind):
        self.task += 1
        own, took = (self.task % 2, self.levels[kind], kind), 1_500_000 * (1 + kind)
        late = 2_000_000 if self.task % 50 == 0 else -3_000_000
        self.note(begin, Happening.SUBMIT, *own, 0, self.task, begin + took - late)
        self.note(begin, Happening.START, *own, 0, self.task, 0)
        self.note(begin + took, Happening.DONE, *own, 0, self.task, late)
        if late > 0:
            self.note(begin + took, Happening.MISS, *own, Reason.QUEUED, self.task, late)
        else:
            self.note(begin + took, Happening.GUARD, *own, 0, 0, 1_000_000)

    def work(self):
        begin = next = time.perf_counter_ns()
        while not self.stop:
            time.sleep(0.01)
            while next < time.perf_counter_ns() - 10_000_000:
                with self.lock:
                    self.live(next, self.task % 3)
                next += 2_000_000

    def snapshot(self):
        kinds = [{"name": name, "level": level, "base": base}
                 for name, level, base in zip(self.kinds, self.levels, (0, 1, 3))]
        return {"workers": 2, "lanes": [[0, 4], [0, 4]], "kinds": kinds,
                "contexts": self.contexts, "mode": "guard", "depths": [0] * 5, "running": [0, 0]}

    def set_context(self, name, *, reason):
        with self.lock:
            now, to = time.perf_counter_ns(), 0 if name == "chat" else 1
            self.context, before, self.levels[1] = name, self.levels[1], to
            self.note(now, Happening.CONTEXT, NO_WORKER, NO_LEVEL, 0, reason, 0,
                      self.contexts.index(name))
            if before != to:
                self.note(now, Happening.LEVEL, NO_WORKER, to, 1, Reason.CONTEXT, 0, before)

busy = Busy()
threading.Thread(target=busy.work, daemon=True).start()

def recorded():
    return Recording.of(busy.snapshot(), busy.trace.since(busy.trace.count - 3000).data)
"""
LIVE = "class Offered: load = 1.0\noffered = Offered()\nlanes = Lanes(busy, load=offered)\nlanes"
DRAWN = f'() => Number(document.querySelector("{ROOT}").dataset.pictures ?? 0)'
HAS_EVENTS = f'least => Number(document.querySelector("{ROOT}").dataset.events) > least'
FRAMES = """async (count) => {
    for (let at = 0; at < count; at++) await new Promise(requestAnimationFrame);
}"""
HAS = f"""([part, pattern]) =>
    new RegExp(pattern).test(document.querySelector(`{ROOT} ${{part}}`)?.textContent ?? "")"""
# How many pixels of the plot are neither the ground of a row nor empty.
INK = """root => {
    const canvas = root.querySelector("canvas");
    const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const seen = new Map();
    for (let at = 0; at < data.length; at += 4) {
        const colour = data[at] << 16 | data[at + 1] << 8 | data[at + 2];
        if (data[at + 3]) seen.set(colour, (seen.get(colour) ?? 0) + 1);
    }
    return [...seen.values()].filter(count => count > 200).length;
}"""
SAVE = '() => window.jupyterapp.commands.execute("docmanager:save")'


class Seen:
    """The widget in the page; `place` counts its views."""

    def __init__(self, opened, place=0):
        self.opened, self.page = opened, opened.page
        self.root = self.page.locator(ROOT).nth(place)
        self.stage = self.part(".stage")

    def part(self, name):
        return self.root.locator(name)

    def wait_for(self, part, pattern):
        self.page.wait_for_function(HAS, arg=[part, pattern], timeout=30_000)

    def button(self, words):
        return self.root.get_by_role("button", name=words)

    def ask(self, expression):
        return json.loads(self.opened.run(f"import json; print(json.dumps({expression}))"))

    def now(self):
        """The time at the right of the picture, as it is written."""
        return self.part(".time span").last.inner_text()

    def wait_until_full(self):
        """Wait until more came in than is in sight, so that there is something to look back at."""
        self.page.wait_for_function(HAS_EVENTS, arg=6000, timeout=30_000)

    def wait_frames(self, count):
        """Wait until the page was painted so often."""
        self.page.evaluate(FRAMES, count)

    def ink(self):
        return self.root.evaluate(INK)

    def keep_picture(self, name):
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        self.root.screenshot(path=ARTIFACTS / f"{name}.png")


@pytest.fixture
def show(lab, tmp_path):
    """Opens a notebook of these cells, with the widget seen."""
    pages = []

    def open_notebook(*sources):
        path = tmp_path / f"lanes-{secrets.token_hex(3)}.ipynb"
        opened = lab.run(write_notebook(path, SETUP, *sources))
        pages.append(opened)
        assert opened.errors == []
        return Seen(opened)

    yield open_notebook
    for opened in pages:
        opened.run("if 'busy' in globals(): busy.stop = True")
        opened.change_theme("JupyterLab Light")  # it is a setting, which the next page would have
        opened.page.close()


@pytest.fixture
def seen(show):
    return show(LIVE)


def test_thirty_pictures_a_second_are_drawn_of_two_thousand_events_and_all_come_in(seen):
    seen.wait_for(".facts", r"[1-9]\d\d\d events/s")
    first = seen.page.evaluate(DRAWN)
    noted = seen.ask("busy.trace.count")
    seen.page.wait_for_function(f"least => ({DRAWN})() > least", arg=first + 60)
    seen.page.wait_for_function(HAS_EVENTS, arg=noted)
    assert "overwritten" not in seen.part(".facts").inner_text()
    assert seen.ink() >= 6
    seen.keep_picture("lanes-light")
    seen.opened.change_theme("JupyterLab Dark")
    seen.page.wait_for_function(f"least => ({DRAWN})() > least", arg=first + 90)
    seen.keep_picture("lanes-dark")
    assert seen.opened.console_errors == []


def test_the_picture_goes_on_while_a_cell_runs_and_a_button_gets_through_to_it(seen):
    seen.wait_for(".status", "live")
    seen.opened.start("while busy.context != 'chat': sum(range(1000))")
    before = int(seen.root.get_attribute("data-events"))
    seen.page.wait_for_function(HAS_EVENTS, arg=before + 1500, timeout=30_000)
    assert seen.opened.is_running()
    seen.button("chat").click()
    seen.opened.wait_until_idle()
    seen.wait_for(".status", "context chat")


def test_a_button_changes_the_context_and_the_shift_stands_there_with_its_word(seen):
    seen.wait_for(".status", "deadlines missed")
    seen.button("chat").click()
    seen.wait_for(".shifts", "chat: HIGH → CRITICAL, context")
    seen.page.wait_for_function(
        f"""() => document.querySelector('{ROOT} [aria-pressed="true"]')?.textContent === "chat" """
    )
    assert seen.ask("busy.context") == "chat"
    seen.wait_for(".kinds", "chat█ CRITICAL")
    seen.wait_for(".kinds", "queued")
    seen.button("Pause").click()
    seen.keep_picture("lanes-shift")
    assert seen.opened.console_errors == []


def test_the_slider_sets_the_load(seen):
    seen.part("input").first.evaluate(
        "node => { node.value = 2; node.dispatchEvent(new Event('input')); }"
    )
    seen.wait_for("output", "2.00")
    for _ in range(60):
        if seen.ask("offered.load") == 2:
            break
        seen.page.wait_for_timeout(100)
    assert seen.ask("offered.load") == 2


def test_it_is_paused_scrubbed_zoomed_and_gone_back_live_by_keys(seen):
    seen.wait_for(".status", "live")
    seen.wait_until_full()
    seen.stage.focus()
    seen.stage.press(" ")
    seen.wait_for(".status", "paused")
    drawn = seen.page.evaluate(DRAWN)
    paused_at = seen.now()
    assert seen.ask("lanes.paused") is True
    seen.wait_frames(30)
    assert seen.now() == paused_at
    assert seen.page.evaluate(DRAWN) - drawn <= 3
    seen.stage.press("ArrowLeft")
    seen.page.wait_for_function(
        f"""was => document.querySelector(
        "{ROOT} .time span:last-child").textContent !== was""",
        arg=paused_at,
    )
    spoken = "() => document.querySelector('.dh-lanes .scrub').getAttribute('aria-valuetext')"
    span = seen.page.evaluate(spoken)
    seen.stage.press("+")
    seen.page.wait_for_function(f"was => ({spoken})() !== was", arg=span)
    assert "1.00 s in sight" in seen.page.evaluate(spoken)
    seen.stage.press("x")  # which cuts the cell, outside of a widget
    seen.stage.press("End")
    seen.wait_for(".status", "live")
    assert seen.opened.console_errors == []


def test_a_view_that_is_opened_while_the_picture_stands_shows_the_same_still_picture(show):
    seen = show(LIVE, "")
    seen.wait_until_full()
    seen.button("Pause").click()
    seen.stage.focus()
    seen.stage.press("ArrowLeft")
    seen.wait_for(".status", "paused")
    seen.opened.run_cell("lanes")
    other = Seen(seen.opened, 1)
    other.root.scroll_into_view_if_needed()
    other.part(".status").filter(has_text="paused").wait_for()
    other.wait_frames(30)
    other.keep_picture("lanes-opened-paused")
    assert other.ink() >= 6
    assert other.now() == seen.now()
    assert seen.opened.console_errors == []


def test_a_page_that_is_loaded_again_shows_what_happened_until_the_pause(seen):
    seen.wait_until_full()
    seen.button("Pause").click()
    seen.wait_for(".status", "paused")
    paused_at = float(seen.now().split()[0])
    seen.page.evaluate(SAVE)
    seen.page.wait_for_timeout(1000)  # the scheduler goes on meanwhile
    seen.page.reload(wait_until="domcontentloaded")
    seen.wait_for(".status", "paused")
    seen.wait_frames(30)
    seen.keep_picture("lanes-reloaded-paused")
    assert seen.ink() >= 6
    assert float(seen.now().split()[0]) == pytest.approx(paused_at, abs=0.6)


def test_who_wants_no_motion_gets_a_picture_now_and_then(seen):
    seen.page.emulate_media(reduced_motion="reduce")
    seen.wait_until_full()
    frames = f"""async () => {{
        const drawn = {DRAWN}, first = drawn();
        let frames = 0;
        for (; drawn() < first + 3; frames++) await new Promise(requestAnimationFrame);
        return frames;
    }}"""
    assert seen.page.evaluate(frames) >= 3 * 4


def test_a_drag_looks_back_and_the_wheel_looks_closer(seen):
    seen.wait_for(".status", "live")
    seen.wait_until_full()
    box = seen.stage.bounding_box()
    seen.page.mouse.move(box["x"] + 500, box["y"] + 60)
    seen.page.mouse.down()
    seen.page.mouse.move(box["x"] + 700, box["y"] + 60, steps=4)
    seen.page.mouse.up()
    seen.wait_for(".status", "paused")
    seen.stage.focus()
    seen.page.mouse.wheel(0, -100)
    seen.page.wait_for_function(
        """() => document.querySelector(".dh-lanes .scrub").getAttribute("aria-valuetext")
            .includes("1.60 s in sight")"""
    )


def test_a_click_on_a_slice_tells_the_story_of_its_task_and_keys_lead_to_the_next(seen):
    seen.wait_for(".status", "live")
    seen.wait_until_full()
    seen.button("Pause").click()
    box = seen.stage.bounding_box()
    seen.page.mouse.click(box["x"] + 600, box["y"] + 60)
    seen.wait_for(".story", r"submitted at .*worker \d took it at .*done")
    first = seen.part(".story h4").inner_text()
    seen.stage.focus()
    seen.stage.press(".")
    seen.page.wait_for_function(
        "was => document.querySelector('.dh-lanes .story h4').textContent !== was", arg=first
    )
    for _ in range(4):
        seen.stage.press("+")
    seen.wait_frames(30)
    seen.keep_picture("lanes-story")
    seen.stage.press("Escape")
    seen.part(".story").wait_for(state="hidden")
    assert seen.opened.console_errors == []


def test_keys_lead_to_the_deadlines_and_from_one_to_the_next(seen):
    seen.wait_until_full()
    seen.stage.focus()
    for _ in range(3):  # the last slice of the first worker, the second worker, the deadlines
        seen.stage.press("ArrowDown")
    seen.wait_for(".status", "paused")
    seen.wait_for(".story", r"done, .* (early|too late)")
    first = seen.part(".story h4").inner_text()
    seen.stage.press(",")
    seen.page.wait_for_function(
        "was => document.querySelector('.dh-lanes .story h4').textContent !== was", arg=first
    )
    before = seen.part(".story h4").inner_text()
    # Each worker has every second task; the row of deadlines has all.
    assert int(first.split()[1]) - int(before.split()[1]) == 1
    for _ in range(4):
        seen.stage.press("+")
    seen.wait_frames(30)
    seen.keep_picture("lanes-deadline")
    assert seen.opened.console_errors == []


def test_two_recordings_stand_one_above_the_other_with_their_misses(show):
    seen = show(
        "time.sleep(1)\nfirst = recorded()\nbusy.set_context('chat', reason=Reason.USER)\n"
        "time.sleep(1)\nlanes = Lanes(busy).compare(first, recorded())\nlanes"
    )
    seen.wait_for(".status", r"as it was: ✕ \d+ of \d+ .* what if: ✕ \d+ of \d+ ")
    seen.wait_for(".kinds", "what if: missed")
    seen.keep_picture("lanes-pair")
    seen.stage.focus()
    seen.stage.press("-")
    seen.button("Back to live").click()
    seen.wait_for(".status", "live")
    assert seen.opened.console_errors == []


@pytest.mark.parametrize("form", ["JSON", "Perfetto"])
def test_what_is_kept_is_saved_as_a_file(seen, form, tmp_path):
    seen.wait_for(".status", "deadlines missed")
    with seen.page.expect_download() as downloading:
        seen.button(form).click()
    path = tmp_path / downloading.value.suggested_filename
    downloading.value.save_as(path)
    assert len(json.loads(path.read_text())["events" if form == "JSON" else "traceEvents"]) > 100


SCHEDULER = """
import threading, time
from toolkit.scheduler import Context, Scheduler
from widgets import Lanes

scheduler = Scheduler(
    {"frame": "CRITICAL", "chat": "HIGH", "embed": "NORMAL", "train": "LOW"}, workers=2,
    mode="guard", contexts=(Context("chat", {"chat": "CRITICAL", "frame": "NORMAL"}),))
stop = threading.Event()

def steps(count):
    for _ in range(count):
        time.sleep(0.001)
        yield

def answer():
    yield scheduler.submit(steps(2), kind="train")

def work():
    frames = scheduler.periodic("frame", fps=60)
    while not stop.wait(1 / 60):
        frames.submit(steps(2))
        scheduler.submit(answer(), kind="chat", deadline_seconds=0.1)
        scheduler.submit(steps(4), kind="embed", optional=True)

threading.Thread(target=work, daemon=True).start()
lanes = Lanes(scheduler)
lanes
"""


def test_a_scheduler_at_work_is_seen_with_its_contexts_and_what_tasks_lend_each_other(
    lab, tmp_path
):
    path = tmp_path / f"lanes-{secrets.token_hex(3)}.ipynb"
    seen = Seen(lab.run(write_notebook(path, SCHEDULER)))
    assert seen.opened.errors == []
    seen.wait_for(
        ".shifts", r"train \d*:? ?.*LOW → HIGH, inheritance|train.*LOW → HIGH, inheritance"
    )
    seen.button("chat").click()
    seen.wait_for(".shifts", "frame: CRITICAL → NORMAL, context")
    seen.wait_for(".shifts", "train.*LOW → CRITICAL, inheritance")
    for kind in ("frame", "chat", "embed", "train"):
        seen.wait_for(".kinds", kind)
    done = "{kind: one.done for kind, one in scheduler.statistics().items()}"
    seen.opened.run("stop.set(); scheduler.shutdown(timeout_seconds=20)")
    for place, count in enumerate(seen.ask(done).values(), 1):
        cell = f".kinds tbody tr:nth-child({place}) td:nth-child(5)"
        seen.wait_for(cell, f"^{count}$")
    assert seen.opened.console_errors == []
    seen.page.close()


def test_what_is_not_seen_is_not_sent(seen):
    seen.wait_for(".status", "live")
    seen.page.evaluate('window.jupyterapp.commands.execute("launcher:create")')
    code = "[one.name for one in __import__('threading').enumerate()].count('Lanes view')"
    count = f"import threading; print({code})"
    run = f"""async () => {{
        const panel = [...window.jupyterapp.shell.widgets("main")].find(
            one => one.content?.model?.cells);
        const asked = panel.sessionContext.session.kernel.requestExecute(
            {{code: {json.dumps(count)}, store_history: false}});
        let text = "";
        asked.onIOPub = ({{header, content}}) => {{
            if (header.msg_type === "stream") text += content.text;
        }};
        await asked.done;
        return text.trim();
    }}"""
    for _ in range(50):
        if seen.page.evaluate(run) == "0":
            break
        seen.page.wait_for_timeout(100)
    assert seen.page.evaluate(run) == "0"


def test_without_a_kernel_the_last_picture_stays_and_a_poster_is_in_the_notebook(show):
    seen = show("time.sleep(1)", LIVE)
    seen.wait_for(".facts", r"[1-9]\d\d\d events/s")
    poster = seen.opened.cells[2]["outputs"][0]["data"]["image/svg+xml"]
    assert "worker 1" in "".join(poster)
    assert "CRITICAL" in "".join(poster)
    seen.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    seen.wait_for(".status", "no answer from the kernel")
    assert seen.ink() >= 6
