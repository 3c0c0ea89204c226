"""Devices by name, and the fences that tell when a slot may be read and written again."""

from toolkit.devices.fences import Fence, StreamFence, fence_for
from toolkit.devices.level_streams import LevelStreams
from toolkit.devices.queues import queues_of
from toolkit.devices.resolve import DeviceUnavailable, resolve

__all__ = [
    "DeviceUnavailable",
    "Fence",
    "LevelStreams",
    "StreamFence",
    "fence_for",
    "queues_of",
    "resolve",
]
