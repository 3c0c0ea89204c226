"""Do the tour's sliders move the picture, for a person with a keyboard in JupyterLab?"""

from pathlib import Path

import nbformat
import pytest

pytestmark = pytest.mark.browser
TOUR = Path(__file__).resolve().parents[2] / "notebooks" / "00__tour.ipynb"
NEEDED = ("setup", "frame", "pipeline", "attached-text", "overlay", "knobs", "knobs-shown")
PICTURE = ".jp-OutputArea-output img.widget-image"


def test_a_slider_of_the_tour_changes_the_picture(lab, tmp_path):
    notebook = nbformat.read(TOUR, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if cell.id in NEEDED]
    path = tmp_path / "knobs.ipynb"
    nbformat.write(notebook, path)
    opened = lab.run(path)
    assert opened.errors == []
    page = opened.page
    before = page.locator(PICTURE).get_attribute("src")
    slider = page.locator(".widget-slider .noUi-handle").first
    for _ in range(8):
        slider.press("ArrowRight")
    page.wait_for_function(
        "([selector, before]) => document.querySelector(selector).src !== before",
        arg=[PICTURE, before],
        timeout=20_000,
    )
    readout = page.locator(".widget-slider .widget-readout").first.inner_text()
    assert float(readout) == pytest.approx(1.8)
    assert opened.console_errors == []
