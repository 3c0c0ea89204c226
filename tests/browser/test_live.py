"""Does a live picture live where people look at it: in JupyterLab, with a camera?"""

from pathlib import Path

import pytest

from tests.browser.jupyter import write_notebook
from tests.browser.live_view import View

pytestmark = pytest.mark.browser

SETUP = """\
import threading
from toolkit import Pipeline
from toolkit.stages import blur, gray, rgb
from widgets import Live
pipeline = Pipeline([rgb, gray, blur])"""
LIVE = "live = Live(pipeline, beside='rgb')\nlive"
LONG = "live = Live(pipeline)\ndisplay(live)\nprint('\\n' * 200)"
BELOW = "live = Live(pipeline)\nprint('\\n' * 200)\ndisplay(live)"
COUNTS = "[live.player.shown, pipeline.timings['blur'].calls]"
OURS = "sorted(one.name for one in threading.enumerate() if one.name.startswith('downhill'))"
# What a sleeping laptop does to a connection, seen from here: it is cut, and nobody says why.
CUT = """\
from toolkit.live import server
for room in server._current.rooms.values():
    server._current._loop.call_soon_threadsafe(room.guest._stream.close)"""
WATCH_CAMERAS = """() => {
    window.cameras = [];
    const devices = navigator.mediaDevices, ask = devices.getUserMedia.bind(devices);
    window.askForCamera = devices.getUserMedia = async (wanted) => {
        const stream = await ask(wanted);
        window.cameras.push(...stream.getTracks());
        return stream;
    };
}"""
NO_CAMERA = """(name) => {
    navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", name); };
}"""
CAMERA_AGAIN = "() => { navigator.mediaDevices.getUserMedia = window.askForCamera; }"
CAMERAS_ON = "() => window.cameras.filter((track) => track.readyState === 'live').length"


@pytest.fixture(scope="module")
def opened(lab, tmp_path_factory):
    """A notebook with the setup, and a cell that tests write."""
    path = tmp_path_factory.mktemp("live") / "live.ipynb"
    opened = lab.run(write_notebook(path, SETUP, "live = Live(pipeline)"))
    assert opened.errors == []
    opened.page.evaluate(WATCH_CAMERAS)
    yield opened
    opened.page.close()


@pytest.fixture
def start(opened):
    """Write the cell, run it, and wait until pictures come; at the end, close what it made."""
    opened.page.set_viewport_size({"width": 1300, "height": 1000})

    def run_cell(source=LIVE):
        opened.console_errors.clear()
        opened.page.evaluate(CAMERA_AGAIN)
        opened.run_cell(source)
        view = View(opened)
        view.wait_for("facts", r"[1-9]\d* fps")
        return view

    yield run_cell
    opened.run("live.close()")


def test_the_scene_plays_over_a_socket_and_no_camera_is_asked_for(start):
    view = start()
    assert view.wait_for("facts", r"· websocket ·")
    view.wait_for("facts", r"kernel to screen \d+ ms, 95 % below \d+ ms · \d+ dropped")
    assert view.page.evaluate("() => window.cameras.length") == 0
    assert view.part("fault").text_content() == ""
    view.opened.keep_picture("live_scene")
    assert view.opened.console_errors == []


def test_the_webcam_goes_to_the_kernel_and_back(start):
    view = start()
    view.part("camera").click()
    view.wait_for("facts", "camera to screen .*640.480")
    assert view.part("camera-name").text_content().startswith("fake_device")
    red, green, blue = view.colour(0.25, 0.5)  # Chromium's fake camera is green
    assert green > 100
    assert max(red, blue) < 60
    red, green, blue = view.colour(0.75, 0.1)  # and the pipeline's own picture is gray
    assert max(red, green, blue) - min(red, green, blue) < 4
    view.opened.keep_picture("live_webcam")
    view.part("camera").click()
    view.wait_for("facts", "kernel to screen .*640.360")
    assert view.page.evaluate(CAMERAS_ON) == 0
    assert view.opened.console_errors == []


def test_h264_goes_both_ways(start):
    size = "camera_size=(320, 240)"
    view = start(f"live = Live(pipeline, want='rgb', codec='h264', {size})\nlive")
    view.wait_for("facts", "H.264 640.360")
    view.part("camera").click()
    view.wait_for("facts", "camera to screen .*H.264 320.240")
    red, green, blue = view.colour(0.25, 0.5)
    assert green > 100
    assert max(red, blue) < 70
    assert view.opened.console_errors == []


