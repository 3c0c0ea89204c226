"""How does a benchmark get a JupyterLab and a browser, and give them back? By `open_lab`.

Both are new, in folders of their own, and the page's fake camera gives 60 pictures a second. What
was started ends with the block, on Ctrl-C too: the server, its kernels, the browser, its driver.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import nbformat
import psutil
from nbformat import v4
from playwright.sync_api import Page, sync_playwright

from toolkit.demos.machine import GET_CHROMIUM, find_chromium

ROOT = Path(__file__).resolve().parents[2]
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream=fps=60",
    "--use-fake-ui-for-media-stream",
]
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none", "kernelShutdown": True},
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
}
KERNEL_IS_UP = """() => {
    const panel = window.jupyterapp?.shell.currentWidget;
    return panel?.content?.model && panel.sessionContext?.session?.kernel?.status === "idle";
}"""
RUN_CELL = """async (source) => {
    const {content} = window.jupyterapp.shell.currentWidget;
    content.activeCellIndex = 0;
    content.activeCell.model.sharedModel.setSource(source);
    await window.jupyterapp.commands.execute("notebook:run-cell");
    const outputs = content.model.toJSON().cells[0].outputs;
    const fault = outputs.find((output) => output.output_type === "error");
    return fault ? `${fault.ename}: ${fault.evalue}` : "";
}"""
IN_KERNEL = """async (code) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const asked = kernel.requestExecute({code, store_history: false});
    let text = "", fault = "";
    asked.onIOPub = ({header, content}) => {
        if (header.msg_type === "stream" && content.name === "stdout") text += content.text;
        if (header.msg_type === "error") fault = `${content.ename}: ${content.evalue}`;
    };
    await asked.done;
    return [text, fault];
}"""
START_IN_KERNEL = """(code) => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    window.isRunning = true;
    kernel.requestExecute({code, store_history: false}).done.then(
        () => { window.isRunning = false; });
}"""
PATIENCE_MS = 60_000


@dataclass
class Lab:
    """A page with a notebook of one cell, and its kernel."""

    page: Page

    def run_cell(self, source: str) -> None:
        """Put `source` into the cell and run it, as a person does."""
        _raise(self.page.evaluate(RUN_CELL, source), source)

    def run(self, code: str) -> str:
        """What `code` prints when the kernel runs it."""
        text, fault = self.page.evaluate(IN_KERNEL, code)
        _raise(fault, code)
        return text

    def start(self, code: str) -> None:
        """Let the kernel run `code`, and do not wait: `wait_until_idle` does."""
        self.page.evaluate(START_IN_KERNEL, code)

    def wait_until_idle(self) -> None:
        """Wait for what `start` has started."""
        self.wait_for("() => !window.isRunning")

    def wait_for(self, expression: str, argument: object = None) -> None:
        """Wait until an expression of the page is true."""
        self.page.wait_for_function(expression, arg=argument, timeout=PATIENCE_MS)


@contextmanager
def open_lab(*, width: int = 1900, height: int = 1100) -> Iterator[Lab]:
    """A notebook in a real JupyterLab in a real Chromium, with a window of this size, px."""
    before = {one.pid for one in psutil.Process().children(recursive=True)}
    terminated = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            try:
                address = _start_server(Path(folder))
                say("JupyterLab runs")
                yield from _show(address, width, height)
            finally:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
                interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)
                _end([one for one in psutil.Process().children(True) if one.pid not in before])
                signal.signal(signal.SIGINT, interrupted)
    finally:
        signal.signal(signal.SIGTERM, terminated)


def versions() -> dict[str, str]:
    """Of what a result depends on, beside torch."""
    found = {name: version(name) for name in ("ipykernel", "jupyterlab", "ipywidgets")}
    chromium = find_chromium()
    if chromium is not None:
        told = subprocess.run([chromium, "--version"], capture_output=True, text=True, check=False)
        found["chromium"] = told.stdout.strip().split("\n")[0]
    return found


def say(text: str) -> None:
    """Progress, for who waits."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)  # noqa: T201


def _show(address: str, width: int, height: int) -> Iterator[Lab]:
    """The page. Its browser is closed in order, unless somebody pressed Ctrl-C."""
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit(f"no Chromium found: {GET_CHROMIUM}")
    playwright = sync_playwright().start()
    try:
        browser = playwright.chromium.launch(
            executable_path=chromium, args=FLAGS, headless=True, handle_sigint=False
        )
        page = browser.new_page(viewport={"width": width, "height": height})
        page.goto(address, wait_until="domcontentloaded")
        page.wait_for_function(KERNEL_IS_UP, timeout=120_000)
        say("the notebook is open")
        yield Lab(page)
    except Exception:
        playwright.stop()
        raise
    browser.close()
    playwright.stop()


def _start_server(folder: Path) -> str:
    """Start JupyterLab; the address of the notebook, once it answers."""
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = v4.new_notebook(cells=[v4.new_code_cell()], metadata={"kernelspec": kernel})
    (folder / "notebooks").mkdir()
    nbformat.write(notebook, folder / "notebooks" / "bench.ipynb")
    for name, values in SETTINGS.items():
        path = folder / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    token = secrets.token_hex(16)
    command = [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"),
        *("--ip=127.0.0.1", "--port=0", "--expose-app-in-browser"),
        *(f"--IdentityProvider.token={token}", f"--ServerApp.root_dir={folder / 'notebooks'}"),
    ]
    environment = os.environ | {
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_RUNTIME_DIR": str(folder / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / "workspaces"),
        "IPYTHONDIR": str(folder / "ipython"),
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": "1",
    }
    log = folder / "server.log"
    with log.open("w") as written:
        server = subprocess.Popen(
            command, env=environment, stdout=written, stderr=written, start_new_session=True
        )
    told = folder / "runtime" / f"jpserver-{server.pid}.json"
    for _ in range(600):
        with suppress(OSError, json.JSONDecodeError):
            url = json.loads(told.read_text())["url"]
            return f"{url}lab/tree/bench.ipynb?token={token}"
        if server.poll() is not None:
            break
        time.sleep(0.2)
    raise RuntimeError(f"JupyterLab did not start:\n{log.read_text()[-3000:]}")


def _end(processes: list[psutil.Process]) -> None:
    """Ask those that still run to end, and end them where they do not."""
    for act in (psutil.Process.terminate, psutil.Process.kill):
        for one in processes:
            with suppress(psutil.NoSuchProcess):
                act(one)
        _, processes = psutil.wait_procs(processes, timeout=8)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def _raise(fault: str, code: str) -> None:
    if fault:
        raise RuntimeError(f"{fault}\nin\n{code}")
