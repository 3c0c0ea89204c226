"""Parameters: one annotation gives the slider, the check and the docs."""

import copy
import threading
from typing import Annotated

import numpy as np
import pytest
import torch

from toolkit.parameters import (
    Choice,
    Matrix,
    ParameterError,
    Parameters,
    Range,
    read_parameters,
)


def prepare(
    spec,
    *,
    sigma: Annotated[float, Range(0.3, 5.0, 0.1, "px", doc="width of the blur")] = 1.2,
    count: Annotated[int, Range(1, 9)] = 4,
    method: Annotated[str, Choice("gftt", "harris")] = "gftt",
    camera: Annotated[tuple, Matrix(2, 2)] = ((1, 0), (0, 1)),
    exact: bool = False,
):
    return {}


def parameters():
    return Parameters({"blur": read_parameters(prepare), "plain": ()})


def test_the_annotation_gives_name_range_unit_and_doc():
    sigma = read_parameters(prepare)[0]
    assert (sigma.name, sigma.default, sigma.doc) == ("sigma", 1.2, "width of the blur")
    assert (sigma.domain.lo, sigma.domain.hi, sigma.domain.unit) == (0.3, 5.0, "px")
    assert sigma.domain.describe() == "0.3..5 px"


def test_one_parameter_is_looked_up_by_name_as_a_slider_needs_it():
    sigma = parameters()["blur"].spec("sigma")
    assert (sigma.domain.lo, sigma.domain.hi, sigma.domain.step) == (0.3, 5.0, 0.1)
    with pytest.raises(AttributeError, match="no parameter 'depth'; it has sigma, count"):
        parameters()["blur"].spec("depth")


def test_values_are_read_and_set_as_attributes():
    params = parameters()
    params["blur"].sigma = 2
    params["blur"].method = "harris"
    assert params["blur"].sigma == 2.0
    assert repr(params["blur"]).startswith("blur(sigma=2.0, count=4, method='harris'")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("sigma", 9, r"blur\.sigma: 9 px is outside 0\.3\.\.5 px"),
        ("sigma", float("nan"), r"nan px is outside"),
        ("sigma", "wide", r"'wide' is not a number"),
        ("sigma", True, r"True is not a number"),
        ("count", 2.5, r"2\.5 is not a whole number"),
        ("method", "fast", r"'fast' is not one of 'gftt', 'harris'"),
        ("camera", [[1, 2, 3]], r"a matrix of 1x3 is not a 2x2 matrix"),
        ("camera", 3, r"3 is not a 2x2 matrix"),
        ("camera", [[1, float("inf")], [0, 1]], r"NaN or infinity"),
        ("camera", [["a", "b"], [1, 2]], r"is not a 2x2 matrix: could not convert"),
        ("sigma", torch.ones(2), r"is not a number"),
        ("sigma", 10**400, r"is not a number: int too large"),
        ("method", np.array(["gftt", "harris"]), r"is not one of"),
        ("exact", 2, r"neither True nor False"),
        ("exact", np.array([True, False]), r"neither True nor False"),
        ("depth", 1, r"stage 'blur' has no parameter 'depth'; it has sigma, count"),
    ],
)
def test_a_wrong_value_is_refused_with_the_allowed_ones_and_changes_nothing(name, value, message):
    params = parameters()
    before = params.to_dict()
    with pytest.raises(ParameterError, match=message):
        setattr(params["blur"], name, value)
    assert params.to_dict() == before


def test_a_matrix_may_be_rows_an_array_or_a_tensor_and_is_kept_plain():
    params = parameters()
    for given in ([[2, 0], [0, 2]], np.eye(2) * 2, torch.eye(2) * 2):
        params["blur"].camera = given
        assert params["blur"].camera == ((2.0, 0.0), (0.0, 2.0))


def test_all_values_go_out_and_come_back():
    params, other = parameters(), parameters()
    params["blur"].sigma = 3.0
    other.load(params.to_dict())
    assert other.to_dict() == params.to_dict()


def test_a_load_with_one_wrong_value_sets_none():
    params = parameters()
    with pytest.raises(ParameterError, match=r"blur\.count: 99 is outside 1\.\.9"):
        params.load({"blur": {"sigma": 3.0, "count": 99}})
    with pytest.raises(ParameterError, match=r"no stage 'sharpen'"):
        params.load({"blur": {"sigma": 3.0}, "sharpen": {}})
    assert params["blur"].sigma == 1.2


def test_a_snapshot_does_not_change_when_the_parameters_do():
    params = parameters()
    version, values = params["blur"].snapshot()
    params["blur"].sigma = 3.0
    assert values["sigma"] == 1.2
    assert params["blur"].snapshot()[0] > version
    params["blur"].reset()
    assert params["blur"].sigma == 1.2


def test_an_unknown_stage_is_named_with_the_known_ones():
    with pytest.raises(KeyError, match=r"no stage 'x' in this pipeline; it has blur, plain"):
        parameters()["x"]


def test_a_parameter_without_a_domain_is_refused_at_declaration():
    def wrong(spec, *, sigma: float = 1.0):
        return {}

    with pytest.raises(TypeError, match=r"parameter 'sigma' needs a default and an annotation"):
        read_parameters(wrong)


def test_zero_has_no_sign_so_that_both_have_one_result():
    domain = Range(-1.0, 1.0)
    assert str(domain.check(-0.0, whole=False)) == "0.0"


def test_parameters_are_not_copied_apart_from_their_pipeline():
    for duplicate in (copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match=r"of 'blur' belong to their pipeline.*to_dict\(\)"):
            duplicate(parameters()["blur"])


@pytest.mark.parametrize("values", [[1], 3, None, {"blur": 3}])
def test_what_is_no_table_of_parameters_is_refused(values):
    with pytest.raises(ParameterError, match="is no table of"):
        parameters().load(values)


def test_a_snapshot_taken_while_all_are_loaded_has_all_or_none():
    params = Parameters({"a": read_parameters(prepare), "b": read_parameters(prepare)})
    seen = []
    reader = threading.Thread(target=lambda: seen.append(params.snapshot()[1]))
    with params._lock:  # as `load` holds it
        params["a"].sigma = 2.0
        reader.start()
        reader.join(0.05)
        params["b"].sigma = 2.0
    reader.join(10)
    assert (seen[0]["a"]["sigma"], seen[0]["b"]["sigma"]) == (2.0, 2.0)
