"""Every stage on the emulated accelerator: the host's result, no upload, no download, no wait."""

import pytest
import torch

from toolkit.profiling import profile


def moved(value):
    if isinstance(value, torch.Tensor):
        return value.to("emu")
    if isinstance(value, tuple):
        made = [moved(one) for one in value]
        return type(value)(*made) if hasattr(value, "_fields") else tuple(made)
    return value


@pytest.fixture
def both(case, inputs_of, constants_for):
    """Results on the host and on the device, and a session around the second call there."""
    from toolkit.devices import emu

    emu.enable()
    here = inputs_of(case)
    there = moved(here)
    on_host = case.stage(*here, **constants_for(case, *here))
    constants = constants_for(case, *there)
    case.stage(*there, **constants)
    with profile(keep="all") as session:
        on_device = case.stage(*there, **constants)
    return on_host, on_device, session


def test_the_result_is_the_host_s_and_nothing_crosses_the_link(case, both, tensors_in):
    on_host, on_device, session = both
    for one, other in zip(tensors_in(on_host), tensors_in(on_device), strict=True):
        assert other.device.type == "emu"
        assert torch.allclose(one, other.cpu(), atol=1e-6)
    crossing = [
        (event.kind, event.direction, event.nbytes, event.op)
        for event in session.events
        if event.kind == "sync" or event.direction in ("h2d", "d2h")
    ]
    assert case.stage.syncs == bool(crossing)
