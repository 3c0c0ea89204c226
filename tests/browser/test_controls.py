"""Do the controls of a pipeline answer a person in JupyterLab, whatever the kernel is doing?"""

import json

import pytest

from tests.browser.jupyter import ARTIFACTS, NotebookPage, write_notebook

pytestmark = pytest.mark.browser

SETUP = """
import threading, time
import ipywidgets, simplejpeg, torch
from toolkit import Frame, Pipeline
from toolkit.stages import blur, corners, edges, gray, overlay, rgb, sobel
from widgets import Controls, Graph
torch.set_num_threads(1)
pipeline = Pipeline([rgb, gray, blur, sobel, edges, corners, overlay], name="tour")
y, x = torch.meshgrid(torch.arange(90), torch.arange(160), indexing="ij")
frame = Frame.from_image((((x // 16 + y // 16) % 2) * 0.8 + 0.1).expand(3, -1, -1).contiguous())
view = ipywidgets.Image(format="jpeg", width=320)
heard = []

def refresh(names=()):
    picture = pipeline.bind(frame)["overlay"][0]
    pixels = picture.mul(255).byte().permute(1, 2, 0).contiguous().numpy()
    view.value = simplejpeg.encode_jpeg(pixels)
    heard.append((time.monotonic(), pipeline.params["blur"].sigma, threading.current_thread().name))

pipeline.params.watch(refresh)
refresh()
"""
GRAPH = """
looks = []
graph = Graph(pipeline, want=["overlay"])
graph.on_msg(lambda _, content, __: looks.append(content))
link = ipywidgets.jslink((graph, "selected"), (controls, "selected"))
graph
"""
SHOW = "controls = Controls(pipeline, presets='presets', is_open=True)\ncontrols"
BUSY = {
    "sleeps": "time.sleep(5)",
    "runs torch": (
        "end = time.monotonic() + 5\n"
        "while time.monotonic() < end:\n    torch.rand(400, 400) @ torch.rand(400, 400)"
    ),
    "runs a Python loop": (
        "end = time.monotonic() + 5\ncount = 0\nwhile time.monotonic() < end:\n    count += 1"
    ),
}
HANDLE = ".dh-section[aria-label=blur] .noUi-handle"


@pytest.fixture(scope="module")
def opened(lab, tmp_path_factory):
    """The controls in a page, beside the picture that they change."""
    path = tmp_path_factory.mktemp("controls") / "controls.ipynb"
    opened = lab.run(write_notebook(path, SETUP, SHOW, "view", GRAPH))
    assert opened.errors == []
    opened.page.wait_for_selector(HANDLE)
    yield opened
    opened.page.close()


@pytest.fixture
def page(opened):
    """All parameters as they were declared."""
    ask(opened.page, "controls.reset(); heard.clear()")
    return opened.page


def ask(page, code):
    """What the kernel prints for `code`."""
    return NotebookPage(page).run(code).strip()


def sigma(page):
    return float(ask(page, "print(pipeline.params['blur'].sigma)"))


def until(page, expression):
    for _ in range(50):
        if ask(page, f"print({expression})") == "True":
            return
        page.wait_for_timeout(100)
    pytest.fail(f"never true: {expression}")


@pytest.mark.parametrize("what", BUSY)
def test_a_slider_moves_its_parameter_while_a_cell(page, what):
    touches = 4
    code = (
        "pipeline.params['blur'].sigma = 2.0\n"  # what a cell publishes is what locks others out
        f"began = time.monotonic(); heard.clear()\n{BUSY[what]}\nended = time.monotonic()"
    )
    page.locator(HANDLE).focus()
    NotebookPage(page).start(code)
    page.wait_for_timeout(700)
    for _ in range(touches):  # one touch a second: a rapid one would hide a lock-out
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(1000)
    NotebookPage(page).wait_until_idle()
    moves = json.loads(
        ask(page, "import json; print(json.dumps([s for t, s, _ in heard if began < t < ended]))")
    )
    assert moves == pytest.approx([2.1, 2.2, 2.3, 2.4])


def test_undo_and_redo_by_keyboard(page):
    page.locator(HANDLE).focus()
    page.keyboard.press("ArrowRight")
    until(page, "pipeline.params['blur'].sigma == 1.1")
    page.keyboard.press("Control+z")
    until(page, "pipeline.params['blur'].sigma == 1.0")
    page.keyboard.press("Control+Shift+z")
    until(page, "pipeline.params['blur'].sigma == 1.1")
    assert "Did again blur.sigma" in page.locator(".dh-bar [role=status]").inner_text()


def test_a_drag_is_one_step(page):
    box = page.locator(HANDLE).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    for shift in (30, 60, 90):
        page.mouse.move(x + shift, y)
        page.wait_for_timeout(1000)  # longer than what belongs together without a drag
    page.mouse.up()
    until(page, "len(heard) >= 3")
    page.keyboard.press("Control+z")
    until(page, "pipeline.params['blur'].sigma == 1.0")


