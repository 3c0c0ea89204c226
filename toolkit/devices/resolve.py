"""Is the device that was asked for here? If not, say so before the first frame."""

from __future__ import annotations

import torch

__all__ = ["DeviceUnavailable", "resolve"]


class DeviceUnavailable(RuntimeError):
    """The device that was asked for is not on this machine."""


def resolve(device: str | torch.device) -> torch.device:
    """The torch device of that name, checked to exist here. No allocation, no sync.

    Args:
        device: `"cpu"`, `"cuda"`, `"cuda:1"`, `"mps"`, `"meta"`, or a `torch.device`.

    Raises:
        DeviceUnavailable: torch knows the kind of device, but this machine has none.
        ValueError: torch does not know the name.
    """
    try:
        found = torch.device(device)
    except RuntimeError as unknown:
        raise ValueError(
            f"device={device!r} is not a device; use 'cpu', 'cuda', 'cuda:1' or 'mps'"
        ) from unknown
    if found.type == "cuda" and not torch.cuda.is_available():
        raise DeviceUnavailable(
            f"device={str(device)!r} was asked for, but torch {torch.__version__} sees no GPU; "
            "use device='cpu', or see `python -m toolkit doctor`"
        )
    if found.type == "cuda" and (found.index or 0) >= torch.cuda.device_count():
        raise DeviceUnavailable(
            f"device={str(device)!r} was asked for; GPUs here: {torch.cuda.device_count()}, and "
            "the first is 'cuda:0'"
        )
    if found.type == "mps" and not torch.backends.mps.is_available():
        raise DeviceUnavailable(
            "device='mps' was asked for, but this machine has no Apple GPU; use device='cpu'"
        )
    if found.type == "cuda" and found.index is None:
        return torch.device("cuda", torch.cuda.current_device())
    return found
