"""Does the bill move while a pipeline runs, wherever it runs, and can it be asked by hand?"""

import json
import secrets

import pytest

from tests.browser.jupyter import ARTIFACTS, NotebookPage, write_notebook

pytestmark = pytest.mark.browser

SETUP = """
import threading, time
import torch
from toolkit import FrameRing, Pipeline
from toolkit.profiling import budget, profile
from toolkit.stages import blur, gray, sobel
from widgets import Bill

torch.set_num_threads(1)
ring = FrameRing(8, width=160, height=120, pixel_format="rgb")
pixels = torch.randint(0, 256, (3, 120, 160), dtype=torch.uint8)
pipeline = Pipeline([gray, blur, sobel], name="soft edges")
stop = threading.Event()

def play(frames=10**9, pause=0.02):
    for index in range(frames):
        if stop.is_set():
            return
        yield ring.copy_in(pixels, pts_seconds=index / 30)
        time.sleep(pause)

def work(frames=10**9, pause=0.02):
    for frame in pipeline.run(play(frames, pause)):
        frame["sobel"]
"""
IN_A_THREAD = "player = threading.Thread(target=work, daemon=True)\nplayer.start()"
ROOT = ".dh-bill"
FRAMES = """() => {
    const found = document.querySelector(".dh-bill .status")?.textContent.match(/(\\d+) frames/);
    return found ? Number(found[1]) : 0;
}"""
HAS_FRAMES = f"least => ({FRAMES})() >= least"


@pytest.fixture
def shown(lab, tmp_path):
    """Opens a notebook of these cells, and answers with the page, the notebook and a way to ask."""
    pages = []

    def show(*sources):
        opened = lab.run(
            write_notebook(tmp_path / f"bill-{secrets.token_hex(3)}.ipynb", SETUP, *sources)
        )
        pages.append(opened.page)
        assert opened.errors == []
        return opened

    yield show
    for page in pages:
        NotebookPage(page).change_theme(
            "JupyterLab Light"
        )  # it is a setting, which the next page would have
        page.close()


def run_more(page, source, *, is_awaited=True):
    """Put a cell below the last one, run it, and answer with what it printed."""
    start = """async ([source, isAwaited]) => {
        const {commands, shell} = window.jupyterapp;
        const notebook = shell.currentWidget.content;
        notebook.activeCellIndex = notebook.widgets.length - 1;
        await commands.execute("notebook:insert-cell-below");
        notebook.activeCell.model.sharedModel.setSource(source);
        const cell = notebook.activeCell;
        const running = commands.execute("notebook:run-cell");
        if (!isAwaited) return "";
        await running;
        const outputs = cell.model.toJSON().outputs;
        return outputs.map(one => one.text ?? one.evalue ?? "").flat().join("");
    }"""
    return page.evaluate(start, [source, is_awaited])


def picture(page, name, *, is_dark=False):
    """The widget as people see it, kept beside the other pictures."""
    NotebookPage(page).change_theme(f"JupyterLab {'Dark' if is_dark else 'Light'}")
    ARTIFACTS.mkdir(parents=True, exist_ok=True)
    page.locator(ROOT).first.screenshot(path=ARTIFACTS / f"{name}.png")


def test_numbers_appear_while_the_pipeline_runs_in_a_thread_and_a_cell_blocks(shown):
    opened = shown(
        "bill = Bill(pipeline, budget=budget(allocations=6, d2h_bytes=0, syncs=0))\nbill",
        IN_A_THREAD,
    )
    page = opened.page
    page.wait_for_function(HAS_FRAMES, arg=20, timeout=30_000)
    run_more(page, "time.sleep(8)", is_awaited=False)
    before = page.evaluate(FRAMES)
    page.wait_for_function(HAS_FRAMES, arg=before + 60, timeout=8_000)
    page.locator(f"{ROOT} .limits .is-over").first.wait_for(timeout=5_000)
    word = page.locator(f"{ROOT} .word")
    assert "▲ over by " in word.inner_text()
    assert " allocations in " in word.inner_text()
    picture(page, "bill-light")
    picture(page, "bill-dark", is_dark=True)
    assert "stop" not in run_more(page, "stop.set(); player.join(); time.sleep(0.5)")
    assert opened.console_errors == []


def test_what_the_page_shows_is_what_the_session_has(shown):
    opened = shown("bill = Bill(pipeline)\nbill", "work(12, 0)")
    page = opened.page
    page.wait_for_function(HAS_FRAMES, arg=12, timeout=20_000)
    page.locator(f"{ROOT} caption", has_text="Frame 11, the newest").wait_for(timeout=5_000)
    told = run_more(
        page,
        "import json\nlast = bill.session.frames[-1]\nprint(json.dumps("
        "[[key[1], one.allocations] for key, one in last.stages.items()]))",
    )
    cells = page.locator(f"{ROOT} .frame tbody tr").evaluate_all(
        "rows => rows.map(row => [row.children[0].textContent, row.children[1].textContent])"
    )
    expected = {stage or "(outside stages)": str(count) for stage, count in json.loads(told)}
    assert dict(cells) == expected
    assert opened.console_errors == []


