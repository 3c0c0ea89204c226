"""Devices by name, and the fences that tell when a slot may be read and written again."""

from toolkit.devices.fences import CudaFence, Fence, fence_for
from toolkit.devices.resolve import DeviceUnavailable, resolve

__all__ = ["CudaFence", "DeviceUnavailable", "Fence", "fence_for", "resolve"]
