"""The emulated device, as it is when nobody has changed its prices or its capacity."""

import pytest

from toolkit.devices import emu as device


@pytest.fixture
def emu():
    """The module of the device; prices, capacity and streams are put back afterwards."""
    device.enable(device.LAPTOP)
    yield device
    device.enable(device.LAPTOP)
    device.set_stream(device.default_stream())
