"""The graph of a pipeline says what runs, what it costs, and what is passed by."""

import pytest
import torch

from toolkit import Frame, Pipeline
from toolkit.graph import GraphError
from toolkit.profiling import profile
from toolkit.stages import blur, corners, edges, gray, motion, overlay, rgb, sobel
from widgets import Graph


@pytest.fixture
def pipeline():
    return Pipeline([rgb, gray, blur, sobel, edges, corners, overlay], name="tour")


def box(graph, stage):
    """The SVG of one stage's box."""
    after = graph.picture.partition(f'data-stage="{stage}"')[2]
    return after.partition("</g>")[0]


def look(graph):
    """What the page does four times a second."""
    sent = []
    graph.send = sent.append
    graph._asked(graph, {"t": "look"}, [])
    return sent


def test_each_stage_shows_its_cost_once_it_has_run(pipeline):
    graph = Graph(pipeline)
    assert "not run yet" in box(graph, "edges")
    pipeline.bind(Frame.from_image(torch.rand(3, 24, 32)))["edges"]
    assert look(graph) == [{"t": "looked"}]
    assert " ms" in box(graph, "edges")
    assert "not run yet" in box(graph, "overlay")


def test_bytes_come_from_a_session_that_listens(pipeline):
    with profile() as session:
        graph = Graph(pipeline, session=session)
        for frame in pipeline.run([Frame.from_image(torch.rand(3, 24, 32))]):
            frame["gray"]
        graph.refresh()
    assert " kB" in box(graph, "gray")
    assert "kB" not in box(graph, "edges")


def test_a_picture_that_did_not_change_is_not_sent_again(pipeline):
    graph = Graph(pipeline)
    changes = []
    graph.observe(changes.append, "picture")
    look(graph)
    look(graph)
    assert changes == []


def test_what_does_not_run_for_what_is_wanted_says_so_in_words(pipeline):
    graph = Graph(pipeline, want=["edges"])
    assert "not needed" in box(graph, "overlay")
    assert "not needed" not in box(graph, "sobel")
    graph.want = ("overlay",)
    assert "not needed" not in box(graph, "overlay")
    with pytest.raises(GraphError, match="no stage provides 'pose'"):
        Graph(pipeline, want=["pose"])


def test_a_bypass_shows_with_what_it_makes_needless(pipeline):
    graph = Graph(pipeline)
    pipeline.bypass("overlay")
    look(graph)
    assert "bypassed: gives rgb" in box(graph, "overlay")
    assert "dh-past" in box(graph, "overlay")
    assert "not needed" in box(graph, "corners")
    assert "not needed" not in box(graph, "rgb")


def test_a_stage_that_looks_back_runs_whether_asked_for_or_not():
    graph = Graph(Pipeline([gray, blur, motion]), want=["blur"])
    assert "not needed" not in box(graph, "motion")


def test_what_is_attached_to_a_frame_is_ticked(pipeline):
    graph = Graph(pipeline)
    seen = pipeline.bind(Frame.from_image(torch.rand(3, 24, 32)))
    seen["blur"]
    graph.look_at(seen)
    assert ", attached" in box(graph, "blur")
    assert "attached" not in box(graph, "edges")


def test_the_chosen_stage_is_a_trait_that_others_follow(pipeline):
    graph = Graph(pipeline)
    assert graph.traits(sync=True).keys() >= {"selected", "picture"}
    graph.selected = "blur"


def test_without_a_kernel_there_is_a_list_and_a_picture_the_same_in_every_run(pipeline):
    pipeline.bypass("blur")
    first = Graph(pipeline)._repr_mimebundle_()[0]
    pipeline.bind(Frame.from_image(torch.rand(3, 24, 32)))["edges"]
    second = Graph(pipeline)._repr_mimebundle_()[0]
    assert "blur from gray (bypassed: gives gray)" in first["text/plain"]
    assert first["text/plain"] == second["text/plain"]
    assert first["image/svg+xml"] == second["image/svg+xml"]
    assert "<svg" in first["image/svg+xml"]
