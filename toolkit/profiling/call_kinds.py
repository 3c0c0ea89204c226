"""What may a call into torch do? Most calls are views or sums, and cannot copy or wait.

Looking inside of a call costs as much as a small operator. So calls are told apart by what their
function can do at all, once for each function:

`PROPERTY` and `VIEW` take nothing; the second calls an operator. `INDEX` is a view if every index
is a number or a slice. `PLAIN` may allocate, and no more: pointwise operators, by the tag that
torch gives them, and functions that make a new tensor. `IN_PLACE` and `INTO_OUT` are of that kind,
but take nothing if their arguments fit. `OTHER` may copy and wait, so what it calls inside is
looked at. `CHANGED` would do something else if it were looked into: on the host, where nothing
waits, it is not. `TOLD` copies at most what the allocator's stream tells by itself, as long as all
stays on the host: then it is listened to, which costs a quarter of a look.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch

from toolkit.profiling import in_place

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CHANGED",
    "INDEX",
    "INTO_OUT",
    "IN_PLACE",
    "OTHER",
    "PLAIN",
    "PROPERTY",
    "TOLD",
    "VIEW",
    "is_view_index",
    "kind_of",
    "name_of",
    "words",
]

PROPERTY, VIEW, INDEX, PLAIN, IN_PLACE, INTO_OUT, OTHER, CHANGED, TOLD = range(9)


def words(text: str) -> frozenset[str]:
    """The words of a text, for lists of names that would be a page long with one on each line."""
    return frozenset(text.split())


_PROPERTIES = words(
    """
    __get__ __len__ dim ndimension size stride numel nelement element_size data_ptr storage_offset
    untyped_storage is_contiguous is_floating_point is_complex is_pinned is_inference get_device
    has_names is_conj is_neg is_same_size is_set_to
    requires_grad_ is_grad_enabled _set_grad_enabled register_hook retain_grad promote_types
    result_type can_cast
    """
)
_VIEWS = words(
    """
    alias as_strided detach diagonal expand expand_as movedim moveaxis narrow permute select squeeze
    squeeze_ swapaxes swapdims t t_ transpose transpose_ unsqueeze unsqueeze_ unbind unflatten
    unfold view view_as view_as_real view_as_complex split split_with_sizes chunk tensor_split
    adjoint broadcast_to broadcast_tensors hsplit vsplit dsplit
    """
)
_MAKES_NEW = words(
    """
    empty empty_like empty_strided new_empty new_empty_strided zeros zeros_like new_zeros
    ones ones_like new_ones full full_like new_full
    """
)
# They do otherwise while a dispatch mode is on: gradients are summed out of place, singular vectors
# are computed where the values were asked for, an argument is not checked.
_CHANGED_BY_LOOKING = words(
    """
    backward grad quantile nanquantile ctc_loss norm nuclear_norm linalg_norm linalg_matrix_norm
    linalg_cond linalg_matrix_rank linalg_svdvals linalg_eigvals linalg_eigvalsh
    """
)
# Their copies fill a result that they allocate, or have no size at a look either.
_TOLD = words(
    """
    to float double half bfloat16 int long short char byte bool
    clone contiguous flatten reshape reshape_as ravel repeat tile stack cat concat
    pad interpolate max_pool2d max_pool2d_with_indices avg_pool2d index_select topk sort argsort
    mm matmul bmm addmm baddbmm conv1d conv2d
    """
)
# Tagged as pointwise like the rest, though these copy, wait or convert.
_NOT_PLAIN = frozenset({"clone", "equal", "where", "masked_fill", "float_power"})
_DUNDERS = words(
    """
    add sub mul div truediv floordiv mod pow neg pos abs invert and or xor lshift rshift
    eq ne lt le gt ge
    """
)
_BASIC_INDEX = frozenset((int, slice, type(None), type(Ellipsis)))
_Overloads: type = import_module("torch._ops").OpOverload
_full_name: Callable[[Any], str | None] = import_module("torch.overrides").resolve_name


def kind_of(function: Any) -> int:
    """What a function of torch may do."""
    name = getattr(function, "__name__", "")
    if name == "__getitem__":
        return INDEX
    if name in _PROPERTIES:
        return PROPERTY
    if name in _VIEWS:
        return VIEW if function is not torch.nn.functional.unfold else OTHER
    if name in _MAKES_NEW:
        return PLAIN
    if name in _CHANGED_BY_LOOKING:
        return CHANGED
    if name in _TOLD:
        return TOLD
    if not _is_pointwise(name):
        return OTHER
    if name in in_place.IN_PLACE:
        return IN_PLACE
    return INTO_OUT if name in in_place.INTO_OUT else PLAIN


def is_view_index(index: object) -> bool:
    """Whether `tensor[index]` is a view: no index is a tensor, a list or a truth value."""
    if type(index) is tuple:
        return _BASIC_INDEX.issuperset(map(type, index))  # pyright: ignore[reportUnknownArgumentType]
    return type(index) in _BASIC_INDEX


def name_of(function: Any) -> str:
    """What a function is called: by the operator's name where it is one, else as torch says it."""
    if isinstance(function, _Overloads):
        return str(getattr(function, "_name", function)).partition(".")[0]
    name = getattr(function, "__name__", "")
    if _overloads(name):
        return f"aten::{name}"
    return _full_name(function) or name or repr(function)


def _is_pointwise(name: str) -> bool:
    if name.startswith("__") and name.endswith("__"):
        bare = name.strip("_")
        return bare in _DUNDERS or bare[1:] in _DUNDERS  # __radd__ and __iadd__, too
    if name in _NOT_PLAIN:
        return False
    packet = _overloads(name)
    return packet is not None and any(
        torch.Tag.pointwise in getattr(packet, one).tags for one in packet.overloads()
    )


def _overloads(name: str) -> Any:
    if not name or name.startswith("__"):
        return None
    try:
        return getattr(torch.ops.aten, name)
    except (AttributeError, RuntimeError):
        return None
