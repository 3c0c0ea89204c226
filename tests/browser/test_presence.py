"""Does a page tell a scheduler where the user is, whatever the kernel is doing?"""

import pytest

from tests.browser.jupyter import ARTIFACTS, write_notebook
from tests.browser.live_view import View

pytestmark = pytest.mark.browser

SETUP = """\
import time
import ipywidgets, torch
from toolkit import Pipeline
from toolkit.scheduler import Context, Scheduler, Trigger
from toolkit.stages import gray, rgb
from widgets import Live, Presence
torch.set_num_threads(1)
scheduler = Scheduler(
    {"token": "NORMAL", "frame": "HIGH"},
    workers=1,
    contexts=[Context("chat", {"token": "CRITICAL"}), Context("video_call", {"token": "LOW"})],
)
scheduler.follow(Trigger("video_call", camera="*"), Trigger("chat", focused="chat"))
noticed, observed = [], []
notice, observe = scheduler.notice, scheduler.observe

def note(**changes):
    noticed.append((time.monotonic(), changes))
    notice(**changes)

def note_event(event):
    observed.append((time.monotonic(), event))
    observe(event)

scheduler.notice, scheduler.observe = note, note_event
chat = ipywidgets.Text(description="chat")
other = ipywidgets.Text(description="other")
desk = Live(Pipeline([rgb, gray]), width=320)"""
CHAT = "display(chat, other, chat)"
DESK = "desk"
SHOW = 'presence = Presence(scheduler, {"chat": chat, "desk": desk})\ndisplay(presence, presence)'
FAR = "print('\\n' * 120)"
ROOT = ".dh-presence"
LINE = f"""(pattern) => new RegExp(pattern).test(
    document.querySelector("{ROOT}")?.innerText.replace(/\\s+/g, " "))"""
# Every message of the page to the widget, as the kernel gets it.
WATCH = """\
heard = []
_ = presence.on_msg(lambda _, message, __: heard.append((time.monotonic(), message)))"""
REPORTS = "[one for _, one in heard if one['t'] == 'report']"
SCROLL = """(selector) => document.querySelector(selector).scrollIntoView({block: "center"})"""
SCROLL_AWAY = """() => {
    for (let at = document.querySelector(".dh-presence"); at; at = at.parentElement)
        at.scrollTop = at.scrollHeight;
}"""
SEEN = "sorted(scheduler.situation.visible)"
HIDE = """(state) => {
    Object.defineProperty(document, "visibilityState", {value: state, configurable: true});
    document.dispatchEvent(new Event("visibilitychange"));
}"""
RUN_FIRST = """async (index) => {
    const {content} = window.jupyterapp.shell.currentWidget;
    content.activeCellIndex = index;
    await window.jupyterapp.commands.execute("notebook:run-cell");
}"""


class Line:
    """The widget's line in the page, and its kernel."""

    def __init__(self, opened):
        self.opened, self.page = opened, opened.page
        self.chat = self.page.locator(".widget-text input").nth(0)
        self.other = self.page.locator(".widget-text input").nth(1)
        self.chat_again = self.page.locator(".widget-text input").nth(2)

    def wait_for(self, pattern):
        self.opened.wait_for(LINE, pattern)

    def ask(self, expression):
        return self.opened.run(f"print({expression})").strip()

    def wait_until(self, expression, answer):
        """Ask the kernel until it answers so: a line out of sight is not written."""
        for _ in range(100):
            if self.ask(expression) == answer:
                return
            self.page.wait_for_timeout(200)
        assert self.ask(expression) == answer

    def keep_picture(self, name):
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        self.page.locator(ROOT).first.screenshot(path=ARTIFACTS / f"{name}.png")


@pytest.fixture(scope="module")
def opened(lab, tmp_path_factory):
    path = tmp_path_factory.mktemp("presence") / "presence.ipynb"
    opened = lab.run(write_notebook(path, SETUP, CHAT, SHOW, DESK, FAR, WATCH))
    assert opened.errors == []
    opened.page.wait_for_selector(ROOT)
    yield opened
    opened.change_theme("JupyterLab Light")  # it is a setting, which the next page would have
    opened.page.close()


@pytest.fixture
def line(opened):
    """All can be seen, nothing has the focus, and no context holds."""
    opened.page.set_viewport_size({"width": 1300, "height": 1600})
    opened.page.evaluate(SCROLL, ROOT)
    line = Line(opened)
    line.other.focus()
    line.wait_for("no context nothing calls for one .*none has the focus.*no cell runs")
    return line


def test_focus_in_the_chat_brings_its_context_and_leaving_it_takes_it_back(line):
    line.wait_for("chat and desk can be seen")
    line.chat.focus()
    line.wait_for("▹ no context chat is next: chat has the focus")
    line.wait_for("▸ chat chat has the focus chat has the focus chat and desk")
    assert line.ask("scheduler.context, scheduler.situation.focused") == "chat chat"
    line.keep_picture("presence_light")
    line.other.focus()
    line.wait_for("▸ chat default is next: nothing calls for one none has the focus")
    line.wait_for("▹ no context nothing calls for one")
    line.chat_again.focus()  # the same widget, displayed a second time
    line.wait_for("▸ chat")


