"""What does an operator do on a device besides computing? What CUDA does, by torch's sources.

A *view* launches nothing. What reads a number back, or needs to know how many values there are
before it can allocate, makes the host wait; so do decompositions, which look whether they converged
(`at::_linalg_check_errors`), and the CTC loss, whose lengths the host reads (`ctc_loss_tensor`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

__all__ = ["Rule", "read_back", "rule_of"]

COUNT = 8  # an int64 says how many
FLAG = 1  # a truth value says whether

_EMPTY = frozenset(
    {"empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided", "empty_permuted"}
)
_COPIES = frozenset({"clone", "repeat"})
_READ_BACK = {
    "nonzero": COUNT,
    "masked_select": COUNT,
    "_unique": COUNT,
    "_unique2": COUNT,
    "unique_dim": COUNT,
    "unique_consecutive": COUNT,
    "unique_dim_consecutive": COUNT,
    "bincount": COUNT,
    "equal": FLAG,
    "allclose": FLAG,
    "_linalg_check_errors": FLAG,
    "_linalg_svd": FLAG,
    "_linalg_eigh": FLAG,
    "linalg_eig": FLAG,
    "linalg_lstsq": FLAG,
    "linalg_matrix_exp": COUNT,
}
# Which of their arguments they bring to the host, to run over them there.
_LENGTHS = ("input_lengths", "target_lengths")
_READS = {"_ctc_loss": _LENGTHS, "_ctc_loss_backward": _LENGTHS}
_INDEXES = frozenset({"index", "index_put", "index_put_", "_index_put_impl_", "_unsafe_index"})
# Which of their results stay on the host, and which arguments must.
_HOST_RESULTS = {"_pack_padded_sequence": 1}
_TAKES_HOST = frozenset({"_pack_padded_sequence", "lstm", "gru", "rnn_tanh", "rnn_relu"})
# A single number on the host is an argument of a kernel, but for these, which send it up first.
_UPLOADS_NUMBERS = frozenset({"where"})


@dataclass(frozen=True, slots=True)
class Rule:
    """What is known of one operator.

    Attributes:
        op: its name, such as `"aten::add"`.
        is_view: gives its input's memory, and launches nothing.
        is_empty: allocates, and launches nothing.
        is_copy: a copy on the device.
        is_index: takes a list of indices, masks among them.
        read_back: bytes that it reads back to the host, 0 if none.
        reads: places of the arguments that it brings to the host, as int64.
        written: places of the arguments that it writes to.
        names: of all arguments.
        host_result: place of the result that stays on the host, -1 if none.
        takes_host: whether tensors on the host may be among its arguments.
        uploads_numbers: sends up single numbers that lie on the host, one by one.
    """

    op: str
    is_view: bool
    is_empty: bool
    is_copy: bool
    is_index: bool
    read_back: int
    reads: tuple[int, ...]
    written: tuple[int, ...]
    names: tuple[str, ...]
    host_result: int
    takes_host: bool
    uploads_numbers: bool


_rules: dict[Any, Rule] = {}


def rule_of(func: Any) -> Rule:
    """The rule of an operator, made when it is first asked for."""
    rule = _rules.get(func)
    if rule is None:
        rule = _rules[func] = _make(func)
    return rule


def read_back(rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[int]:
    """The sizes of what a call reads back to the host, one for each time that it waits."""
    if rule.is_index:
        masks = [one for one in args[1] if _is_mask(one)]
        is_filled = rule.op != "aten::index" and len(args) > 2 and args[2].numel() == 1
        if is_filled and len(masks) == 1:
            return []  # `tensor[mask] = number` becomes masked_fill, which waits for nothing
        return [COUNT for mask in masks if _is_there(mask)]
    if rule.read_back:
        return [rule.read_back]
    if rule.reads:
        return [COUNT * args[place].numel() for place in rule.reads if _is_there(args[place])]
    if kwargs.get("check_errors"):
        return [FLAG]
    if rule.op == "aten::repeat_interleave" and kwargs.get("output_size") is None:
        return [COUNT]
    return []


def _make(func: Any) -> Rule:
    schema = func._schema
    op = str(schema.name)
    name = op.rpartition("::")[2]
    names = tuple(one.name for one in schema.arguments)
    written = tuple(
        place
        for place, one in enumerate(schema.arguments)
        if one.alias_info is not None and one.alias_info.is_write
    )
    aliases = [one.alias_info for one in schema.returns]
    is_view = bool(aliases) and all(one is not None and not one.is_write for one in aliases)
    return Rule(
        op,
        is_view or name in ("_unsafe_view", "_reshape_alias", "lift_fresh"),
        name in _EMPTY or name in ("resize_", "set_"),
        name in _COPIES,
        name in _INDEXES,
        _READ_BACK.get(name, 0),
        tuple(names.index(one) for one in _READS.get(name, ())),
        written,
        names,
        _HOST_RESULTS.get(name, -1),
        name in _TAKES_HOST,
        name in _UPLOADS_NUMBERS,
    )


def _is_there(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.device.type != "cpu"


def _is_mask(index: Any) -> bool:
    return isinstance(index, torch.Tensor) and index.dtype in (torch.bool, torch.uint8)
