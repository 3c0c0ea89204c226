"""Level `exact`: every byte of the default pipeline has stage, operator and the user's line."""

import subprocess
import sys

import pytest
import torch

from toolkit import hooks
from toolkit.pipeline import Pipeline
from toolkit.profiling import profile
from toolkit.profiling.processors import OUTSIDE
from toolkit.ring import FrameRing
from toolkit.stages import blur, corners, edges, gray, rgb, sobel

pytestmark = pytest.mark.usefixtures("each_way_of_counting")

STAGES = ("rgb", "gray", "blur", "sobel", "edges", "corners")
ENOUGH = 0.999


def my_loop(pipeline, frames):
    """The user's own line, at which every chain ends."""
    for frame in pipeline.run(frames, want=("rgb", "edges", "corners")):
        frame["corners"]


def played(level, keep="fold"):
    """A session of the default pipeline, from its very first frame on."""
    pipeline = Pipeline([rgb, gray, blur, sobel, edges, corners])
    ring = FrameRing(4, width=1280, height=720, pixel_format="i420")
    picture = torch.randint(16, 235, ring.spec.slot_shape, dtype=torch.uint8)

    def frames():
        for index in range(3):
            with ring.copy_in(picture, pts_seconds=index / 30) as frame:
                yield frame

    with profile(level, keep) as session:
        my_loop(pipeline, frames())
    return session


@pytest.fixture(scope="module")
def exact():
    """The default pipeline at level exact."""
    return played("exact")


@pytest.fixture(scope="module")
def kept():
    """The same with every event."""
    return played("exact", "all")


def is_whole(stage, op, source):
    """Whether stage, operator and a chain that ends at the user's line are all there."""
    return stage in STAGES and op != "" and source.endswith(" my_loop")


def test_every_byte_has_a_stage_an_operator_and_the_user_s_own_line(exact):
    rows = list(exact.lines())
    whole = [row for row in rows if is_whole(row.stage, row.op, row.source)]
    nbytes = sum(row.counts.allocated_bytes for row in whole)
    assert nbytes >= ENOUGH * exact.bill().whole.total.allocated_bytes > 1_000_000
    assert {row.stage for row in whole} == set(STAGES)


def test_a_chain_holds_the_stage_s_line_and_those_of_the_libraries_that_it_calls(exact):
    rows = [row for row in exact.lines() if row.stage != OUTSIDE]
    for row in rows:
        assert row.chain[-2].startswith("toolkit/stages/"), row
        assert row.user_line.rpartition("/")[2].startswith("test_exact.py:")
    assert any(row.line.startswith("kornia/") for row in rows)


def test_rows_add_up_to_the_bill_of_each_stage(exact):
    bill = exact.bill()
    for name in STAGES:
        rows = [row.counts for row in exact.lines() if row.stage == name]
        total = bill.stage(name).total
        assert sum(one.allocations for one in rows) == total.allocations
        assert sum(one.allocated_bytes for one in rows) == total.allocated_bytes
        assert sum(one.copies for one in rows) == total.copy_count()
        assert sum(one.copied_bytes for one in rows) == total.copied_bytes()


def test_single_events_carry_the_same(kept):
    taken = [event for event in kept.events if event.kind == "alloc"]
    whole = sum(one.nbytes for one in taken if is_whole(one.stage, one.op, one.source))
    assert whole >= ENOUGH * sum(event.nbytes for event in taken) > 1_000_000


def test_keeping_events_changes_no_row(exact, kept):
    def amounts(session):
        return sorted(
            (row.stage, row.op, row.source, row.counts.allocations, row.counts.allocated_bytes)
            for row in session.lines()
        )

    assert amounts(exact) == amounts(kept)


def test_lines_and_exact_name_the_same_lines_for_the_same_bytes(exact):
    def by_line(session):
        found = {}
        for row in session.lines():
            key = (row.stage, row.source)
            found[key] = found.get(key, 0) + row.counts.allocated_bytes
        return {key: nbytes for key, nbytes in found.items() if nbytes}

    assert by_line(played("lines")) == by_line(exact)


def test_what_is_not_attributed_is_said_in_bytes(exact):
    (note,) = [note for note in exact.bill().notes if "unattributed" in note]
    assert note.endswith(f"unattributed: {exact.lines().unattributed_bytes} B.")
    assert "100.00% carry operator and source line" in note
    assert note in str(exact.bill())


def test_a_call_that_goes_past_the_modes_is_unattributed_and_not_hidden():
    picture = torch.ones(1000)
    with profile(level="exact") as session, hooks.scope("stage", 0):
        picture + picture
        with torch._C.DisableTorchFunction():
            torch.ones(1000)
    lines = session.lines()
    assert (lines.allocated_bytes, lines.unattributed_bytes) == (8000, 4000)
    assert lines.attributed_share == 0.5
    (note,) = [note for note in session.bill().notes if "unattributed" in note]
    assert note.endswith("unattributed: 4000 B.")
    assert [row.chain for row in lines if row.op == "aten::ones"] == [()]


def test_the_flame_view_shows_what_is_not_attributed():
    with profile(level="exact") as session, torch._C.DisableTorchFunction():
        torch.ones(1000)
    assert session.lines().stacks() == {(OUTSIDE, "(unattributed)", "aten::ones"): 4000}


def test_the_first_look_does_not_import_the_compiler():
    script = (
        "import sys, torch\n"
        "from toolkit.profiling import profile\n"
        "with profile('exact') as session:\n"
        "    torch.ones(8).clone()\n"
        "assert session.bill().whole.total.copies['h2h'] == [1, 32]\n"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.split() == ["False"], done.stderr


def test_compiled_code_is_looked_at_in_one_piece():
    script = """
import warnings, torch
from toolkit import hooks
from toolkit.profiling import profile

def double(picture):
    return picture + picture

warnings.simplefilter("error", UserWarning)  # as where the compiler gives up
picture = torch.ones(256)
for level in ("lines", "exact"):
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()
    compiled = torch.compile(double, backend="eager", fullgraph=True)
    with profile(level) as session:
        for index in range(3):
            with hooks.scope("stage", index):
                compiled(picture)
            session.step()
    spent = [frame.stages["", "stage"] for frame in session.frames][1:]
    print(torch._dynamo.utils.counters["stats"]["unique_graphs"])
    print([(one.allocations, one.allocated_bytes) for one in spent])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.splitlines() == ["1", "[(1, 1024), (1, 1024)]"] * 2, done.stderr
