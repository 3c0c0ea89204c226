"""How does an operator run on the device? As its host kernel, on memory of the device.

Tensors of the device come here by `__torch_dispatch__`; factories, which have no tensor, and the
inside of torch's constructors by kernels that are registered one by one, for torch does not find a
boxed fallback there. Operands on the host are refused as CUDA does, but for single numbers.
"""

from __future__ import annotations

from typing import Any

import torch

from toolkit import hooks
from toolkit.devices.emu import crossing
from toolkit.devices.emu.cells import CELLS
from toolkit.devices.emu.memory import MEMORY
from toolkit.devices.emu.rules import Rule, read_back, rule_of
from toolkit.devices.emu.streams import CLOCK, DEVICE, current_stream
from toolkit.devices.emu.tensor import EmuTensor, unwrap, wrap

__all__ = ["dispatch", "register"]

_aten: Any = torch.ops.aten
_COPIES_INTO = frozenset({_aten.copy_.default})
_COPIES_FROM = frozenset({_aten._copy_from.default, _aten._copy_from_and_resize.default})


def dispatch(func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Run one operator of torch.

    Raises:
        RuntimeError: an operand lies on the host, where CUDA would refuse it, too.
        torch.OutOfMemoryError: the result does not fit.
    """
    if func is _aten._to_copy.default:
        return crossing.to_copy(args[0], kwargs)
    if func in _COPIES_INTO:
        target, source, is_async = _copy_arguments(*args, **kwargs)
        return crossing.copy_into(target, source, is_async=is_async)
    if func in _COPIES_FROM:
        source, target, is_async = _copy_arguments(*args, **kwargs)
        return crossing.copy_into(target, source, is_async=is_async)
    if func is _aten._local_scalar_dense.default:
        return crossing.download_number(func, args[0])
    rule = rule_of(func)
    wanted = kwargs.get("device")
    if wanted is not None and torch.device(wanted).type != "emu":
        return func(*unwrap(args), **{name: unwrap(one) for name, one in kwargs.items()})
    _check_sides(rule, args)
    for nbytes in read_back(rule, args, kwargs):
        crossing.read_back(rule.op, nbytes)
    return _compute(func, rule, args, kwargs)


def _copy_arguments(one: Any, other: Any, non_blocking: bool = False) -> tuple[Any, Any, bool]:
    return one, other, non_blocking


def _compute(func: Any, rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    values = {name: unwrap(one) for name, one in kwargs.items() if name != "pin_memory"}
    with hooks.device_memory(DEVICE):
        try:
            raw = CELLS.get(func, func)(*unwrap(args), **values)
        except NotImplementedError as error:
            raise NotImplementedError(
                f"{rule.op} has no kernel for the host, so {DEVICE} cannot run it; bring its "
                "operands to the host with .cpu()."
            ) from error
        except RuntimeError as error:
            if "not enough memory" not in str(error):
                raise
            raise torch.OutOfMemoryError(f"{DEVICE}: the host has no more memory") from error
        if rule.is_view and torch.is_inference_mode_enabled() and not args[0].is_inference():
            with torch.inference_mode(False):  # a view shares its tensor's count of writes
                out = _answer(rule, args, kwargs, raw)
        else:
            out = _answer(rule, args, kwargs, raw)
    if rule.is_copy:
        crossing.copy_on_device(rule.op, out.nbytes, args[0].nbytes)
    elif not (rule.is_view or rule.is_empty):
        CLOCK.launch(current_stream().queue, _bytes_of(args) + _bytes_of(out))
    return out


def _answer(rule: Rule, args: tuple[Any, ...], kwargs: dict[str, Any], raw: Any) -> Any:
    """What the caller gets: the tensors that were written to, as handed in, or new ones."""
    if rule.host_result >= 0:
        return tuple(
            one if place == rule.host_result else wrap(one) for place, one in enumerate(raw)
        )
    if not rule.written:
        return wrap(raw)
    handed_in = [
        args[place] if place < len(args) else kwargs.get(rule.names[place])
        for place in rule.written
    ]
    known: dict[int, EmuTensor] = {}
    for one in handed_in:
        for tensor in one if isinstance(one, (list, tuple)) else (one,):  # pyright: ignore[reportUnknownVariableType]
            if type(tensor) is EmuTensor:
                _follow(tensor)
                known[id(tensor.raw)] = tensor
    return _known_or_wrapped(raw, known)


def _known_or_wrapped(raw: Any, known: dict[int, EmuTensor]) -> Any:
    if isinstance(raw, torch.Tensor):
        found = known.get(id(raw))
        return wrap(raw) if found is None else found
    if isinstance(raw, (list, tuple)):
        return type(raw)([_known_or_wrapped(one, known) for one in raw])  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return raw


def _follow(tensor: EmuTensor) -> None:
    """A kernel may have given the memory another shape or size: `resize_`, `set_`, `out=`."""
    raw = tensor.raw
    storage = raw.untyped_storage()
    if storage._cdata != tensor.key:
        old, tensor.key = tensor.key, MEMORY.hold(raw)
        MEMORY.let_go(old)
    MEMORY.resized(tensor.key, storage.nbytes())
    if tensor.shape != raw.shape or tensor.stride() != raw.stride():
        tensor.data = EmuTensor(raw)


def _check_sides(rule: Rule, args: tuple[Any, ...]) -> None:
    for place, one in enumerate(args):
        if type(one) is list or type(one) is tuple:
            is_index = rule.is_index and place == 1
            for each in one:
                if isinstance(each, torch.Tensor) and type(each) is not EmuTensor:
                    if is_index:
                        crossing.upload_index(each)
                    elif not rule.takes_host:
                        _refuse(rule, each)
        elif isinstance(one, torch.Tensor) and type(one) is not EmuTensor and not rule.takes_host:
            if one.dim():
                _refuse(rule, one)
            if rule.uploads_numbers:
                crossing.upload_number(rule.op, torch.result_type(args[1], args[2]).itemsize)


def _refuse(rule: Rule, tensor: torch.Tensor) -> None:
    raise RuntimeError(
        "Expected all tensors to be on the same device, but found at least two devices, "
        f"{DEVICE} and {tensor.device}! ({rule.op} was given a tensor of shape "
        f"{tuple(tensor.shape)} on {tensor.device}.) Move it once, with .to({DEVICE!r})."
    )


def _bytes_of(value: Any) -> int:
    if type(value) is EmuTensor:
        return value.numel() * value.element_size()
    if type(value) is tuple or type(value) is list:
        return sum(map(_bytes_of, value))
    return 0


def register() -> Any:
    """Register every operator of torch for the device. Keep the library that comes back."""
    library = torch.library.Library("aten", "IMPL")
    core: Any = torch._C
    for name in core._dispatch_get_all_op_names():
        if not name.startswith("aten::"):
            continue
        if core._dispatch_has_kernel_for_dispatch_key(name, "CompositeImplicitAutograd"):
            continue
        packet, _, overload = name[6:].partition(".")
        func = getattr(getattr(_aten, packet, None), overload or "default", None)
        if func is not None:
            library.impl(name[6:], _kernel(func), "PrivateUse1")
    return library


def _kernel(func: Any) -> Any:
    def kernel(*args: Any, **kwargs: Any) -> Any:
        return dispatch(func, args, kwargs)

    return kernel
