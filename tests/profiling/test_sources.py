"""Chains of lines: from the call into torch down to the user's own line."""

import sys
import sysconfig
import threading
from contextvars import copy_context
from pathlib import Path
from textwrap import dedent

import kornia
import pytest
import torch

import toolkit
from toolkit import hooks
from toolkit.pipeline import Pipeline
from toolkit.profiling import profile, sources
from toolkit.ring import FrameRing
from toolkit.stages import blur, gray, rgb
from toolkit.stages.declare import Pointwise, stage

LEVELS = ("lines", "exact")


def rows_of(session):
    """Rows that allocated."""
    return [row for row in session.lines() if row.counts.allocations]


def made_in(folder, name, text):
    """A function `work` that seems to come from a file of a folder."""
    space = {"torch": torch, "sources": sources, "hooks": hooks}
    exec(compile(dedent(text), str(Path(folder) / name), "exec"), space)
    return space["work"]


@pytest.mark.parametrize("level", LEVELS)
def test_a_chain_runs_from_the_library_s_line_to_the_user_s(level):
    picture = torch.rand(1, 3, 8, 8)

    def mine():
        return kornia.filters.sobel(picture)

    mine()
    with profile(level=level) as session:
        mine()
    rows = rows_of(session)
    assert rows
    for row in rows:
        assert row.line.startswith("kornia/")
        assert row.user_line.split(" ")[1] == "mine"
        assert "torch/" not in row.source
    assert any(len(row.chain) > 2 for row in rows)


@pytest.mark.parametrize("level", LEVELS)
def test_modules_of_torch_are_left_out_and_the_line_that_calls_them_is_named(level):
    module = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU())
    picture = torch.rand(1, 1, 8, 8)
    with profile(level=level) as session:
        module(picture)
    assert {len(row.chain) for row in rows_of(session)} == {1}
    assert {row.line.rpartition("/")[2].split(":")[0] for row in rows_of(session)} == {
        "test_sources.py"
    }


@pytest.mark.parametrize("level", LEVELS)
def test_of_the_toolkit_s_own_lines_those_of_stages_are_kept(level):
    pipeline = Pipeline([rgb, gray, blur])
    ring = FrameRing(4, width=32, height=32, pixel_format="i420")
    picture = torch.zeros(ring.spec.slot_shape, dtype=torch.uint8)

    def mine():
        with ring.copy_in(picture, pts_seconds=0.0) as frame:
            for each in pipeline.run([frame], want=("rgb", "blur")):
                each["blur"]

    with profile(level=level) as session:
        mine()
    rows = [row for row in rows_of(session) if row.stage in ("rgb", "gray", "blur")]
    assert {row.stage for row in rows} == {"rgb", "gray", "blur"}
    for row in rows:
        assert row.user_line.split(" ")[1] == "mine"
        assert row.chain[-2].startswith("toolkit/stages/")
        assert all(line.startswith(("toolkit/stages/", "kornia/")) for line in row.chain[:-1])


def test_a_user_s_own_stage_is_the_user_s_line():
    @stage("mine", footprint=Pointwise())
    def mine(pixels):
        return pixels + pixels

    ring = FrameRing(2, width=8, height=8, pixel_format="gray")
    with (
        profile(level="exact") as session,
        ring.copy_in(torch.zeros(1, 8, 8, dtype=torch.uint8), pts_seconds=0.0) as frame,
    ):
        for each in Pipeline([mine]).run([frame], want=("mine",)):
            each["mine"]
    (row,) = [row for row in session.lines() if row.stage == "mine"]
    assert len(row.chain) == 1
    assert row.user_line.split(" ")[1] == "mine"


