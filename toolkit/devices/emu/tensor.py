"""What is a tensor of the emulated device? A wrapper around host memory that only kernels reach.

Whatever would read or share its memory without a transfer fails as it does on CUDA, with the same
way out: `.cpu()`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

import torch

from toolkit import hooks
from toolkit.devices.emu.memory import MEMORY
from toolkit.devices.emu.streams import DEVICE

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["EmuTensor", "set_dispatch", "unwrap", "wrap"]

_make: Callable[..., Any] = torch.Tensor._make_wrapper_subclass  # pyright: ignore[reportAttributeAccessIssue]
_device = torch.device("cpu")  # known once torch knows the device
_dispatch: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]


def set_dispatch(dispatch: Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]) -> None:
    """Say what runs operators; called once, when torch knows the device."""
    global _dispatch, _device
    _dispatch = dispatch
    _device = torch.device(DEVICE)


class EmuTensor(torch.Tensor):
    """A tensor on `emu:0`. Made by factories with `device="emu"` and by `.to("emu")`, not by hand.

    Attributes:
        raw: the emulated memory; for kernels alone.
        key: of its block in `Memory`.
    """

    raw: torch.Tensor
    key: int

    @staticmethod
    def __new__(cls: type[EmuTensor], raw: torch.Tensor) -> EmuTensor:
        """Wrap memory. Allocates nothing.

        Raises:
            torch.OutOfMemoryError: the memory is new, and above the device's capacity.
            NotImplementedError: the layout is not strided.
        """
        if raw.layout != torch.strided:
            raise NotImplementedError(
                f"{DEVICE} has strided tensors alone, and this one is {raw.layout}: call "
                ".to_dense(), or keep it on the host."
            )
        key = MEMORY.hold(raw)
        made: EmuTensor = _make(
            cls,
            raw.shape,
            strides=raw.stride(),
            storage_offset=raw.storage_offset(),
            dtype=raw.dtype,
            layout=raw.layout,
            device=_device,
        )
        made.raw = raw
        made.key = key
        return made

    def __del__(self) -> None:
        if "raw" in self.__dict__:  # else it did not fit, and there is nothing to give back
            with hooks.device_memory(DEVICE):
                del self.raw
            MEMORY.let_go(self.key)

    __torch_function__ = torch._C._disabled_torch_function_impl  # pyright: ignore[reportAssignmentType]

    @classmethod
    def __torch_dispatch__(
        cls,
        func: Any,
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        return _dispatch(func, args, kwargs or {})

    # -- reading needs a download ----------------------------------------------------------------

    def tolist(self) -> Any:
        """The values as Python numbers. One download, and a wait for it."""
        return self.detach().cpu().tolist()

    def __repr__(self, *, tensor_contents: str | None = None) -> str:
        """The values as text. One download, and a wait for it."""
        parts = [repr(self.detach().cpu())[:-1] if tensor_contents is None else tensor_contents]
        parts.append(f"device={DEVICE!r}")
        if self.grad_fn is not None:
            parts.append(f"grad_fn=<{type(self.grad_fn).__name__}>")
        elif self.requires_grad:
            parts.append("requires_grad=True")
        heading = "Parameter containing:\n" if isinstance(self, torch.nn.Parameter) else ""
        return f"{heading}{', '.join(parts)})"

    def __format__(self, spec: str) -> str:
        if self.dim() == 0:
            return format(self.item(), spec)
        return format(repr(self), spec)

    # -- what would reach the memory without one -------------------------------------------------

    def numpy(self, *, force: bool = False) -> Any:
        """An array, with `force=True` alone: one download.

        Raises:
            TypeError: without it.
        """
        if force:
            return self.detach().cpu().numpy()
        raise TypeError(
            f"can't convert {DEVICE} device type tensor to numpy. Use Tensor.cpu() to copy the "
            "tensor to host memory first."
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        return self.numpy()

    def __dlpack__(self, **options: Any) -> NoReturn:
        raise BufferError(
            f"memory of {DEVICE} is emulated, and no other library can reach it: hand out "
            "tensor.cpu(), whose download is on the bill."
        )

    def __dlpack_device__(self) -> NoReturn:
        self.__dlpack__()

    def data_ptr(self) -> NoReturn:
        """Refused.

        Raises:
            RuntimeError: always; there is no address that other code could use.
        """
        raise RuntimeError(
            f"a tensor on {DEVICE} has no address: its memory is emulated. Use operators of torch, "
            "or tensor.cpu().data_ptr()."
        )

    def share_memory_(self) -> NoReturn:
        """Refused.

        Raises:
            RuntimeError: always; processes share host memory alone.
        """
        raise RuntimeError(
            f"memory of {DEVICE} is emulated in this process: share tensor.cpu() instead."
        )

    # -- duplicates ------------------------------------------------------------------------------

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if id(self) in memo:
            return memo[id(self)]
        if not self.is_leaf:
            raise RuntimeError(
                "only tensors that the user created can be deep-copied; this one is a result with "
                "gradients: copy tensor.detach()."
            )
        with torch.no_grad():
            copy: Any = self.detach().clone()
        if isinstance(self, torch.nn.Parameter):
            copy = torch.nn.Parameter(copy, self.requires_grad)
        copy.requires_grad_(self.requires_grad)
        memo[id(self)] = copy
        if self.grad is not None:
            copy.grad = self.grad.__deepcopy__(memo)
        return copy

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Pickled as a tensor on the host. One download; loading is one upload."""
        is_parameter = isinstance(self, torch.nn.Parameter)
        return rebuild, (self.detach().cpu(), self.requires_grad, is_parameter)


def rebuild(values: torch.Tensor, requires_grad: bool, is_parameter: bool) -> torch.Tensor:
    """A pickled tensor, back on the device; the device is put on where it is not."""
    from toolkit.devices import emu

    emu.ensure()
    loaded = values.to(DEVICE)
    if is_parameter:
        return torch.nn.Parameter(loaded, requires_grad)
    return loaded.requires_grad_(requires_grad)


def unwrap(value: Any) -> Any:
    """The memory behind tensors of the device, in lists and tuples too; the host for the device."""
    kind = type(value)
    if kind is EmuTensor:
        return value.raw
    if kind is list or kind is tuple:
        return kind(map(unwrap, value))
    if kind is torch.device and value.type == "emu":
        return torch.device("cpu")
    return value


def wrap(value: Any) -> Any:
    """Results of kernels as tensors of the device, in lists and tuples too."""
    if isinstance(value, torch.Tensor):
        return EmuTensor(value)
    if isinstance(value, (list, tuple)):
        return type(value)(map(wrap, value))  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return value
