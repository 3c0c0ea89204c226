"""Levels: which frame is looked at how closely, and what is changed while a pipeline runs."""

import json

import pytest
import torch

from toolkit import hooks
from toolkit.pipeline import Pipeline
from toolkit.profiling import Session, every, profile
from toolkit.profiling.levels import LEVELS, Plan, check_level, higher
from toolkit.ring import FrameRing
from toolkit.stages.declare import Pointwise, stage

pytestmark = pytest.mark.usefixtures("each_way_of_counting")


@stage("doubled", footprint=Pointwise())
def doubled(pixels):
    """Takes memory once on every frame."""
    return pixels + pixels


@pytest.fixture
def frames():
    """Frames of a small ring, as a generator of so many."""
    ring = FrameRing(4, width=8, height=8, pixel_format="gray")
    picture = torch.zeros(1, 8, 8, dtype=torch.uint8)

    def play(count):
        for index in range(count):
            with ring.copy_in(picture, pts_seconds=index / 30) as frame:
                yield frame

    return play


def levels_of(session):
    """The level of each frame, in order."""
    return [frame.level for frame in session.frames]


def test_every_thirtieth_frame_is_looked_at_line_by_line(frames):
    pipeline = Pipeline([doubled])
    with profile(detail=every(30, "lines")) as session:
        for frame in pipeline.run(frames(61), want=("doubled",)):
            frame["doubled"]
    assert session.levels == {"lines": 3, "counts": 58}
    assert [at for at, level in enumerate(levels_of(session)) if level == "lines"] == [0, 30, 60]
    assert session.lines().frames == 3


def test_a_look_asked_for_in_the_midst_holds_for_the_next_frame_alone(frames):
    pipeline = Pipeline([doubled])
    with profile() as session:
        for frame in pipeline.run(frames(5), want=("doubled",)):
            frame["doubled"]
            if frame.index == 1:
                session.look()
    assert levels_of(session) == ["counts", "counts", "exact", "counts", "counts"]
    assert session.bill().stage("doubled").total.allocations == 5
    assert sum(row.counts.allocations for row in session.lines() if row.stage == "doubled") == 1


def test_a_level_set_in_the_midst_holds_from_the_next_frame_on(frames):
    pipeline = Pipeline([doubled])
    with profile() as session:
        for frame in pipeline.run(frames(6), want=("doubled",)):
            frame["doubled"]
            if frame.index in (1, 3):
                session.set_level("lines" if frame.index == 1 else "counts")
    assert levels_of(session) == ["counts", "counts", "lines", "lines", "counts", "counts"]
    assert session.level == "lines"


def test_a_look_does_not_take_detail_away(frames):
    pipeline = Pipeline([doubled])
    with profile(level="exact") as session:
        for frame in pipeline.run(frames(3), want=("doubled",)):
            session.look(level="lines")
            frame["doubled"]
    assert levels_of(session) == ["exact"] * 3


def test_a_look_at_several_steps_begins_with_the_next_one_and_is_used_up():
    with profile() as session:
        for index in range(5):
            torch.ones(2)
            if index == 0:
                session.look(frames=2, level="lines")
            session.step()
    assert levels_of(session) == ["counts", "lines", "lines", "counts", "counts"]


@pytest.mark.parametrize("source", ["nothing", "a named frame"])
def test_a_step_counts_once_even_if_its_source_names_the_frame(source):
    with profile(detail=every(3, "exact")) as session:
        for index in range(6):
            with hooks.scope("decode", index if source == "a named frame" else -1):
                torch.ones(2)
            torch.ones(2)
            session.step()
    assert levels_of(session) == ["exact", "counts", "counts"] * 2


@pytest.mark.parametrize("indices", [[0, 1, 2] * 2, [7, 8, 9] * 2, [7] * 6])
def test_a_source_that_begins_anew_is_looked_at_as_its_frames_are(indices):
    with profile(detail=every(2)) as steps:
        for index in indices:
            with hooks.scope("decode", index):
                torch.ones(2)
            steps.step()
    with profile(detail=every(2)) as begun:
        for index in indices:
            with hooks.scope("decode", index):
                torch.ones(2)
            hooks.frame_begin(index)
            hooks.frame_end(index)
    for session in (steps, begun):
        assert levels_of(session) == ["lines", "counts"] * 3
        assert [row.counts.allocations for row in session.lines()] == [3]


