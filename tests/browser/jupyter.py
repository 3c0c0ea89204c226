"""How do tests and benchmarks get a Jupyter server, a browser and a notebook? All three from here.

The server is a process of its own with folders of its own, the browser has no window and a camera
that is drawn, and what is done in the notebook's page is done the way a person does it.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
from nbformat import v4

if TYPE_CHECKING:
    from playwright.sync_api import Page

ARTIFACTS = Path(__file__).resolve().parents[2] / "out" / "browser"
PATIENCE_SECONDS = 90
CHROMIUM_FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-ui-for-media-stream",
]
FAKE_CAMERA = "--use-fake-device-for-media-stream=fps={}"
# All cells stay in the page, so that what scrolled out of sight can be looked at too.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none", "kernelShutdown": True},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
# The notebook of the page, whichever tab is in front.
PANEL = """[...(window.jupyterapp?.shell.widgets("main") ?? [])].find(
    (one) => one.content?.model?.cells && one.sessionContext)"""
KERNEL_IS_UP = f'() => ({PANEL})?.sessionContext.session?.kernel?.status === "idle"'
RUN_CELL = f"""async (source) => {{
    const {{content}} = {PANEL};
    content.activeCellIndex = content.widgets.length - 1;
    content.activeCell.model.sharedModel.setSource(source);
    await window.jupyterapp.commands.execute("notebook:run-cell");
    const fault = content.activeCell.model.toJSON().outputs.find(
        (output) => output.output_type === "error");
    return fault ? `${{fault.ename}}: ${{fault.evalue}}` : "";
}}"""
IN_KERNEL = f"""async (code) => {{
    const {{kernel}} = ({PANEL}).sessionContext.session;
    const asked = kernel.requestExecute({{code, store_history: false}});
    let text = "", fault = "";
    asked.onIOPub = ({{header, content}}) => {{
        if (header.msg_type === "stream" && content.name === "stdout") text += content.text;
        if (header.msg_type === "error") fault = `${{content.ename}}: ${{content.evalue}}`;
    }};
    await asked.done;
    return [text, fault];
}}"""
START_IN_KERNEL = f"""(code) => {{
    const {{kernel}} = ({PANEL}).sessionContext.session;
    window.isRunning = true;
    kernel.requestExecute({{code, store_history: false}}).done.then(
        () => {{ window.isRunning = false; }});
}}"""
CHANGE_THEME = '(theme) => window.jupyterapp.commands.execute("apputils:change-theme", {theme})'
HAS_THEME = """(theme) => document.body.dataset.jpThemeName === theme &&
    !document.querySelector("#jupyterlab-splash")"""


@dataclass(frozen=True)
class Server:
    """A Jupyter server that listens on loopback.

    Attributes:
        url: of its pages, with a slash at the end.
        port: where it listens.
        token: that it asks for.
        folder: where its notebooks are.
    """

    url: str
    port: int
    token: str
    folder: Path


@contextmanager
def run_server(home: Path, application: str, *options: str) -> Iterator[Server]:
    """Run `python -m application` with all that it writes below `home`, on a port that is free."""
    folder = home / "notebooks"
    folder.mkdir()
    for name, values in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    token = secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", application, "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", "--port=0", f"--IdentityProvider.token={token}"),
        *(f"--ServerApp.root_dir={folder}", *options),
    ]
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    with (home / "server.log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        told = _wait_until_told(process, home)
        yield Server(told["url"], told["port"], token, folder)
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        process.kill()
        process.wait()


def _wait_until_told(process: subprocess.Popen[bytes], home: Path) -> dict[str, Any]:
    """What stands in the file that the server writes when it listens."""
    written = home / "runtime" / f"jpserver-{process.pid}.json"
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        with suppress(OSError, json.JSONDecodeError):
            return json.loads(written.read_text())
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
            break
    raise RuntimeError(f"no server came up:\n{(home / 'server.log').read_text()[-3000:]}")


def write_notebook(path: Path, *sources: str) -> Path:
    """A notebook file with one code cell for each source."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    cells = [v4.new_code_cell(text) for text in sources]
    nbformat.write(v4.new_notebook(cells=cells, metadata={"kernelspec": kernel}), path)
    return path


@dataclass
class NotebookPage:
    """A page with one notebook, and its kernel."""

    page: Page

    def run_cell(self, source: str) -> None:
        """Put `source` into the last cell and run it, as a person does."""
        _raise(self.page.evaluate(RUN_CELL, source), source)

    def run(self, code: str) -> str:
        """What `code` prints when the kernel runs it, outside of any cell."""
        text, fault = self.page.evaluate(IN_KERNEL, code)
        _raise(fault, code)
        return text

    def start(self, code: str) -> None:
        """Let the kernel run `code`, and do not wait: `wait_until_idle` does."""
        self.page.evaluate(START_IN_KERNEL, code)

    def is_running(self) -> bool:
        """Whether what `start` has started still runs."""
        return self.page.evaluate("() => window.isRunning")

    def wait_until_idle(self) -> None:
        """Wait for what `start` has started."""
        self.wait_for("() => !window.isRunning")

    def wait_for(self, expression: str, argument: object = None) -> None:
        """Wait until an expression of the page is true."""
        self.page.wait_for_function(expression, arg=argument, timeout=60_000)

    def change_theme(self, theme: str) -> None:
        """Have the whole page in this theme. It is a setting, which the next page has, too."""
        self.page.evaluate(CHANGE_THEME, theme)
        self.page.wait_for_function(HAS_THEME, arg=theme)

    def keep_picture(self, name: str) -> None:
        """Keep a picture of what is seen of the page."""
        ARTIFACTS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png")


def _raise(fault: str, code: str) -> None:
    if fault:
        raise RuntimeError(f"{fault}\nin\n{code}")