def test_two_views_cost_one_computation(start):
    view = start("live = Live(pipeline, beside='rgb')\ndisplay(live)\ndisplay(live)")
    View(view.opened, 1).wait_for("facts", r"[1-9]\d* fps")
    before = view.ask(COUNTS)
    view.page.wait_for_timeout(1000)
    shown, calls = (after - start for after, start in zip(view.ask(COUNTS), before, strict=True))
    assert 5 < calls <= shown + 1  # one may be under way; none is computed that nobody can take
    assert view.ask("len(live.player._engine.views)") == 2
    view.opened.keep_picture("live_two")


def test_a_view_that_is_scrolled_out_costs_nothing(start):
    view = start(LONG)
    view.page.set_viewport_size({"width": 1300, "height": 700})
    view.page.locator(".jp-OutputArea-output").last.evaluate("node => node.scrollIntoView(false)")
    view.ask_until("[one.is_visible for one in live.player._engine.views.values()]", [False])
    before = view.ask(COUNTS)
    view.page.wait_for_timeout(1000)
    assert view.ask(COUNTS) == before
    view.root.scroll_into_view_if_needed()
    view.ask_until("[one.is_visible for one in live.player._engine.views.values()]", [True])


def test_a_view_that_was_never_seen_waits_and_does_not_say_that_it_is_cut_off(opened):
    view = View(opened)
    opened.page.set_viewport_size({"width": 1300, "height": 700})
    opened.run_cell(BELOW)
    view.wait_for("state", "^Waiting for the first picture")
    view.wait_for("facts", "^waiting for the first picture$")
    view.root.scroll_into_view_if_needed()
    view.wait_for("facts", r"[1-9]\d* fps")
    assert view.part("state").text_content() == ""
    opened.run("live.close()")


def test_the_loop_box_is_ticked_for_a_source_that_begins_again_by_itself(start):
    view = start("live = Live(pipeline, 'synthetic')\nlive")
    box = view.root.locator("input[type=checkbox]")
    assert box.is_checked()
    assert box.is_disabled()
    view.opened.keep_picture("live_loop")


def test_no_camera_is_a_sentence_and_the_scene_plays_on(start):
    view = start()
    view.page.evaluate(NO_CAMERA, "NotFoundError")
    view.part("camera").click()
    view.wait_for("fault", "No camera was found.*The drawn scene plays on")
    view.wait_for("facts", "[1-9][0-9]* fps")
    view.opened.keep_picture("live_no_camera")
    view.page.evaluate(NO_CAMERA, "NotAllowedError")
    view.part("camera").click()
    view.wait_for("fault", "not allowed to use the camera")
    assert view.opened.console_errors == []


def test_a_failing_stage_is_a_sentence_in_the_widget(start):
    view = start("live = Live(pipeline)\nlive")
    view.opened.run(
        "kept = pipeline.nodes['blur'].run\n"
        "def fails(*_): raise RuntimeError('out of paint')\n"
        "pipeline.nodes['blur'].run = fails",
    )
    view.wait_for("fault", "blur.*out of paint")
    view.opened.keep_picture("live_fault")
    view.opened.run("pipeline.nodes['blur'].run = kept")
    view.wait_for("fault", "^$")


def test_a_cell_that_runs_again_leaves_nothing_of_its_last_run(start):
    view = start()
    view.part("camera").click()
    view.wait_for("facts", "camera to screen")
    view.opened.run("first = live.player")
    view = start()
    view.wait_for("facts", "kernel to screen")
    assert view.page.evaluate(CAMERAS_ON) == 0
    view.ask_until(OURS, ["downhill-live", "downhill-player"])
    assert view.ask("[first is live.player, first.is_running]") == [False, False]
    assert view.page.locator(".downhill-live").count() == 1
    assert view.opened.console_errors == []


def test_a_view_that_is_gone_leaves_no_server_and_a_closed_widget_no_thread(start):
    view = start()
    assert view.ask(OURS) == ["downhill-live", "downhill-player"]
    view.page.evaluate("() => window.jupyterapp.commands.execute('notebook:clear-cell-output')")
    view.ask_until("'downhill-live' in " + OURS, False)
    view.opened.run("live.close()")
    view.ask_until(OURS, [])


def test_picture_and_controls_go_on_while_a_cell_sleeps(start):
    view = start()
    view.opened.start("import time; time.sleep(6)")
    view.page.wait_for_timeout(2500)
    assert int(view.wait_for("facts", r"(\d+) fps").group(1)) > 5
    view.part("play").click()
    view.page.wait_for_timeout(500)
    view.wait_for("facts", "^0 fps")
    assert view.opened.is_running()
    view.part("play").click()
    view.wait_for("facts", r"[1-9]\d* fps")
    assert view.opened.is_running()


def test_an_interrupt_stops_the_cell_and_not_the_picture(start):
    view = start()
    view.opened.start("import time; time.sleep(60)")
    view.page.wait_for_timeout(500)
    view.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()"
    )
    view.opened.wait_until_idle()
    view.page.wait_for_timeout(2500)
    assert int(view.wait_for("facts", r"(\d+) fps").group(1)) > 5
    assert view.ask(OURS) == ["downhill-live", "downhill-player"]