def test_all_levels_count_the_same(frames):
    pipeline = Pipeline([doubled])
    totals = []
    for level in LEVELS:
        with profile(level=level) as session:
            for frame in pipeline.run(frames(3), want=("doubled",)):
                frame["doubled"]
        total = session.bill().stage("doubled").total
        totals.append((total.allocations, total.allocated_bytes, total.calls))
    assert totals == [(3, 192, 3)] * 3


def test_steps_of_a_plain_loop_have_levels_too():
    with profile(detail=every(2, "exact")) as session:
        for _ in range(4):
            torch.ones(2)
            session.step()
    assert levels_of(session) == ["exact", "counts", "exact", "counts"]


def test_a_frame_keeps_its_level_from_beginning_to_end():
    with profile() as session:
        hooks.frame_begin(0)
        with hooks.scope("early", 0):
            torch.ones(2)
        session.set_level("exact")
        with hooks.scope("late", 0):
            torch.ones(2)
        hooks.frame_end(0)
        hooks.frame_begin(1)
        with hooks.scope("late", 1):
            torch.ones(2)
        hooks.frame_end(1)
    assert levels_of(session) == ["counts", "exact"]
    assert [row.counts.allocations for row in session.lines() if row.stage == "late"] == [1]


# -- the plan --------------------------------------------------------------------------------------


def test_the_closest_level_wins():
    assert higher("counts", "lines") == "lines"
    assert higher("exact", "lines") == "exact"
    plan = Plan("lines", every(2, "exact"))
    plan.look(2, "counts")
    assert [plan.level_of(index) for index in range(3)] == ["exact", "lines", "exact"]


def test_the_level_of_a_frame_is_settled_when_it_is_first_asked_for():
    plan = Plan("counts")
    assert plan.level_of(0) == "counts"
    plan.base = "exact"
    assert plan.level_of(0) == "counts"
    assert plan.level_of(1) == "exact"


def test_what_has_no_frame_yet_is_looked_at_as_the_next_frame_will_be():
    plan = Plan("counts", every(2, "lines"))
    assert plan.level_of(-1) == "lines"
    plan.level_of(0)
    plan.end_frame(0)
    assert plan.level_of(-1) == "counts"


def test_a_frame_that_is_done_is_forgotten():
    plan = Plan("counts")
    for index in range(1000):
        plan.level_of(index)
        plan.end_frame(index)
    assert plan._given == {}


def test_every_frame_means_each():
    assert [every(1, "exact")(number) for number in range(3)] == ["exact"] * 3
    assert [every(2)(number) for number in range(3)] == ["lines", "", "lines"]


# -- errors ----------------------------------------------------------------------------------------


def test_a_level_that_does_not_exist_is_refused_with_those_that_do():
    for refuse in (check_level, Plan, lambda level: every(3, level), lambda level: profile(level)):
        with pytest.raises(
            ValueError, match=r"'line' does not exist; there is 'counts', 'lines', 'exact'"
        ):
            refuse("line")


def test_no_frame_in_none_is_refused():
    with pytest.raises(ValueError, match=r"every\(0\) frames is none"):
        every(0)


def test_a_closed_session_has_its_levels_already():
    with profile() as session:
        pass
    for change in (session.look, lambda: session.set_level("exact")):
        with pytest.raises(RuntimeError, match="has its levels already"):
            change()


def test_an_open_session_refuses_an_unknown_level():
    with profile() as session:
        for change in (lambda: session.look(level="all"), lambda: session.set_level("all")):
            with pytest.raises(ValueError, match="'all' does not exist"):
                change()


# -- to JSON and back ------------------------------------------------------------------------------


def test_levels_and_lines_are_saved_and_loaded(tmp_path):
    with profile(detail=every(2, "exact"), keep="all") as session:
        for _ in range(4):
            torch.ones(2).clone()
            session.step()
    session.save(tmp_path / "session.json")
    loaded = Session.load(tmp_path / "session.json")
    assert loaded.levels == {"exact": 2, "counts": 2}
    assert loaded.lines().records() == session.lines().records() != []
    assert loaded.bill().notes == session.bill().notes
    assert levels_of(loaded) == levels_of(session)


def test_a_session_of_the_first_version_still_loads(session, tmp_path):
    document = session.to_dict() | {"version": 1}
    del document["lines"], document["levels"]
    for frame in document["frames"]:
        del frame["level"]
    old = tmp_path / "old.json"
    old.write_text(json.dumps(document))
    loaded = Session.load(old)
    assert loaded.levels == {"counts": 3}
    assert len(loaded.lines()) == 0
    assert loaded.lines().attributed_share == 1.0
    assert loaded.bill().stage("double").total.allocations == 3
