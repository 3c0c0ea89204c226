"""A real JupyterLab in a real Chromium: started once, on a free port, in a folder of its own."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from toolkit.demos.machine import find_chromium

ROOT = Path(__file__).resolve().parents[2]
ARTIFACTS = ROOT / "out" / "browser"
CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream=fps=30",
    "--use-fake-ui-for-media-stream",
]
# All cells stay in the page, so that what scrolled out of sight can be looked at too.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none", "kernelShutdown": True},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
KERNEL_IS_UP = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    return panel?.content?.model && panel.sessionContext?.session?.kernel?.status === "idle";
}"""
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
class OpenNotebook:
    """A notebook in the page, after all its cells have run."""

    page: Page
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
    """A running JupyterLab and the browser that looks at it."""

    browser: Browser
    url: str
    token: str
    folder: Path

    def run(self, notebook: Path, *, limit_seconds: int = 240) -> OpenNotebook:
        """Open a copy of `notebook`, run all cells, and save a picture of it in out/browser."""
        shutil.copy(notebook, self.folder / notebook.name)
        page = self.browser.new_page(viewport={"width": 1300, "height": 900})
        console_errors: list[str] = []
        page.on("pageerror", lambda error: console_errors.append(str(error)))
        page.on("console", lambda m: console_errors.append(m.text) if m.type == "error" else None)
        address = f"{self.url}lab/workspaces/{secrets.token_hex(4)}/tree/{notebook.name}"
        page.goto(f"{address}?token={self.token}", wait_until="domcontentloaded")
        page.wait_for_function(KERNEL_IS_UP, timeout=90_000)
        page.evaluate(RUN_ALL, limit_seconds * 1000)
        page.wait_for_function(KERNEL_IS_UP, timeout=60_000)
        height = page.evaluate(NOTEBOOK_HEIGHT)
        page.set_viewport_size({"width": 1300, "height": min(16_000, max(900, height + 200))})
        page.evaluate(TO_THE_TOP)
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=ARTIFACTS / f"{notebook.stem}.png")
        return OpenNotebook(page, page.evaluate(CELLS), console_errors)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium without a window."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=find_chromium(), args=CHROMIUM_FLAGS, headless=True
        )
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab on a port that the system chose, with a token, and settings of its own."""
    home = tmp_path_factory.mktemp("jupyter")
    folder = tmp_path_factory.mktemp("notebooks")
    for name, values in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    token = secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", "--port=0", "--expose-app-in-browser"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder}"),
    ]
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    with (home / "server.log").open("w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            yield Lab(browser, _wait_for_url(server, home), token, folder)
        finally:
            server.terminate()
            with suppress(subprocess.TimeoutExpired):
                server.wait(timeout=20)
            server.kill()
            server.wait()


def _wait_for_url(server: subprocess.Popen[bytes], home: Path) -> str:
    """The address in the file that the server writes when it listens."""
    written = home / "runtime" / f"jpserver-{server.pid}.json"
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        with suppress(OSError, json.JSONDecodeError):
            return json.loads(written.read_text())["url"]
        with suppress(subprocess.TimeoutExpired):
            server.wait(timeout=0.2)
            break
    pytest.fail(f"JupyterLab did not start:\n{(home / 'server.log').read_text()[-3000:]}")
