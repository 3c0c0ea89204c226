"""The order of stages, and errors that name what does not fit."""

import pytest

from toolkit.graph import Graph, GraphError
from toolkit.stages.declare import Pointwise, stage


def make(name, *inputs, provides=()):
    """A stage with these inputs, which does nothing."""
    arguments = ", ".join(inputs)
    apply = eval(f"lambda {arguments}: None")
    first = (lambda *_: None) if any(one.startswith("prev_") for one in inputs) else None
    return stage(name, footprint=Pointwise(), provides=provides, first=first)(apply)


def names(stages):
    return [one.name for one in stages]


def test_stages_are_sorted_by_what_they_require():
    graph = Graph.build([make("edges", "blur"), make("blur", "gray"), make("gray", "pixels")])
    assert names(graph.stages) == ["gray", "blur", "edges"]


def test_only_what_is_asked_for_is_needed():
    graph = Graph.build(
        [make("gray", "pixels"), make("blur", "gray"), make("rgb", "pixels"), make("warp", "rgb")]
    )
    assert names(graph.needed(["blur"])) == ["gray", "blur"]
    assert names(graph.needed(["pixels"])) == []
    with pytest.raises(GraphError, match=r"no stage provides 'pose'; there are gray, blur"):
        graph.needed(["pose"])


def test_a_missing_provider_is_named_with_the_stage_that_needs_it():
    with pytest.raises(GraphError, match=r"stage 'blur' requires 'gray'.*given=\('gray',\)"):
        Graph.build([make("blur", "gray")])
    assert names(Graph.build([make("blur", "gray")], given=["gray"]).stages) == ["blur"]
    with pytest.raises(GraphError, match=r"stage 'motion' requires 'gray'"):
        Graph.build([make("motion", "prev_gray")])


def test_a_cycle_is_named_stage_by_stage():
    with pytest.raises(GraphError, match=r"wait for each other: a -> b -> a; look back"):
        Graph.build([make("a", "b"), make("b", "a")])


def test_looking_back_at_oneself_is_no_cycle():
    assert names(Graph.build([make("tracks", "pixels", "prev_tracks")]).stages) == ["tracks"]


def test_a_name_is_provided_once():
    with pytest.raises(GraphError, match=r"two stages are called 'a'; rename one"):
        Graph.build([make("a", "pixels"), make("a", "pixels")])
    with pytest.raises(GraphError, match=r"'x' is provided by stage 'b' and by stage 'a'"):
        Graph.build([make("a", "pixels", provides=("x",)), make("b", "pixels", provides=("x",))])
    with pytest.raises(GraphError, match=r"'pixels' is provided by stage 'pixels' and by the fr"):
        Graph.build([make("pixels", "pixels")])