def test_a_glance_changes_nothing_and_a_context_holds_for_a_while(line):
    line.opened.run("scheduler.trace_from = scheduler.trace.since().cursor; noticed.clear()")
    line.chat.focus()
    line.page.wait_for_timeout(100)
    line.other.focus()
    line.page.wait_for_timeout(1500)
    assert line.ask("scheduler.context") == "default"
    line.chat.focus()
    line.wait_for("▸ chat")
    line.other.focus()
    line.wait_for("no context nothing calls for one")
    code = """
from toolkit.scheduler import Happening
from toolkit.scheduler.trace import records
at = [one.t_ns for one in records(scheduler.trace.since(scheduler.trace_from).data)
      if one.happening == Happening.CONTEXT]
print(len(at), at[1] - at[0] >= 2_000_000_000)"""
    assert line.opened.run(code).strip() == "2 True"


def test_a_camera_that_is_switched_on_brings_the_video_call(line):
    view = View(line.opened)
    view.part("camera").click()
    line.wait_for("▸ video_call a camera is on .*camera of desk on")
    assert line.ask("sorted(scheduler.situation.cameras)") == "['desk']"
    view.part("camera").click()
    line.wait_for("no context nothing calls for one .*no camera on")


def test_a_running_cell_is_known_and_the_focus_gets_through_meanwhile(line):
    line.opened.run("noticed.clear()")
    line.opened.start("chat.value = 'busy'\nbegan = time.monotonic()\ntime.sleep(6)")
    line.wait_for("a cell runs")
    line.page.wait_for_timeout(500)
    line.chat.focus()
    line.wait_for("▸ chat .*a cell runs")
    line.other.focus()
    line.wait_for("none has the focus.*a cell runs")
    line.opened.wait_until_idle()
    line.wait_for("no cell runs")
    focus = "[one['focused'] for at, one in noticed if 'focused' in one and at < began + 6]"
    assert line.ask(focus) == "['chat', '']"


def test_what_scrolled_away_or_is_in_a_hidden_tab_cannot_be_seen(line):
    page = line.page
    page.evaluate(SCROLL_AWAY)
    line.wait_until(SEEN, "[]")
    page.evaluate(SCROLL, ROOT)
    line.wait_for("chat and desk can be seen")
    page.evaluate(HIDE, "hidden")
    line.wait_until(SEEN, "[]")
    page.evaluate(HIDE, "visible")
    line.wait_for("chat and desk can be seen")


def test_displayed_twice_it_tells_once_and_seldom_and_nothing_where_nothing_happens(line):
    page = line.page
    assert page.locator(ROOT).count() == 2
    page.wait_for_timeout(1200)
    line.opened.run("heard.clear(); observed.clear()")
    page.wait_for_timeout(2500)
    assert line.ask(REPORTS) == "[]"
    for step in range(40):
        page.mouse.move(100 + step, 300)
        page.wait_for_timeout(50)
    page.wait_for_timeout(1200)
    times = "[at for at, one in heard if one['t'] == 'report']"
    assert line.ask(f"len({{one['view'] for one in {REPORTS}}})") == "1"
    assert 2 <= int(line.ask(f"len({times})")) <= 5
    assert line.ask("{kind for _, kind in observed}") == "{'pointer'}"
    page.keyboard.press("Shift")
    line.wait_for("in use")


def test_a_view_that_is_closed_or_was_never_displayed_is_not_seen(line):
    code = """\
gone, never = ipywidgets.Text(), ipywidgets.Text()
second = Presence(scheduler, {"gone": gone, "never": never})
display(gone)"""
    line.opened.run_cell(code)
    line.wait_until("'gone' in scheduler.situation.visible", "True")
    assert line.ask("'never' in scheduler.situation.visible") == "False"
    line.opened.run("gone.close()")
    line.wait_until("'gone' in scheduler.situation.visible", "False")
    line.opened.run("second.close()")
    line.page.evaluate(SCROLL, ROOT)
    line.wait_for("chat and desk can be seen")


def test_running_the_cell_again_leaves_one_that_tells(line):
    hooks = "len(get_ipython().events.callbacks['pre_run_cell'])"
    before = line.ask(f"{hooks}")
    for _ in range(3):
        line.page.evaluate(RUN_FIRST, 2)
    line.wait_for("chat and desk can be seen")
    after = line.ask(f"{hooks}")
    assert after == before
    line.opened.run(WATCH)


def test_it_looks_right_in_the_dark_and_where_it_is_narrow(line):
    line.chat.focus()
    line.wait_for("▸ chat")
    line.opened.change_theme("JupyterLab Dark")
    line.chat.focus()
    line.wait_for("▸ chat chat has the focus")
    line.keep_picture("presence_dark")
    line.page.set_viewport_size({"width": 560, "height": 1600})
    line.page.wait_for_timeout(300)
    line.keep_picture("presence_narrow")
    assert line.opened.console_errors == []


def test_a_kernel_that_restarts_is_missed_and_the_next_one_is_told(lab, tmp_path):
    opened = lab.run(write_notebook(tmp_path / "restart.ipynb", SETUP, CHAT, SHOW))
    line = Line(opened)
    line.wait_for("chat can be seen")
    opened.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    line.wait_for("no answer from the kernel")
    line.keep_picture("presence_no_kernel")
    for index in range(3):
        opened.page.evaluate(RUN_FIRST, index)
    line.wait_for("▹ no context nothing calls for one")
    line.chat.focus()
    line.wait_for("▸ chat chat has the focus")
    assert opened.console_errors == []
    opened.page.close()
