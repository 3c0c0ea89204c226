"""Do the notebooks work where people open them: in JupyterLab, in a browser?"""

from pathlib import Path

import pytest

from tests.browser.jupyter import ARTIFACTS, write_notebook

ROOT = Path(__file__).resolve().parents[2]
TOUR = ROOT / "notebooks" / "00__tour.ipynb"
GALLERY = ROOT / "notebooks" / "90__gallery.ipynb"
LESSON = ROOT / "notebooks" / "solutions" / "07__live_webcam__SOLUTION.ipynb"
PLAYS = "node => /^[1-9][0-9]* fps/.test(node.textContent)"
KERNEL = "() => window.jupyterapp.shell.currentWidget.sessionContext.session.kernel.status"

pytestmark = pytest.mark.browser


def test_a_frame_and_a_pipeline_show_themselves_in_jupyterlab(lab, tmp_path):
    notebook = write_notebook(
        tmp_path / "tiny.ipynb",
        "import torch\nfrom toolkit import Frame, Pipeline\nfrom toolkit.stages import blur, gray",
        "frame = Frame.from_image(torch.rand(3, 48, 64))\nframe",
        "pipeline = Pipeline([gray, blur])\npipeline",
        "pipeline.bind(frame)['blur'].shape",
    )
    opened = lab.run(notebook)
    assert opened.errors == []
    assert opened.console_errors == []
    text = opened.page.locator(".jp-NotebookPanel").inner_text()
    assert "64" in text
    assert "48" in text
    drawn = opened.cells[2]["outputs"][0]["data"]["image/svg+xml"]
    assert "gray" in drawn
    assert "blur" in drawn
    assert [box["width"] > 100 for box in opened.pictures()] == [True]


def test_an_error_in_a_cell_is_noticed(lab, tmp_path):
    opened = lab.run(write_notebook(tmp_path / "broken.ipynb", "1 / 0"))
    assert len(opened.errors) == 1
    assert opened.errors[0].startswith("ZeroDivisionError")


def test_the_tour_runs_and_its_plots_can_be_seen(lab):
    opened = lab.run(TOUR)
    assert opened.errors == []
    assert opened.console_errors == []
    pictures = opened.pictures()
    assert len(pictures) >= 3
    assert [box for box in pictures if box["width"] < 50 or box["height"] < 20] == []


@pytest.mark.parametrize(("path", "count"), [(LESSON, 1), (GALLERY, 9)], ids=["lesson", "gallery"])
def test_live_pictures_play_once_all_cells_have_run_and_leave_the_kernel_idle(lab, path, count):
    opened = lab.run(path)
    page = opened.page
    assert opened.errors == []
    page.set_viewport_size({"width": 1300, "height": 900})
    views = page.locator(".downhill-live").all()
    assert len(views) == count
    for number, view in enumerate(views):
        view.scroll_into_view_if_needed()
        facts = view.locator(".dl-facts").element_handle()
        page.wait_for_function(PLAYS, arg=facts, timeout=60_000)
        assert view.locator(".dl-fault").text_content() == ""
        page.screenshot(path=ARTIFACTS / f"{path.stem}-{number}.png")
    assert page.evaluate(KERNEL) == "idle"
    assert opened.console_errors == []
    page.close()
