"""Which devices run behind the host? Those with streams, whose module has what `torch.cuda` has."""

from __future__ import annotations

from typing import Any

import torch

__all__ = ["queues_of"]


def queues_of(device: torch.device) -> Any:
    """The module with streams and events of `device`; None where the host's order is its own."""
    if device.type == "cuda":
        return torch.cuda
    if device.type == "emu":
        from toolkit.devices import emu

        return emu
    return None
