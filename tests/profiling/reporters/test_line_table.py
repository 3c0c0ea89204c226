"""Source lines as a table: sorted, per frame, and honest about what is not shown."""

import pytest

from toolkit.profiling.lines import LineCounts, LineRow, Lines
from toolkit.profiling.processors import OUTSIDE
from toolkit.profiling.reporters import line_table

CHAIN = "stages/gray.py:63 to_float < me.py:4 main"


@pytest.fixture
def lines():
    return Lines(
        [
            LineRow("gray", "aten::to", CHAIN, LineCounts(4, 8_000, 2, 8_000, 0)),
            LineRow("gray", "aten::add", "me.py:5 main", LineCounts(40, 400)),
            LineRow("gray", "", "", LineCounts(2, 100)),
        ],
        frames=2,
    )


def test_amounts_are_per_frame_and_the_largest_comes_first(lines):
    rows = [line.split() for line in str(lines).splitlines() if line.strip().startswith("gray")]
    assert rows[0][1] == "aten::to"
    assert "4.00 kB" in str(lines)
    assert rows[1][1] == "aten::add"


def test_the_table_sorts_by_what_is_asked(lines):
    first = lines.table(sort_by="allocations", row_limit=1)
    assert "aten::add" in first
    assert "aten::to" not in first
    assert "2 more" in first


def test_an_unknown_column_is_refused_with_those_there_are(lines):
    with pytest.raises(ValueError, match="cannot sort by 'colour'; there is bytes, allocations"):
        lines.table(sort_by="colour")


def test_what_has_no_line_is_shown_as_such_and_counted_in_bytes(lines):
    shown = str(lines)
    assert "(unattributed)" in shown
    assert "unattributed: 100 B" in shown


def test_columns_with_nothing_in_them_are_left_out(lines):
    assert "syncs" not in str(lines)
    assert "user's line" in str(lines)
    assert "user's line" not in lines.table(sort_by="allocations", row_limit=1)
    assert " stage " in str(lines)
    outside = Lines([LineRow(OUTSIDE, "aten::add", "me.py:1 f", LineCounts(1, 4))], 1)
    assert " stage " not in str(outside)
    assert "stage" not in line_table.html(outside, outside.rows)
    synced = Lines([LineRow("a", "aten::item", "me.py:1 f", LineCounts(syncs=1))], 1)
    assert "syncs" in str(synced)
    assert "copied" not in str(synced)


def test_on_a_page_the_whole_chain_is_told_when_pointed_at(lines):
    page = line_table.html(lines, lines.rows)
    assert 'title="stages/gray.py:63 to_float\nme.py:4 main"' in page
    assert page == lines._repr_html_()