def test_a_connection_that_is_cut_comes_back(start):
    view = start()
    view.opened.run(CUT)
    view.wait_for("state", "Trying again")
    view.wait_for("state", "^$")
    view.wait_for("facts", r"[1-9]\d* fps .* websocket")


@pytest.mark.parametrize("ways", [["proxy", "comm"], ["comm"]], ids=["proxy", "comm"])
def test_where_no_socket_gets_through_it_takes_another_way_and_names_it(start, ways):
    view = start(f"live = Live(pipeline, transports={ways})\nlive")
    view.wait_for("facts", rf"[1-9]\d* fps .* {ways[0]} ")
    view.part("camera").click()
    view.wait_for("facts", f"camera to screen .* {ways[0]} ")
    assert view.opened.console_errors == []


def test_full_screen_asks_for_a_picture_that_fits(start):
    view = start("live = Live(pipeline, width=200)\nlive")
    view.wait_for("facts", "200.11[23]")
    view.part("screen").click()
    view.wait_for("facts", "640.360")
    view.opened.keep_picture("live_full_screen")
    view.part("screen").click()
    view.wait_for("facts", "200.11[23]")


def test_a_kernel_that_restarts_switches_the_camera_off_and_says_so(lab, tmp_path):
    opened = lab.run(write_notebook(tmp_path / "restart.ipynb", SETUP, LIVE))
    opened.page.evaluate(WATCH_CAMERAS)
    view = View(opened)
    view.part("camera").click()
    view.wait_for("facts", "camera to screen")
    opened.page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.restart()"
    )
    view.wait_for("state", "No kernel")
    assert opened.page.evaluate(CAMERAS_ON) == 0
    assert view.part("camera").is_disabled()
    view.opened.keep_picture("live_no_kernel")
    opened.page.close()


@pytest.fixture
def dark(opened):
    """The dark theme, for one test."""
    opened.change_theme("JupyterLab Dark")
    yield
    opened.change_theme("JupyterLab Light")


@pytest.mark.usefixtures("dark")
def test_it_is_worked_with_keys_alone_and_in_the_dark(start):
    view = start("live = Live(pipeline, source='synthetic', beside='rgb')\nlive")
    page = view.page
    view.part("play").focus()
    page.keyboard.press("Space")
    view.wait_for("play", "Play")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    view.ask_until("live.player.is_playing", False)
    for key in ("x", "d", "d"):  # which cut or delete a cell, outside of a widget
        page.keyboard.press(key)
    page.keyboard.press("Tab")
    page.keyboard.press("End")
    view.ask_until("live.player.position_seconds > 5", True)
    view.part("divider").focus()
    for key in ("ArrowLeft", "ArrowLeft", "PageDown"):
        page.keyboard.press(key)
    assert view.part("divider").get_attribute("aria-valuenow") == "36"
    page.keyboard.press("Home")
    view.ask_until("[one.beside for one in live.player._engine.views.values()]", [None])
    for _ in range(18):
        page.keyboard.press("ArrowRight", delay=5)
    view.opened.keep_picture("live_keys_dark")
    cells = page.evaluate("() => window.jupyterapp.shell.currentWidget.content.widgets.length")
    assert cells == 2  # the keys were not taken for commands of the notebook
    assert view.opened.console_errors == []


def test_the_divider_follows_the_pointer(start):
    view = start()
    box = view.root.locator(".dl-stage").bounding_box()
    across = [(box["x"] + box["width"] * part, box["y"] + 40) for part in (0.5, 0.25, -0.1)]
    view.page.mouse.move(*across[0])
    view.page.mouse.down()
    view.page.mouse.move(*across[1])
    assert view.part("divider").get_attribute("aria-valuenow") == "25"
    view.page.mouse.move(*across[2])
    view.page.mouse.up()
    view.page.mouse.move(*across[0])
    assert view.part("divider").get_attribute("aria-valuenow") == "0"
    view.ask_until("[one.beside for one in live.player._engine.views.values()]", [None])


def test_a_snapshot_and_a_recording_are_files(start, lab):
    view = start()
    with view.page.expect_download() as download:
        view.part("snapshot").click()
    assert download.value.suggested_filename == "blur.png"
    assert Path(download.value.path()).read_bytes().startswith(b"\x89PNG")
    view.part("record").click()
    view.wait_for("recorded", r"recording live-001\.mp4")
    view.page.wait_for_timeout(500)
    view.part("record").click()
    view.wait_for("recorded", r"\d+ frames in live-001\.mp4")
    assert (lab.folder / "live-001.mp4").stat().st_size > 0
