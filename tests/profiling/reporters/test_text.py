"""The bill in a terminal."""

import io

import pytest
import torch
from rich.console import Console

from toolkit.devices import emu
from toolkit.profiling import profile
from toolkit.profiling.reporters import paper


def printed(bill, width):
    buffer = io.StringIO()
    Console(file=buffer, width=width, color_system=None).print(bill)
    return buffer.getvalue()


def test_the_bill_prints_every_stage_and_the_whole(session):
    text = str(session.bill())
    assert text.startswith("Bill of 3 frames")
    for name in ("double", "copy", "look", "(outside stages)", "whole frame"):
        assert f" {name} " in text
    assert "1 · 1.02 kB" in text
    assert "no session was carried to" in text


@pytest.mark.parametrize("width", [140, 100, 80, 60])
def test_no_number_is_cut_at_any_width(session, width):
    text = printed(session.bill(), width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    assert "1.02 kB" in text


def test_what_crosses_is_shown_where_not_all_columns_fit():
    emu.ensure()
    with profile() as session:
        torch.ones(200_000).to("emu").clone().cpu().clone()
    narrow, wide = (printed(session.bill(), width) for width in (112, 160))
    assert "copies h2h" in wide
    assert "copies h2h" not in narrow
    for shown in (narrow, wide):
        assert all(name in shown for name in ("copies h2d", "copies d2h", "virtual ms", "waits"))


def test_in_a_notebook_a_bill_is_still_text_and_as_wide_as_a_cell(session, monkeypatch):
    monkeypatch.setattr("rich.console._is_jupyter", lambda: True)
    texts = [str(session.bill()), str(session.compare(session)), str(session.lines())]
    assert [text.split(" ")[0] for text in texts] == ["Bill", "Before", "Source"]
    assert max(len(line) for text in texts for line in text.splitlines()) <= paper.NOTEBOOK_WIDTH


def test_a_wide_terminal_shows_bars(session):
    assert "█" in printed(session.bill(), 140)


def test_a_comparison_prints_both_and_the_ratio(session):
    text = str(session.compare(session))
    assert "Before and after" in text
    assert "1.00" in text


def test_an_empty_session_prints(session):
    assert "No frame was finished." in str(type(session)().bill())
