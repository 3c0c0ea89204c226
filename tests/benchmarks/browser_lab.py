"""How does a benchmark get a JupyterLab and a browser, and give them back? By `open_lab`.

Both are new, in folders of their own, and the page's fake camera gives 60 pictures a second. What
was started ends with the block, on Ctrl-C too: the server, its kernels, the browser, its driver.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import sync_playwright

from tests.browser.jupyter import (
    CHROMIUM_FLAGS,
    FAKE_CAMERA,
    KERNEL_IS_UP,
    NotebookPage,
    Server,
    run_server,
    write_notebook,
)
from toolkit.demos.machine import GET_CHROMIUM, find_chromium


@contextmanager
def open_lab(*, width: int = 1900, height: int = 1100) -> Iterator[NotebookPage]:
    """A notebook in a real JupyterLab in a real Chromium, with a window of this size, px."""
    before = {one.pid for one in psutil.Process().children(recursive=True)}
    terminated = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            try:
                with run_server(Path(folder), "jupyterlab", "--expose-app-in-browser") as server:
                    say("JupyterLab runs")
                    write_notebook(server.folder / "bench.ipynb", "")
                    yield from _show(server, width, height)
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


def _show(server: Server, width: int, height: int) -> Iterator[NotebookPage]:
    """The page. Its browser is closed in order, unless somebody pressed Ctrl-C."""
    chromium = find_chromium()
    if chromium is None:
        raise SystemExit(f"no Chromium found: {GET_CHROMIUM}")
    playwright = sync_playwright().start()
    try:
        browser = playwright.chromium.launch(
            executable_path=chromium,
            args=[*CHROMIUM_FLAGS, FAKE_CAMERA.format(60)],
            headless=True,
            handle_sigint=False,
        )
        page = browser.new_page(viewport={"width": width, "height": height})
        address = f"{server.url}lab/tree/bench.ipynb?token={server.token}"
        page.goto(address, wait_until="domcontentloaded")
        page.wait_for_function(KERNEL_IS_UP, timeout=120_000)
        say("the notebook is open")
        yield NotebookPage(page)
    except Exception:
        playwright.stop()
        raise
    browser.close()
    playwright.stop()


def _end(processes: list[psutil.Process]) -> None:
    """Ask those that still run to end, and end them where they do not."""
    for act in (psutil.Process.terminate, psutil.Process.kill):
        for one in processes:
            with suppress(psutil.NoSuchProcess):
                act(one)
        _, processes = psutil.wait_procs(processes, timeout=8)


def _interrupt(*_: Any) -> None:
    raise KeyboardInterrupt