@pytest.mark.parametrize("level", LEVELS)
def test_work_that_a_session_was_carried_to_is_named_where_its_thread_does_it(level):
    def work():
        with hooks.scope("reading", 0):
            torch.ones(4)

    with profile(level=level) as session:
        thread = threading.Thread(target=copy_context().run, args=(work,))
        thread.start()
        thread.join()
    (row,) = [row for row in session.lines() if row.stage == "reading"]
    assert (row.counts.allocations, row.user_line.split(" ")[1]) == (1, "work")


@pytest.mark.parametrize("level", LEVELS)
def test_a_thread_of_the_toolkit_s_own_is_named_by_its_innermost_line(level):
    work = made_in(
        Path(toolkit.__file__).parent / "media",
        "pretend.py",
        """
        def inner():
            return torch.ones(4)

        def work():
            with hooks.scope("reading", 0):
                inner()
        """,
    )
    with profile(level=level) as session:
        thread = threading.Thread(target=copy_context().run, args=(work,))
        thread.start()
        thread.join()
    (row,) = [row for row in session.lines() if row.stage == "reading"]
    assert row.source == "toolkit/media/pretend.py:3 inner"


@pytest.mark.parametrize("level", LEVELS)
def test_a_thread_without_the_session_is_said_to_be_missing(level):
    with profile(level=level) as session:
        thread = threading.Thread(target=torch.ones, args=(4,))
        thread.start()
        thread.join()
    assert rows_of(session) == []
    assert any("threads that no session was carried to" in note for note in session.bill().notes)


def test_two_lines_have_two_rows_and_one_line_in_a_loop_has_one():
    with profile(level="lines") as session:
        for _ in range(3):
            torch.ones(4)
        torch.ones(4)
    assert sorted(row.counts.allocations for row in rows_of(session)) == [1, 3]


# -- marks -----------------------------------------------------------------------------------------

CALLS = """
def work(depth):
    return work(depth - 1) if depth else sources.chain()
"""


def test_the_same_place_has_the_same_mark():
    def at(op):
        return sources.mark(op, sys._getframe())

    first, second, other = [at(op) for op in ("aten::add", "aten::add", "aten::mul")]
    assert first == second != other
    assert sources.call(first).op == "aten::add"
    assert sources.call(first).source.endswith(" at")
    assert sources.call("aten::add") is None


def test_a_call_that_is_looked_into_says_so_in_its_mark():
    name = sources.mark("aten::sort", sys._getframe(), is_looked_into=True)
    assert name.endswith(sources.LOOKED_INTO)


def test_a_chain_that_is_too_deep_is_cut_before_the_users_line():
    work = made_in(sysconfig.get_path("purelib"), "deep/deep.py", CALLS)
    source = work(50)
    lines = source.split(sources.SEPARATOR)
    assert len(lines) == sources.DEEPEST
    assert set(lines[:-1]) == {"deep/deep.py:3 work"}
    assert lines[-1].endswith("test_a_chain_that_is_too_deep_is_cut_before_the_users_line")


def test_lines_of_the_standard_library_are_left_out():
    inner = made_in(sysconfig.get_path("purelib"), "lib.py", "def work():\n    return go()")
    between = made_in(sysconfig.get_path("stdlib"), "std.py", "def work():\n    return go()")
    inner.__globals__["go"] = sources.chain
    between.__globals__["go"] = inner
    lines = between().split(sources.SEPARATOR)
    assert lines[0] == "lib.py:2 work"
    assert lines[-1].endswith("test_lines_of_the_standard_library_are_left_out")
    assert len(lines) == 2


def test_code_that_a_notebook_makes_anew_is_forgotten_and_still_named_right(monkeypatch):
    monkeypatch.setattr(sources, "REMEMBERED", 5)
    for number in range(20):
        name = f"cell_{number}"
        space = {"torch": torch}
        exec(compile(f"def {name}():\n    return torch.ones(4)", f"<{name}>", "exec"), space)
        with profile(level="lines") as session:
            space[name]()
        (row,) = rows_of(session)
        assert row.line == f"<{name}>:2 {name}"
    assert len(sources._kept) < 20