def test_a_stage_is_bypassed_and_folded_by_keyboard(page):
    section = page.locator(".dh-section[aria-label=overlay]")
    section.get_by_label("overlay on").focus()
    page.keyboard.press("Space")
    until(page, "pipeline.bypassed == ('overlay',)")
    assert "bypassed: gives rgb" in section.inner_text()
    fold = section.locator(".dh-fold")
    fold.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".dh-section[aria-label=overlay] .dh-fold[aria-expanded=false]")
    assert section.locator(".dh-row").count() == 0
    page.keyboard.press("Enter")
    page.wait_for_selector(".dh-section[aria-label=overlay] .dh-row")


def test_letters_that_command_a_notebook_do_nothing_while_focus_is_in_the_controls(page):
    count = page.locator(".jp-Cell").count()
    page.locator(HANDLE).focus()
    for key in ("x", "b", "d", "d"):
        page.keyboard.press(key)
    assert page.locator(".jp-Cell").count() == count


def test_a_refused_value_says_why_and_goes_back(page):
    low = page.locator(".dh-section[aria-label=edges] .noUi-handle").first
    low.focus()
    for _ in range(27):
        page.keyboard.press("ArrowRight")
    page.wait_for_selector(".dh-refused[role=alert]")
    text = page.locator(".dh-refused").inner_text()
    assert "lower low, or raise high first" in text
    values = ask(page, "print(controls.knobs['edges.low'].value <= 0.025)")
    assert values == "True"
    page.screenshot(path=ARTIFACTS / "controls_refused.png")


def test_a_change_by_code_shows_in_the_page(page):
    ask(page, "pipeline.params['blur'].sigma = 3.3")
    readout = page.locator(".dh-section[aria-label=blur] .widget-readout").first
    page.wait_for_function("node => node.innerText === '3.3'", arg=readout.element_handle())


def test_a_change_by_code_between_two_steps_stays_what_it_is(page):
    ask(page, "pipeline.params['blur'].sigma = 1.234")
    page.wait_for_selector("text=exactly 1.234 px")
    readout = page.locator(".dh-section[aria-label=blur] .widget-readout").first
    page.wait_for_function("node => node.innerText === '1.2'", arg=readout.element_handle())
    until(page, "controls.knobs['blur.sigma'].value == 1.2")
    assert sigma(page) == 1.234


def test_presets_are_saved_and_loaded(page):
    ask(page, "pipeline.params['blur'].sigma = 3.0")
    name = page.locator(".dh-presets input")
    name.fill("soft")
    name.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Saved 'soft'.")
    ask(page, "pipeline.params['blur'].sigma = 1.0")
    page.locator(".dh-presets button", has_text="Load").click()
    until(page, "pipeline.params['blur'].sigma == 3.0")


def test_a_stage_of_the_graph_is_chosen_by_keyboard_and_by_mouse_and_the_controls_follow(page):
    box = page.locator("[data-stage=edges]")
    box.click()
    page.wait_for_selector(".dh-section[aria-label=edges].dh-selected")
    until(page, "graph.selected == controls.selected == 'edges'")
    box.focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_selector(".dh-section[aria-label=corners].dh-selected")
    page.keyboard.press("Enter")
    until(page, "graph.selected == ''")


def test_the_graph_shows_costs_and_what_is_passed_by_and_keeps_the_focus(page):
    page.wait_for_selector("[data-stage=overlay][aria-label*=' ms']")
    page.locator("[data-stage=overlay]").focus()
    ask(page, "pipeline.bypass('overlay')")
    page.wait_for_selector("[data-stage=overlay][aria-label*='bypassed: gives rgb']")
    page.wait_for_selector("[data-stage=edges][aria-label*='not needed']")
    assert page.evaluate("document.activeElement.dataset.stage") == "overlay"


def test_a_graph_that_nobody_sees_asks_for_nothing(page):
    until(page, "len(looks) > 2")
    hide = "(value) => { document.querySelector('.dh-graph-view').style.display = value; }"
    page.evaluate(hide, "none")
    page.wait_for_timeout(600)
    before = ask(page, "print(len(looks))")
    page.wait_for_timeout(1000)
    assert ask(page, "print(len(looks))") == before
    page.evaluate(hide, "")
    until(page, f"len(looks) > {before}")


def test_it_looks_right_in_light_and_dark(page, opened):
    ask(page, "pipeline.bypass('blur', 'overlay'); pipeline.params['blur'].sigma = 1.234")
    page.locator("[data-stage=blur]").click()
    for theme in ("JupyterLab Dark", "JupyterLab Light"):  # light last: other tests look, too
        opened.change_theme(theme)
        page.wait_for_timeout(300)
        name = "controls_dark.png" if "Dark" in theme else "controls_light.png"
        page.screenshot(path=ARTIFACTS / name)
    assert opened.console_errors == []


def test_running_the_cell_again_leaves_one_that_watches_and_no_more_widgets(page):
    count = "len(pipeline.params._watchers), len(ipywidgets.widgets.widget._instances)"
    before = ask(page, f"print(({count}))")
    for _ in range(3):
        page.evaluate(
            """async () => {
                const panel = window.jupyterapp.shell.currentWidget;
                panel.content.activeCellIndex = 1;
                await window.jupyterapp.commands.execute("notebook:run-cell");
            }"""
        )
        page.wait_for_selector(HANDLE)
    until(page, f"({count}) == {before}")
