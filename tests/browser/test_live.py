"""Does a live picture live, where people look at it: in JupyterLab, with a camera?"""

import nbformat
import pytest
from nbformat import v4

pytestmark = pytest.mark.browser

SETUP = """\
from toolkit import Pipeline
from toolkit.stages import blur, gray, rgb
from widgets import Live
pipeline = Pipeline([rgb, gray, blur])"""


def written(path, *sources):
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [v4.new_code_cell(text) for text in sources]
    nbformat.write(v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


def test_a_webcam(lab, tmp_path):
    opened = lab.run(written(tmp_path / "live.ipynb", SETUP, "live = Live(pipeline, beside='rgb')\nlive"))
    page = opened.page
    print(opened.errors, opened.console_errors)
    page.wait_for_timeout(3000)
    print(page.locator(".dl-facts").inner_text(), '|', page.locator(".dl-fault").inner_text(), page.locator(".dl-state").inner_text())
    page.screenshot(path="out/browser/live_1.png")
    page.locator(".dl-camera").click()
    page.wait_for_timeout(3000)
    print(page.locator(".dl-facts").inner_text(), '|', page.locator(".dl-fault").inner_text(), page.locator(".dl-state").inner_text())
    page.screenshot(path="out/browser/live_2.png")
    print(opened.errors, opened.console_errors)
