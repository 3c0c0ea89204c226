"""The table of who used a budget up."""

from toolkit.profiling.reporters import offenders
from toolkit.profiling.usage import Offender


def test_each_offender_is_a_row_and_empty_columns_are_left_out():
    rows = [
        Offender("alloc", "", "aten::add", "", 2, 2048),
        Offender("copy h2d", "", "aten::copy_", "", 1, 8),
    ]
    assert offenders.table(rows) == (
        "what        operator     count    bytes\n"
        "allocation  aten::add        2  2.05 kB\n"
        "copy h2d    aten::copy_      1      8 B"
    )


def test_a_chain_of_lines_shows_the_user_s_own_and_the_innermost():
    source = "kornia/sobel.py:23 gradient < stages/sobel.py:31 sobel < clip.py:12 main"
    table = offenders.table([Offender("alloc", "sobel", "aten::add", source, 1, 8)])
    assert "clip.py:12 main  kornia/sobel.py:23 gradient" in table
    assert "stages/sobel.py" not in table


def test_a_single_line_is_shown_once():
    table = offenders.table([Offender("alloc", "", "aten::add", "clip.py:12 main", 1, 8)])
    assert table.count("clip.py:12") == 1
    assert "inside it" not in table


def test_what_does_not_fit_is_added_up():
    rows = [Offender("alloc", f"stage {number}", "aten::add", "", 2, 1000) for number in range(5)]
    assert offenders.table(rows, most=3).endswith("\nand 2 more, with 4 and 2.00 kB")


def test_waits_have_no_bytes_to_show():
    assert "bytes" not in offenders.table([Offender("wait", "", "queue", "", 1, 0)])
