"""What does an operator do besides computing? It may copy to another side, and it may wait.

The dispatcher names every operator that torch calls, with its tensors, so that size and direction
of a copy are known there. A wait is one only where the tensor lies on a device: reading a number
out of host memory waits for nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch

from toolkit.profiling.call_kinds import words

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "COPIES",
    "NOTHING",
    "READS",
    "WAITS",
    "Copy",
    "copy_of",
    "device_of",
    "effect_of",
    "tells_by_itself",
]

NOTHING, COPIES, READS, WAITS = range(4)

_COPIES = words(
    """
    copy_ copy _copy_from _copy_from_and_resize _to_copy to clone contiguous reshape flatten
    type_as cpu cuda repeat
    """
)
# Their results, or their checks, depend on values: the host must have them before it goes on.
_WAITS = words(
    """
    nonzero nonzero_numpy masked_select equal is_nonzero _unique _unique2 unique_dim
    unique_consecutive bincount _linalg_check_errors linalg_eig linalg_eigvals _assert_async
    """
)
_INDEXES = frozenset({"index", "index_put", "index_put_", "_index_put_impl_"})


class Copy:
    """Size and direction of one copy, and where to."""

    __slots__ = ("device", "direction", "nbytes", "waits")

    def __init__(self, source: torch.device, target: torch.device, nbytes: int) -> None:
        side = {True: "h", False: "d"}
        self.direction = f"{side[source.type == 'cpu']}2{side[target.type == 'cpu']}"
        self.device = str(target)
        self.nbytes = nbytes
        self.waits = False


_known: dict[Any, int] = {}


def effect_of(operator: Any, arguments: tuple[Any, ...]) -> int:
    """What a call of an operator may do, by its name and for indexing by its masks."""
    effect = _known.get(operator)
    if effect is None:
        effect = _known[operator] = _by_name(operator)
    if effect < 0:
        indices: Iterable[Any] = arguments[1] or ()
        return WAITS if any(_is_mask(index) for index in indices) else NOTHING
    return effect


def copy_of(operator: Any, arguments: tuple[Any, ...], result: Any, *, waits: bool) -> Copy | None:
    """The copy that a call was; None if it gave a view, or no tensor at all."""
    name = _name(operator)
    if name in ("copy_", "_copy_from", "_copy_from_and_resize", "copy"):
        first, second = arguments[0], arguments[1]
        source, target = (first, second) if name.startswith("_copy_from") else (second, first)
    else:
        source, target = arguments[0], result
        if not isinstance(target, torch.Tensor) or _shares_memory(source, target):
            return None
    if not isinstance(source, torch.Tensor) or not isinstance(target, torch.Tensor):
        return None
    copy = Copy(source.device, target.device, target.numel() * target.element_size())
    copy.waits = copy.direction in ("h2d", "d2h") and (waits or not _is_pinned(source, target))
    return copy


def device_of(arguments: Iterable[Any]) -> str:
    """Where the first tensor lies that is not on the host; `"cpu"` if all are."""
    for one in arguments:
        if isinstance(one, torch.Tensor) and one.device.type != "cpu":
            return str(one.device)
        if isinstance(one, (list, tuple)):
            device = device_of(one)  # pyright: ignore[reportUnknownArgumentType]
            if device != "cpu":
                return device
    return "cpu"


def tells_by_itself(*values: Any) -> bool:
    """Whether a tensor of the emulated device is among them, which reports its own copies."""
    return any(
        (isinstance(one, torch.Tensor) and one.device.type == "emu")
        or (isinstance(one, (tuple, list)) and tells_by_itself(*one))  # pyright: ignore[reportUnknownArgumentType]
        for one in values
    )


def _by_name(operator: Any) -> int:
    name = _name(operator)
    if name in _COPIES:
        return COPIES
    if name == "_local_scalar_dense":
        return READS
    if name in _WAITS or (name == "repeat_interleave" and "Tensor" in str(operator)):
        return WAITS
    return -1 if name in _INDEXES else NOTHING


def _name(operator: Any) -> str:
    return str(operator._schema.name).rpartition("::")[2]


def _is_mask(index: Any) -> bool:
    return isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8)


def _is_pinned(source: torch.Tensor, target: torch.Tensor) -> bool:
    host = source if source.device.type == "cpu" else target
    return host.device.type == "cpu" and host.is_pinned()


def _shares_memory(source: Any, target: torch.Tensor) -> bool:
    if not isinstance(source, torch.Tensor) or source.device != target.device:
        return False
    return source.untyped_storage().data_ptr() == target.untyped_storage().data_ptr()
