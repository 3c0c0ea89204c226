"""Which calls take no memory at all? Views of it, and arithmetic that writes into what is there.

A stage that works band by band makes two thousand such calls a frame. A mark in the stream costs
more than such a call, and there is nothing in the stream that it could tell apart. So they go
without, where nothing is left that memory could be taken for: no dtype to convert, no result to
enlarge, no number to make a tensor of, no gradient to keep values for, and nobody in between.

That an operator of these lists takes none then is tested for each. If one ever did, its bytes would
be counted like all, and stand without a line.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["COMPARISONS", "IN_PLACE", "INTO_OUT", "gives_view", "takes_nothing"]

_BOTH = frozenset(
    ("add", "sub", "mul", "div", "addcmul", "addcdiv", "lerp", "clamp", "sqrt", "abs", "neg")
)
COMPARISONS = frozenset(("eq", "ne", "lt", "le", "gt", "ge"))
INTO_OUT = _BOTH | COMPARISONS | {"maximum", "minimum"}
IN_PLACE = frozenset(f"{name}_" for name in _BOTH)

_core: Any = import_module("torch._C")
_keys_of: Callable[[Any], Any] = _core._dispatch_keys
_modes_worn: Callable[[], int] = _core._len_torch_dispatch_stack
_has_gradients: Callable[[], bool] = torch.is_grad_enabled
_dual_numbers: Any = import_module("torch.autograd.forward_ad")
_Tensor = torch.Tensor


def _keys_of_the_host() -> frozenset[int]:
    """How the dispatcher knows a tensor that is values in host memory, and nothing else.

    One that is sparse, nested, conjugated, batched, traced or of another device has other keys.
    """
    keys: set[int] = set()
    for inferred in (False, True):
        with torch.inference_mode(inferred):
            keys.add(_keys_of(torch.empty(0, device="cpu")).raw_repr())
    return frozenset(keys)


_HOST = _keys_of_the_host()


def gives_view(args: tuple[Any, ...]) -> bool:
    """Whether a call that gives a view gives one of plain host memory, with nobody in between."""
    first = args[0] if args else None
    return type(first) is _Tensor and _keys_of(first).raw_repr() in _HOST and not _modes_worn()


def takes_nothing(args: tuple[Any, ...], options: dict[str, Any] | None, *, compares: bool) -> bool:
    """Whether arithmetic into `out`, or else into the first of `args`, takes no memory.

    Args:
        args: as they were given; tensors all of them, or the answer is no.
        options: keyword arguments: `out`, and numbers.
        compares: the result is made of truth values.
    """
    if not args or _modes_worn() or _dual_numbers._current_level >= 0:
        return False
    first = args[0]
    if type(first) is not _Tensor:
        return False
    dtype = first.dtype
    shape = first.shape
    is_filled = True
    if options:
        target: Any = None
        for name, value in options.items():
            if name == "out":
                target = value
            elif (type(value) is not float and type(value) is not int) or not dtype.is_floating_point:
                return False
        if target is not None:
            if type(target) is not _Tensor or _keys_of(target).raw_repr() not in _HOST:
                return False
            if target.dtype is not dtype and not (compares and target.dtype is torch.bool):
                return False
            shape = target.shape
            is_filled = False
    for one in args:
        if (
            type(one) is not _Tensor
            or one.dtype is not dtype
            or _keys_of(one).raw_repr() not in _HOST
        ):
            return False
        own = one.shape
        if own == shape:
            is_filled = True
        elif own and not _fits(own, shape):
            return False
    return is_filled and not (_has_gradients() and any(one.requires_grad for one in args))


def _fits(shape: Sequence[int], target: Sequence[int]) -> bool:
    """Whether a shape is spread over that of the target without enlarging it."""
    pairs = zip(reversed(shape), reversed(target), strict=False)
    return len(shape) <= len(target) and all(a in (1, b) for a, b in pairs)