def test_in_a_narrow_column_the_table_scrolls_and_nothing_is_cut(shown):
    opened = shown(
        "import ipywidgets\n"
        "bill = Bill(pipeline)\n"
        "ipywidgets.HBox([bill], layout=ipywidgets.Layout(width='440px', overflow='hidden'))",
        IN_A_THREAD,
    )
    page = opened.page
    page.wait_for_function(HAS_FRAMES, arg=5)
    page.wait_for_selector(f"{ROOT} table.frame td")
    picture(page, "bill-narrow")
    width, is_reached = page.evaluate("""() => {
        const bill = document.querySelector(".dh-bill");
        const box = bill.querySelector(".frame").parentNode;
        box.scrollLeft = 1e6;
        const last = box.querySelector("thead th:last-child").getBoundingClientRect();
        const edge = bill.parentNode.parentNode.getBoundingClientRect();
        return [bill.getBoundingClientRect().width, last.right <= edge.right];
    }""")
    assert width <= 440
    assert is_reached


def test_a_click_on_a_bar_shows_the_lines_of_the_next_frame(shown):
    opened = shown("bill = Bill(pipeline)\nbill", IN_A_THREAD)
    page = opened.page
    page.wait_for_function(HAS_FRAMES, arg=20, timeout=30_000)
    chart = page.locator(f"{ROOT} .chart")
    chart.click(position={"x": 20, "y": 60})
    lines = page.locator(f"{ROOT} .lines")
    lines.locator("tbody tr").first.wait_for(timeout=10_000)
    assert "exactly: operators and source lines" in lines.inner_text()
    assert "unattributed remainder" in lines.inner_text()
    assert "aten::" in lines.inner_text()
    assert ".py:" in lines.inner_text()
    picture(page, "bill-exact-light")
    page.locator(f"{ROOT} .legend button", has_text="blur").click()
    stages = lines.locator("tbody tr td:first-child").all_inner_texts()
    assert set(stages) == {"blur"}
    picture(page, "bill-exact-dark", is_dark=True)
    run_more(page, "stop.set(); player.join()")
    assert opened.console_errors == []


def test_the_bill_is_worked_by_keyboard_alone(shown):
    opened = shown("bill = Bill(pipeline)\nbill", "work(30, 0)")
    page = opened.page
    page.wait_for_function(HAS_FRAMES, arg=30, timeout=20_000)
    chart = page.locator(f"{ROOT} .chart")
    chart.focus()
    chart.press("Home")
    assert chart.get_attribute("aria-valuetext").startswith("frame 0")
    chart.press("ArrowRight")
    assert chart.get_attribute("aria-valuetext").startswith("frame 1:")
    chart.press("Enter")
    page.locator(f"{ROOT} button", has_text="Waiting for the next frame").wait_for(timeout=5_000)
    chart.press("Escape")
    assert chart.get_attribute("aria-valuetext").startswith("frame 29")
    page.keyboard.press("Shift+Tab")
    focused = "document.activeElement.textContent"
    assert page.evaluate(focused) != ""
    start = page.locator(f"{ROOT} button", has_text="Stop")
    start.focus()
    start.press("x")  # which cuts the cell, outside of a widget
    start.press("Enter")
    page.locator(f"{ROOT} button", has_text="Start").wait_for(timeout=5_000)
    assert run_more(page, "print(bill.running)").strip() == "False"
    assert opened.console_errors == []


def test_a_bill_that_nobody_sees_costs_nothing(shown):
    opened = shown("bill = Bill(pipeline)\nbill", "work(5, 0)")
    page = opened.page
    page.wait_for_function(HAS_FRAMES, arg=5, timeout=20_000)
    count = "print([one.name for one in threading.enumerate()].count('Bill view'))"
    assert run_more(page, count).strip() == "1"
    page.evaluate('window.jupyterapp.commands.execute("launcher:create")')
    page.locator(ROOT).wait_for(state="hidden")
    page.evaluate(
        """() => {
        const {shell} = window.jupyterapp;
        window.hidden = [...shell.widgets("main")].find(one => one.content?.widgets);
        return window.hidden.sessionContext.session.kernel.requestExecute(
            {code: "while bill.is_seen: time.sleep(0.01)\\n" +
                "before = bill.session.frame_count; work(5, 0); " +
                "told = (bill.is_seen, bill.session.frame_count - before, " +
                "'Bill view' in [one.name for one in threading.enumerate()])"}).done;
    }"""
    )
    page.evaluate("window.jupyterapp.shell.activateById(window.hidden.id)")
    page.locator(ROOT).wait_for(state="visible")
    assert run_more(page, "print(told)").strip() == "(False, 0, False)"
    assert opened.console_errors == []


def test_running_its_cell_again_leaves_one_thread(shown):
    opened = shown("bill = Bill(pipeline)\nbill", "work(5, 0)")
    page = opened.page
    page.wait_for_function(HAS_FRAMES, arg=5, timeout=20_000)
    page.evaluate(
        """async () => {
        const {commands, shell} = window.jupyterapp;
        shell.currentWidget.content.activeCellIndex = 1;
        await commands.execute("notebook:run-cell");
    }"""
    )
    told = run_more(
        page,
        "count = lambda: [one.name for one in threading.enumerate()].count('Bill view')\n"
        "deadline = time.monotonic() + 8\n"
        "while count() != 1 and time.monotonic() < deadline:\n    time.sleep(0.05)\n"
        "print(count(), bill.is_seen)",
    )
    assert told.strip() == "1 True"
    assert opened.console_errors == []
