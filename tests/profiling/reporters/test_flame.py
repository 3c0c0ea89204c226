"""The icicle of bytes by line: shares add up, the largest come first, small ones are left out."""

import pytest

from toolkit.profiling.lines import LineCounts, LineRow, Lines
from toolkit.profiling.reporters import flame

STACKS = {
    ("blur", "me.py:3 main", "taps.py:9 correlate", "aten::pad"): 300,
    ("blur", "me.py:3 main", "aten::add"): 100,
    ("gray", "me.py:4 main", "aten::to"): 600,
}


def test_every_cell_lies_inside_the_one_above_it():
    by_path = {one.path: one for one in flame.cells(STACKS)}
    for path, one in by_path.items():
        if path:
            above = by_path[path[:-1]]
            assert above.start <= one.start
            assert one.start + one.width <= above.start + above.width + 1e-9


def test_shares_are_shares_of_all_bytes_and_the_largest_comes_first():
    stages = [one for one in flame.cells(STACKS) if one.depth == 1]
    assert [(one.name, one.start, one.width) for one in stages] == [
        ("gray", 0.0, 0.6),
        ("blur", 0.6, 0.4),
    ]


def test_amounts_are_per_frame():
    assert flame.cells(STACKS, frames=10)[0].nbytes == 100


def test_a_cell_thinner_than_a_pixel_is_left_out():
    paths = [one.path for one in flame.cells({("large",): 1_000_000, ("tiny",): 1})]
    assert paths == [(), ("large",)]


def test_no_bytes_draw_nothing():
    row = LineRow("gray", "aten::item", "me.py:1 main", LineCounts(syncs=1))
    assert flame.draw(Lines([row], 1), {}) == ""


def test_a_cell_says_the_way_to_it_and_its_share():
    counts = LineCounts(allocations=2, allocated_bytes=8_000)
    row = LineRow("gray", "aten::to", "stages/gray.py:63 to_float < me.py:4 main", counts)
    drawn = flame.draw(Lines([row], 2), {"gray": "red"})
    said = "gray → me.py:4 main → stages/gray.py:63 to_float → aten::to: 4.00 kB a frame, 100.0%"
    assert said in drawn
    assert ">gray.py:63 to_float</button>" in drawn


@pytest.mark.parametrize("text", ['<b>"x"', "a&b"])
def test_names_are_escaped(text):
    row = LineRow(text, text, text, LineCounts(allocated_bytes=1))
    drawn = flame.draw(Lines([row], 1), {})
    assert text not in drawn
