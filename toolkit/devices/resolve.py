"""Is the device that was asked for here? If not, say so before the first frame."""

from __future__ import annotations

import torch

__all__ = ["DeviceUnavailable", "resolve"]


class DeviceUnavailable(RuntimeError):
    """The device that was asked for is not on this machine."""


def resolve(device: str | torch.device) -> torch.device:
    """The torch device of that name, checked to exist here. No allocation, no sync.

    Args:
        device: `"cpu"`, `"cuda"`, `"cuda:1"`, `"mps"`, `"meta"`, `"emu"`, or a `torch.device`. The
            emulated device is enabled where it is asked for, see `toolkit.devices.emu`.

    Raises:
        DeviceUnavailable: torch knows the kind of device, but this machine has none.
        ValueError: torch does not know the name.
    """
    if str(device).partition(":")[0] == "emu":
        return _emulated(str(device))
    try:
        found = torch.device(device)
    except RuntimeError as unknown:
        raise ValueError(
            f"device={device!r} is not a device; use 'cpu', 'cuda', 'cuda:1', 'mps' or 'emu'"
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


def _emulated(device: str) -> torch.device:
    from toolkit.devices import emu

    if device not in ("emu", "emu:0"):
        raise DeviceUnavailable(f"device={device!r} was asked for; the one emulated is 'emu:0'")
    try:
        emu.ensure()
    except RuntimeError as error:
        raise DeviceUnavailable(f"device={device!r} was asked for: {error}") from error
    return torch.device("emu", 0)
