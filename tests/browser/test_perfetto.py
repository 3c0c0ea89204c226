"""Does Perfetto take a trace whole? Its own importer says: no slice dropped, no error counted."""

import pytest
import torch

from tests.browser.perfetto import PROBLEMS
from toolkit import Pipeline, hooks, media
from toolkit.profiling import profile
from toolkit.stages import blur, gray

pytestmark = pytest.mark.browser


def test_every_slice_of_nested_stages_and_waits_arrives(perfetto):
    with profile("exact", keep="all") as session:
        for index in range(5):
            hooks.frame_begin(index)
            with hooks.scope("outer", index, "demo"):
                torch.ones(1000)
                with hooks.scope("inner", index, "demo"), hooks.timed("wait", op="lock"):
                    torch.ones(1000).clone()
            hooks.frame_end(index)
    events, ask = perfetto(session.export_chrome_trace)
    sent = sorted(event["name"] for event in events if event["ph"] == "X")
    assert sent.count("inner") == 5
    assert [name for (name,) in ask("select name from slice order by name")] == sent
    assert ask(PROBLEMS) == []


def test_every_slice_and_counter_of_a_real_pipeline_arrives(perfetto):
    pipeline = Pipeline([gray, blur])
    with profile(keep="all") as session, media.open(media.bundled_clip()) as video:
        for frame, _ in zip(pipeline.run(video), range(12), strict=False):
            frame["blur"]
    events, ask = perfetto(session.export_chrome_trace)
    sent = {phase: [one for one in events if one["ph"] == phase] for phase in "XC"}
    assert ask("select count(*) from slice") == [[len(sent["X"])]]
    assert ask("select count(*) from counter") == [[len(sent["C"])]]
    tracks = {name for (name,) in ask("select name from thread")}
    assert {one["args"]["name"] for one in events if one["name"] == "thread_name"} <= tracks
    assert ask(PROBLEMS) == []
