"""Each domain has its control, with ends, step, unit and doc."""

from typing import Annotated

import ipywidgets
import pytest
import traitlets

from toolkit.parameters import Choice, Matrix, Range, read_parameters
from widgets.knobs import make_knob


def prepare(
    spec,
    *,
    sigma: Annotated[float, Range(0.3, 5.0, 0.1, "px", doc="width of the blur")] = 1.2,
    low: Annotated[float, Range(0.001, 0.5, 0.001)] = 0.0125,
    gain: Annotated[float, Range(0.0, 200.0)] = 2.0,
    count: Annotated[int, Range(1, 9, 2)] = 4,
    method: Annotated[str, Choice("gftt", "harris")] = "gftt",
    camera: Annotated[tuple, Matrix(2, 2)] = ((1, 0), (0, 1)),
    exact: bool = False,
):
    return {}


SPECS = {spec.name: spec for spec in read_parameters(prepare)}


def knob(name):
    return make_knob(SPECS[name], SPECS[name].default)


def test_a_range_is_a_slider_with_its_ends_its_step_and_its_unit():
    slider = knob("sigma")
    assert isinstance(slider, ipywidgets.FloatSlider)
    assert (slider.min, slider.max, slider.step, slider.value) == (0.3, 5.0, 0.1, 1.2)
    assert slider.description == "sigma, px"
    assert slider.tooltip == "width of the blur: 0.3..5 px; 1.2 unless set"


@pytest.mark.parametrize(
    ("name", "places", "step"), [("sigma", ".1f", 0.1), ("low", ".4f", 0.001), ("gain", ".0f", 2.0)]
)
def test_a_slider_shows_as_many_places_as_its_step_and_its_default_have(name, places, step):
    assert (knob(name).readout_format, knob(name).step) == (places, step)


def test_whole_numbers_names_and_switches():
    count, method, exact = knob("count"), knob("method"), knob("exact")
    assert isinstance(count, ipywidgets.IntSlider)
    assert (count.min, count.max, count.step) == (1, 9, 2)
    assert isinstance(method, ipywidgets.Dropdown)
    assert method.options == ("gftt", "harris")
    assert isinstance(exact, ipywidgets.Checkbox)
    assert exact.value is False


def test_a_matrix_is_a_grid_whose_fields_and_value_follow_each_other():
    grid = knob("camera")
    seen = []
    grid.observe(lambda change: seen.append(change["new"]), "value")
    grid.fields[0][1].value = 5.0
    assert grid.value == ((1.0, 5.0), (0.0, 1.0))
    grid.value = ((2, 0), (0, 2))
    assert [[field.value for field in line] for line in grid.fields] == [[2, 0], [0, 2]]
    assert seen == [((1.0, 5.0), (0.0, 1.0)), ((2.0, 0.0), (0.0, 2.0))]
    with pytest.raises(traitlets.TraitError, match="has not the shape of 2x2"):
        grid.value = ((1, 2, 3),)
