"""Figures for notebooks."""

import matplotlib as mpl
import pytest
import torch

from toolkit import hooks
from toolkit.profiling import Session, profile

mpl.use("Agg")

from matplotlib import pyplot as plt

from toolkit.profiling.reporters import figures


@pytest.fixture(autouse=True)
def _closed():
    yield
    plt.close("all")


def test_bars_by_stage_carry_their_numbers(session):
    figure = figures.bill_by_stage(session.bill())
    texts = [text.get_text() for axis in figure.axes for text in axis.texts]
    assert texts.count("1.02 kB") == 2
    assert len(figure.axes) == 3


@pytest.mark.parametrize("quantity", ["ms", "allocations", "bytes"])
def test_a_timeline_names_every_stage(session, quantity):
    figure = figures.timeline(session, quantity)
    names = [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
    assert sorted(names) == ["(outside stages)", "copy", "double", "look"]


def test_a_stage_has_its_colour_by_place_and_what_is_outside_takes_none():
    colours = figures.colours_of(["rgb", "(outside stages)", "blur"])
    assert list(colours) == ["rgb", "(outside stages)", "blur"]
    assert list(colours.values()) == [figures.COLOURS[0], figures.GREY, figures.COLOURS[1]]


def test_a_quantity_that_is_not_there_is_named_with_those_that_are(session):
    with pytest.raises(ValueError, match="cannot draw 'colour'; there is ms, allocations, bytes"):
        figures.timeline(session, "colour")


def test_a_comparison_draws_two_bars_a_stage(session):
    figure = figures.compare(session.compare(session), names=("naive", "disciplined"))
    assert len(figure.axes[0].patches) == 2 * 5
    texts = [text.get_text() for text in figure.legends[0].get_texts()]
    assert texts == ["naive", "disciplined"]


def test_a_comparison_writes_the_ratio_and_says_which_stage_did_not_run(session):
    with profile() as other, hooks.scope("double", 0):
        torch.ones(4)
    figure = figures.compare(session.compare(other))
    said = [text.get_text() for text in figure.axes[1].texts]
    assert "did not run" in said
    assert any(text.endswith("(1.00)") for text in said)


def test_an_empty_session_is_drawn():
    assert figures.timeline(Session()).axes
    assert figures.bill_by_stage(Session().bill()).axes
