"""Which calls take no memory at all? Views of it, and arithmetic that writes into what is there.

A stage that works band by band makes two thousand such calls a frame. A mark in the stream costs
more than such a call, and there is nothing in the stream that it could tell apart. So they go
without, where nothing is left that memory could be taken for: no dtype to convert, no result to
enlarge, no number to make a tensor of, no gradient to keep values for, and nobody in between.

That an operator of these lists takes none then is tested for each. Level `lines` asks once for each
place in the code between two borders of stages, `exact` at every call. If one took memory
nevertheless, its bytes would be counted like all, and stand without a line.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["INTO_OUT", "IN_PLACE", "fills_first", "fills_out", "gives_view", "stays_on_host"]

_BOTH = frozenset(
    ("add", "sub", "mul", "div", "addcmul", "addcdiv", "lerp", "clamp", "sqrt", "abs", "neg")
)
INTO_OUT = _BOTH | {"maximum", "minimum", "eq", "ne", "lt", "le", "gt", "ge"}
IN_PLACE = frozenset(f"{name}_" for name in _BOTH)

_core: Any = import_module("torch._C")
_modes_worn: Callable[[], int] = _core._len_torch_dispatch_stack
# Where a torch cannot tell, every call is marked.
_is_transformed: Callable[[], bool] = getattr(
    _core, "_are_functorch_transforms_active", lambda: True
)
_has_gradients: Callable[[], bool] = torch.is_grad_enabled
_dual_numbers: Any = import_module("torch.autograd.forward_ad")
_Tensor = torch.Tensor
_strided, _bool = torch.strided, torch.bool
_NUMBERS = frozenset(
    (
        *(torch.float32, torch.float64, torch.float16, torch.bfloat16),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
    )
)
_HARMLESS = frozenset((int, float, bool, type(None), torch.dtype, torch.memory_format))
_OF_TORCH = ((), (torch.Tensor,))  # whom a call is handed to where no class of others is involved


def gives_view(types: tuple[type, ...], args: tuple[Any, ...], options: object) -> bool:
    """Whether a call that gives a view gives one of plain host memory, and nobody takes part.

    Args:
        types: classes that have a say, as torch tells them.
        args: as they were given.
        options: keyword arguments, which make no difference.
    """
    first = args[0] if args else None
    return (
        type(first) is _Tensor
        and types in _OF_TORCH
        and _is_plain(first)
        and not _modes_worn()
        and not _is_transformed()
    )


def stays_on_host(
    types: tuple[type, ...], args: tuple[Any, ...], options: dict[str, Any] | None
) -> bool:
    """Whether a call has no other tensors than those of the host, and names no device."""
    if types not in _OF_TORCH or not all(map(_is_of_host, args)):
        return False
    return not options or all(
        _is_of_host(value) or (type(value) is str and name != "device")
        for name, value in options.items()
    )


def _is_of_host(value: Any) -> bool:
    if type(value) is _Tensor:
        return value.is_cpu
    kind: Any = value.__class__
    return all(map(_is_of_host, value)) if kind in (tuple, list) else kind in _HARMLESS


def fills_first(
    types: tuple[type, ...], args: tuple[Any, ...], options: dict[str, Any] | None
) -> bool:
    """Whether arithmetic into the first of `args` takes nothing. `options` may be numbers."""
    if not args or type(args[0]) is not _Tensor:
        return False
    first = args[0]
    dtype = first.dtype
    for one in args:
        if (
            type(one) is not _Tensor
            or one.dtype is not dtype
            or one.layout is not _strided
            or one.is_neg()
        ):
            return False
    return (
        first.is_cpu
        and dtype in _NUMBERS
        and not first.is_nested
        and (not options or _are_numbers(options, dtype))
        and _is_between_us(args)
    )


def fills_out(
    types: tuple[type, ...], args: tuple[Any, ...], options: dict[str, Any] | None
) -> bool:
    """Whether arithmetic into `out` takes nothing. The other `options` may be numbers."""
    out = options.get("out") if options else None
    if type(out) is not _Tensor or not _is_plain(out) or out.is_neg() or not args:
        return False
    dtype = getattr(args[0], "dtype", None)
    shape = out.shape
    is_filled = False
    for one in args:
        if type(one) is not _Tensor or one.dtype is not dtype or not _is_plain(one) or one.is_neg():
            return False
        own = one.shape
        if own == shape:
            is_filled = True
        elif own and not _fits(own, shape):
            return False
    return (
        is_filled
        and dtype in _NUMBERS
        and out.dtype in (dtype, _bool)
        and (len(options or ()) == 1 or _are_numbers(options or {}, dtype))
        and _is_between_us(args)
    )


def _is_plain(tensor: Any) -> bool:
    """Whether it is values in host memory, and not nested."""
    return tensor.is_cpu and tensor.layout is _strided and not tensor.is_nested


def _is_between_us(args: tuple[Any, ...]) -> bool:
    """Whether nobody takes part: no mode, no transform, no derivative."""
    return not (
        _modes_worn()
        or _is_transformed()
        or _dual_numbers._current_level >= 0
        or (_has_gradients() and any(one.requires_grad for one in args))
    )


def _are_numbers(options: dict[str, Any], dtype: Any) -> bool:
    """Whether all options but `out` are numbers that go with a dtype."""
    numbers = [value for name, value in options.items() if name != "out"]
    return dtype.is_floating_point and all(
        type(one) is int or type(one) is float for one in numbers
    )


def _fits(shape: Sequence[int], target: Sequence[int]) -> bool:
    """Whether a shape is spread over that of the target without enlarging it."""
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all(a in (1, b) for a, b in pairs)
