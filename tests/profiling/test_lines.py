"""Levels `lines` and `exact`: which operator, called from which line, took what."""

import pytest
import torch

from toolkit import hooks
from toolkit.demos import play
from toolkit.profiling import profile

pytestmark = pytest.mark.usefixtures("each_way_of_counting")

LEVELS = ("lines", "exact")


def row_of(session, op):
    """The one row of an operator."""
    (row,) = [one for one in session.lines() if one.op == op]
    return row


@pytest.mark.parametrize("level", LEVELS)
def test_a_line_is_billed_for_what_it_called(level):
    picture = torch.ones(2, 3)
    with profile(level=level) as session, hooks.scope("double", 0):
        picture + picture
    row = row_of(session, "aten::add")
    assert (row.stage, row.counts.allocations, row.counts.allocated_bytes) == ("double", 1, 24)
    name, _, function = row.user_line.partition(" ")
    assert name.rpartition(":")[0].endswith("test_lines.py")
    assert function == "test_a_line_is_billed_for_what_it_called"


@pytest.mark.parametrize("level", LEVELS)
def test_a_call_in_which_a_scope_begins_is_billed_to_its_end(level):
    def fill(_):
        with torch.profiler.record_function("mine"), hooks.scope("inner", 0):
            pass
        with torch._C.DisableTorchFunction():
            torch.ones(1000)
        return 0.0

    values = torch.ones(1)
    with profile(level=level) as session, hooks.scope("outer", 0):
        values.apply_(fill)
        with torch._C.DisableTorchFunction():
            torch.ones(7)
    lines = {row.counts.allocated_bytes: row.line for row in session.lines()}
    assert lines[4000].endswith(" test_a_call_in_which_a_scope_begins_is_billed_to_its_end")
    assert lines[28] == ""


def test_programs_of_the_toolkit_count_as_the_users_code():
    with profile(level="lines") as session, hooks.scope("decode", 0):
        run_demo_stage()
    (row,) = session.lines()
    assert row.user_line.endswith("toolkit/demos/play.py:2 step")


def run_demo_stage():
    """Calls torch from a line that lies in the folder of demos."""
    code = compile("def step():\n    torch.ones(7)\n", play.__file__, "exec")
    found = {"torch": torch}
    exec(code, found)
    found["step"]()


def billed(session, *, reads):
    """What lines allocated, over seven frames with two stages, and work between."""
    kept = []
    for index in range(7):
        hooks.frame_begin(index)
        with hooks.scope("one", index):
            kept.append(torch.ones(100) + 1)
            if reads:
                assert session.frame_count == index
            kept.append(torch.zeros(50))
        kept.append(torch.ones(10))
        with hooks.scope("two", index):
            kept.append(torch.ones(7).repeat(3))
        hooks.frame_end(index)
    return {
        (one.stage, one.op, one.line): (one.counts.allocations, one.counts.allocated_bytes)
        for one in session.lines()
    }


@pytest.mark.parametrize("level", LEVELS)
def test_reading_a_session_in_the_middle_of_a_stage_loses_no_line(level):
    with profile(level) as session:
        undisturbed = billed(session, reads=False)
    with profile(level) as session:
        assert billed(session, reads=True) == undisturbed
    assert {stage for stage, *_ in undisturbed} == {"(outside stages)", "one", "two"}
    assert all(key[-1] for key, (allocations, _) in undisturbed.items() if allocations)
