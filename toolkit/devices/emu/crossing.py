"""What crosses the link? Every upload, download and copy on the device, each on the bill once.

Sizes are those of CUDA: types are converted where the values come from, so that the bytes of the
target cross. A copy waits unless it is `non_blocking` and its host side is page-locked.
"""

from __future__ import annotations

from typing import Any

import torch

from toolkit import hooks
from toolkit.devices.emu.pinned import is_pinned, pinned_empty_like
from toolkit.devices.emu.streams import CLOCK, DEVICE, current_stream, report_sync
from toolkit.devices.emu.tensor import EmuTensor, unwrap

__all__ = [
    "copy_into",
    "copy_on_device",
    "download_number",
    "read_back",
    "to_copy",
    "upload_index",
    "upload_number",
]

_aten: Any = torch.ops.aten
_NEW, _INTO = "aten::_to_copy", "aten::copy_"


class _told:  # noqa: N801 - reads as a statement: `with _told(...):`
    """Context manager: a copy, timed and on the bill, unless a layer around tells of it."""

    __slots__ = ("_is_told", "_timed")

    def __init__(self, nbytes: int, direction: str, op: str) -> None:
        self._timed = hooks.timed("copy", nbytes, device=DEVICE, direction=direction, op=op)

    def __enter__(self) -> None:
        self._is_told = not hooks.is_timed("copy")
        if self._is_told:
            self._timed.__enter__()

    def __exit__(self, *_: object) -> None:
        if self._is_told:
            self._timed.__exit__()


def to_copy(source: Any, kwargs: dict[str, Any]) -> Any:
    """`aten::_to_copy`: a new tensor, of another type or on another side."""
    target = torch.device(kwargs.get("device") or source.device)
    dtype = kwargs.get("dtype") or source.dtype
    is_async = bool(kwargs.get("non_blocking"))
    options = {"dtype": dtype}
    if kwargs.get("memory_format") is not None:
        options["memory_format"] = kwargs["memory_format"]
    if target.type not in ("cpu", "emu"):
        raise RuntimeError(
            f"cannot copy from {source.device} to {target}: an emulated device is linked to the "
            "host alone; go by .cpu()"
        )
    if type(source) is not EmuTensor:
        return _upload_new(source, options, is_async=is_async)
    nbytes = source.numel() * dtype.itemsize
    if target.type == "emu":
        with hooks.device_memory(DEVICE), _told(nbytes, "d2d", _NEW):
            made = EmuTensor(_aten._to_copy.default(source.raw, **options))
        CLOCK.launch(current_stream().queue, source.nbytes + nbytes)
        return made
    return _download_new(source, dtype, options, is_async=is_async)


def copy_into(target: Any, source: Any, *, is_async: bool) -> Any:
    """`aten::copy_`: into memory that is there."""
    is_up, is_down = type(target) is EmuTensor, type(source) is EmuTensor
    nbytes = target.numel() * target.element_size()
    if is_up and is_down:
        copy_on_device(_INTO, nbytes, source.nbytes)
        with hooks.device_memory(DEVICE):
            target.raw.copy_(source.raw)
        return target
    host = source if is_up else target
    if host.device.type != "cpu":
        raise RuntimeError(
            f"cannot copy between {host.device} and {DEVICE}: an emulated device is linked to the "
            "host alone; go by .cpu()"
        )
    same = source.dtype == target.dtype and source.shape == target.shape
    pinned = is_pinned(host) and (same or is_down)
    if is_down and not same:
        CLOCK.launch(current_stream().queue, source.nbytes + nbytes)
    direction = "h2d" if is_up else "d2h"
    with (
        _told(nbytes, direction, _INTO),
        hooks.device_memory(DEVICE),
    ):
        unwrap(target).copy_(unwrap(source))
    _charge(nbytes, pinned=pinned, waits=not (is_async and pinned), op=_INTO)
    return target


def copy_on_device(op: str, nbytes: int, read_bytes: int) -> None:
    """A kernel that copies on the device, onto bill and clock."""
    with _told(nbytes, "d2d", op):
        pass
    CLOCK.launch(current_stream().queue, read_bytes + nbytes)


def download_number(func: Any, source: Any) -> Any:
    """`aten::_local_scalar_dense`, that is `.item()`: one number comes down; the host waits."""
    read_back("aten::_local_scalar_dense", source.element_size())
    return func(source.raw)


def read_back(op: str, nbytes: int) -> None:
    """So many bytes come down for the host to go on, and it waits for them."""
    hooks.report("copy", nbytes, device=DEVICE, direction="d2h", op=op)
    _charge(nbytes, pinned=True, waits=True, op=op)


def upload_number(op: str, nbytes: int) -> None:
    """A single number that lies on the host goes up, from ordinary memory, and the host waits."""
    hooks.report("copy", nbytes, device=DEVICE, direction="h2d", op=op)
    _charge(nbytes, pinned=False, waits=True, op=op)


def upload_index(index: torch.Tensor) -> None:
    """An index that lies on the host goes up, a mask as the places of its true values."""
    if index.dtype in (torch.bool, torch.uint8):
        sizes = [8 * int(index.count_nonzero())] * index.dim()
    else:
        sizes = [index.numel() * index.element_size()]
    for nbytes in sizes:
        hooks.report("copy", nbytes, device=DEVICE, direction="h2d", op="aten::index")
        _charge(nbytes, pinned=is_pinned(index), waits=True, op="aten::index")


def _upload_new(source: torch.Tensor, options: dict[str, Any], *, is_async: bool) -> EmuTensor:
    nbytes = source.numel() * options["dtype"].itemsize
    with hooks.device_memory(DEVICE), _told(nbytes, "h2d", _NEW):
        made = EmuTensor(_aten._to_copy.default(source, **options))
    pinned = source.dtype == options["dtype"] and is_pinned(source)
    _charge(nbytes, pinned=pinned, waits=not (is_async and pinned), op=_NEW)
    return made


def _download_new(
    source: EmuTensor, dtype: torch.dtype, options: dict[str, Any], *, is_async: bool
) -> torch.Tensor:
    nbytes = source.numel() * dtype.itemsize
    if dtype != source.dtype:
        CLOCK.launch(current_stream().queue, source.nbytes + nbytes)
    if is_async:  # torch gives page-locked memory where it is asked not to block
        made = pinned_empty_like(source.raw, dtype)
    else:
        made = torch.empty_like(source.raw, **options)
    with (
        _told(nbytes, "d2h", _NEW),
        hooks.device_memory(DEVICE),  # what converts and copies is no work of the host
    ):
        made.copy_(source.raw)
    _charge(nbytes, pinned=is_async, waits=not is_async, op=_NEW)
    return made


def _charge(nbytes: int, *, pinned: bool, waits: bool, op: str) -> None:
    CLOCK.copy(current_stream().queue, nbytes, is_pinned=pinned, waits=waits)
    if waits:
        report_sync(op)
