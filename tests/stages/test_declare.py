"""Declaring a stage: what it requires, provides, and what its constants are made of."""

from typing import Annotated

import pytest
import torch

from toolkit.spec import FrameSpec
from toolkit.stages.declare import (
    InputSpec,
    ParameterError,
    Pointwise,
    Range,
    Stencil,
    spec_of,
    stage,
)


@stage("scaled", footprint=Pointwise())
def scaled(gray, *, gain):
    """Gray times a gain."""
    return gray * gain


@scaled.prepare
def _(spec, *, gain: Annotated[float, Range(0.0, 4.0, 0.1)] = 2.0):
    return {"gain": gain}


@stage("change", footprint=Pointwise(), first=torch.zeros_like)
def change(gray, prev_gray, *, gap_seconds):
    return (gray - prev_gray) / gap_seconds


def spec():
    return InputSpec(FrameSpec(3, 2), (spec_of(torch.ones(1, 1, 2, 3)),))


def test_a_stage_is_declared_from_the_signature_of_its_apply():
    assert (scaled.name, scaled.requires, scaled.provides) == ("scaled", ("gray",), ("scaled",))
    assert scaled.footprint == Pointwise()
    assert scaled.defaults == {"gain": 2.0}
    assert scaled.__doc__ == "Gray times a gain."
    assert repr(scaled) == "Stage(gray -> scaled)"


def test_a_stage_can_be_called_by_itself():
    constants = scaled.constants(spec(), gain=3)
    assert scaled(torch.ones(1, 1, 2, 3), **constants).unique().tolist() == [3.0]


def test_prepare_is_told_the_shape_dtype_and_device_of_each_input():
    told = spec()
    assert (told.shape, told.height, told.width) == ((1, 1, 2, 3), 2, 3)
    assert (told.dtype, told.device.type) == (torch.float32, "cpu")
    nested = InputSpec(told.frame, (spec_of((torch.ones(2), torch.ones(3))),))
    assert nested.shape == (2,)
    with pytest.raises(TypeError, match=r"no tensor as its first input"):
        InputSpec(told.frame, (None,)).shape  # noqa: B018


def test_a_stage_that_looks_back_is_subscribed_and_sees_the_gap():
    assert (change.requires, change.history, change.wants_gap) == (("gray",), ("gray",), True)
    with pytest.raises(TypeError, match=r"stage 'blind' looks back at gray: say what it answers"):
        stage("blind", footprint=Pointwise())(lambda prev_gray: prev_gray)


def test_using_gives_the_same_stage_another_name_and_other_inputs():
    soft = scaled.using("soft", gray="luma")
    assert (soft.name, soft.requires, soft.provides) == ("soft", ("luma",), ("soft",))
    assert soft.apply is scaled.apply
    assert soft.params == scaled.params
    moved = change.using(prev_gray="luma")
    assert (moved.requires, moved.history) == (("gray",), ("luma",))
    again = soft.using("softer", gray="rgb")
    assert again.requires == ("rgb",)
    with pytest.raises(ValueError, match=r"stage 'scaled' has no input 'rgb', only gray"):
        scaled.using(rgb="gray")


def test_one_name_is_not_enough_for_several_results():
    two = stage("two", footprint=Stencil(1), provides=("a", "b"))(lambda gray: (gray, gray))
    assert two.provides == ("a", "b")
    with pytest.raises(ValueError, match=r"provides a, b: one name is not enough"):
        two.using("c")


def test_constants_refuse_wrong_parameters():
    with pytest.raises(ParameterError, match=r"scaled\.gain: 9 is outside 0\.\.4"):
        scaled.constants(spec(), gain=9)
    with pytest.raises(ParameterError, match=r"has no parameter 'sigma'; it has gain"):
        scaled.constants(spec(), sigma=1)
