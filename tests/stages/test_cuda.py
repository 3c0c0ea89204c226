"""On a GPU, the driver itself says whether a stage makes the host wait."""

import pytest
import torch


@pytest.mark.needs_cuda
def test_a_stage_on_cuda_syncs_only_if_it_says_so_and_agrees_with_the_cpu(
    case, inputs_of, constants_for, tensors_in
):
    inputs = inputs_of(case)
    on_cuda = tuple(
        type(one)(*(part.cuda() for part in one)) if isinstance(one, tuple) else one.cuda()
        for one in inputs
    )
    constants = constants_for(case, *on_cuda)
    case.stage(*on_cuda, **constants)  # libraries that load on first use may wait once
    torch.cuda.set_sync_debug_mode("default" if case.stage.syncs else "error")
    try:
        results = tensors_in(case.stage(*on_cuda, **constants))
    finally:
        torch.cuda.set_sync_debug_mode("default")
    expected = tensors_in(case.stage(*inputs, **constants_for(case, *inputs)))
    for one, other in zip(results, expected, strict=True):
        # Rounding may decide a comparison the other way; a handful of pixels, not more.
        assert (torch.isclose(one.cpu(), other, atol=1e-3)).float().mean() > 0.99
