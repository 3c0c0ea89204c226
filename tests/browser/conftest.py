"""A real JupyterLab in a real Chromium: started once, on a free port, in a folder of its own."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.jupyter import (
    CHROMIUM_FLAGS,
    FAKE_CAMERA,
    KERNEL_IS_UP,
    NotebookPage,
    Server,
    run_server,
)
from tests.browser.perfetto import perfetto_in
from toolkit.demos.machine import find_chromium

RUN_ALL = """async (limit_ms) => {
    const late = new Promise((_, reject) =>
        setTimeout(() => reject(new Error(`cells still run after ${limit_ms} ms`)), limit_ms));
    await Promise.race([window.jupyterapp.commands.execute("notebook:run-all-cells"), late]);
}"""
CELLS = "() => window.jupyterapp.shell.currentWidget.content.model.toJSON().cells"
NOTEBOOK_HEIGHT = """() => Math.ceil(
    document.querySelector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-inner")
        .getBoundingClientRect().height)"""

TO_THE_TOP = """() => document
    .querySelector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer")
    .scrollTo(0, 0)"""


@dataclass
class OpenNotebook(NotebookPage):
    """A notebook in the page, after all its cells have run."""

    cells: list[dict[str, Any]]
    console_errors: list[str] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        """What cells raised: name, message and the cell's source, without those that should."""
        return [
            f"{output['ename']}: {output['evalue']}\nin\n{''.join(cell['source'])}"
            for cell in self.cells
            if "raises-exception" not in cell["metadata"].get("tags", [])
            for output in cell.get("outputs", [])
            if output["output_type"] == "error"
        ]

    def pictures(self) -> list[dict[str, float]]:
        """Size in px of every picture that an output shows, 0 for one that is broken."""
        return self.page.eval_on_selector_all(
            ".jp-OutputArea-output img, .jp-OutputArea-output svg, .jp-OutputArea-output canvas",
            """nodes => nodes.map(node => {
                const box = node.getBoundingClientRect();
                const broken = node.tagName === "IMG" && !(node.complete && node.naturalWidth);
                return broken ? {width: 0, height: 0} : {width: box.width, height: box.height};
            })""",
        )


@dataclass
class Lab:
    """A running JupyterLab or Notebook, and the browser that looks at it.

    Attributes:
        browser: where pages are opened.
        server: where they come from.
        place: of a notebook's page on the server, with a word for who opens it and the file's name.
    """

    browser: Browser
    server: Server
    place: str = "lab/workspaces/{opening}/tree/{name}"

    @property
    def folder(self) -> Path:
        """Where notebooks lie, and their kernels work."""
        return self.server.folder

    def run(self, notebook: Path, *, limit_seconds: int = 240) -> OpenNotebook:
        """Open a copy of `notebook`, run all cells, and save a picture of it in out/browser."""
        shutil.copy(notebook, self.folder / notebook.name)
        page = self.browser.new_page(viewport={"width": 1300, "height": 900})
        console_errors: list[str] = []
        page.on("pageerror", lambda error: console_errors.append(str(error)))
        page.on("console", lambda m: console_errors.append(m.text) if m.type == "error" else None)
        place = self.place.format(opening=secrets.token_hex(4), name=notebook.name)
        address = f"{self.server.url}{place}?token={self.server.token}"
        page.goto(address, wait_until="domcontentloaded")
        page.wait_for_function(KERNEL_IS_UP, timeout=90_000)
        page.evaluate(RUN_ALL, limit_seconds * 1000)
        page.wait_for_function(KERNEL_IS_UP, timeout=60_000)
        height = page.evaluate(NOTEBOOK_HEIGHT)
        page.set_viewport_size({"width": 1300, "height": min(16_000, max(900, height + 200))})
        page.evaluate(TO_THE_TOP)
        opened = OpenNotebook(page, page.evaluate(CELLS), console_errors)
        opened.keep_picture(notebook.stem)
        return opened


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(),
            args=[*CHROMIUM_FLAGS, FAKE_CAMERA.format(30)],
            headless=True,
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on a port that the system chose, with a token, and settings of its own."""
    home = tmp_path_factory.mktemp("jupyter")
    with run_server(home, "jupyterlab", "--expose-app-in-browser") as server:
        yield Lab(browser, server)


@pytest.fixture
def perfetto(browser: Browser, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens a trace in Perfetto's web interface, and answers what asks its importer in SQL."""
    site = tmp_path / "site"
    site.mkdir()
    with perfetto_in(browser, site) as open_trace:
        yield open_trace
