"""Does a live picture live in Notebook 7, too? Its page is another one than JupyterLab's."""

import pytest

from tests.browser.conftest import Lab
from tests.browser.jupyter import run_server, write_notebook
from tests.browser.live_view import View

pytest.importorskip("notebook", minversion="7")
pytestmark = pytest.mark.browser

SETUP = """\
import time
from toolkit import Pipeline
from toolkit.stages import blur, gray, rgb
from widgets import Controls, Live
pipeline = Pipeline([rgb, gray, blur])
moved = []
def note(names): moved.append(time.monotonic())
pipeline.params.watch(note)"""
SHOW = "controls = Controls(pipeline, is_open=True)\nlive = Live(pipeline, beside='rgb')\n"
SHOW += "display(controls, live)"
SLEEP = "began = time.monotonic(); moved.clear(); time.sleep(5); ended = time.monotonic()"
HANDLE = ".dh-section[aria-label=blur] .noUi-handle"
# What Notebook 7.6 throws while it opens any notebook, before a cell runs.
NOTEBOOK_S_OWN = "Cannot read properties of undefined (reading 'schema')"
CELLS = "() => window.jupyterapp.shell.currentWidget.content.widgets.length"


@pytest.fixture(scope="module")
def view(browser, tmp_path_factory):
    """A live picture below its controls."""
    home = tmp_path_factory.mktemp("notebook7")
    path = write_notebook(home / "live7.ipynb", SETUP, SHOW)
    with run_server(home, "notebook", "--expose-app-in-browser") as server:
        opened = Lab(browser, server, "notebooks/{name}").run(path)
        assert opened.errors == []
        opened.page.set_viewport_size({"width": 1300, "height": 1100})
        yield View(opened)
        assert set(opened.console_errors) <= {NOTEBOOK_S_OWN}
        opened.page.close()


def test_it_plays_the_clip_and_then_the_webcam(view):
    view.wait_for("facts", r"[1-9]\d* fps .* websocket .*640.360")
    view.part("camera").click()
    view.wait_for("facts", "camera to screen .* websocket .*640.480")
    red, green, blue = view.colour(0.25, 0.5)  # Chromium's fake camera is green
    assert green > 100
    assert max(red, blue) < 60
    view.opened.keep_picture("notebook7")
    view.part("camera").click()
    view.wait_for("facts", "kernel to screen")


def test_a_slider_is_answered_while_a_cell_sleeps(view):
    view.page.locator(HANDLE).focus()
    view.opened.start(SLEEP)
    for _ in range(3):
        view.page.wait_for_timeout(1000)
        view.page.keyboard.press("ArrowRight")
    view.opened.wait_until_idle()
    assert view.ask("[began < at < ended for at in moved]") == [True] * 3


def test_it_is_worked_with_keys_and_none_of_them_is_a_command_of_the_notebook(view):
    view.part("play").focus()
    view.page.keyboard.press("Space")
    view.wait_for("play", "Play")
    for key in ("x", "d", "d"):  # which cut or delete a cell, outside of a widget
        view.page.keyboard.press(key)
    view.page.keyboard.press("Space")
    view.wait_for("play", "Pause")
    assert view.page.evaluate(CELLS) == 2
