"""A stage that runs on the `meta` device has no pixels to look at, so it cannot sync in secret."""

import pytest
import torch


def test_every_stage_runs_without_pixels_and_says_its_shapes(
    case, inputs_of, constants_for, tensors_in
):
    on_meta, real = inputs_of(case, device="meta"), inputs_of(case)
    constants = constants_for(case, *on_meta)
    if case.stage.syncs:
        with pytest.raises((NotImplementedError, RuntimeError), match=r"(?i)meta"):
            case.stage(*on_meta, **constants)
        return
    results = tensors_in(case.stage(*on_meta, **constants))
    expected = tensors_in(case.stage(*real, **constants_for(case, *real)))
    assert all(one.device == torch.device("meta") for one in results)
    assert [one.shape for one in results] == [one.shape for one in expected]
    assert [one.dtype for one in results] == [one.dtype for one in expected]
    assert not case.stage.dynamic_shape


def test_constants_live_where_the_input_lives(case, inputs_of, constants_for, tensors_in):
    constants = constants_for(case, *inputs_of(case, device="meta"))
    assert all(one.device == torch.device("meta") for one in tensors_in(constants))
