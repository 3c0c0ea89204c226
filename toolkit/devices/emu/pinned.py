"""Which host memory is page-locked? That which `tensor.pin_memory()` gave while the device is on.

Nothing is locked for real: the memory is remembered, and copies from and to it run at the speed of
the link and need not wait. As page-locked memory is, it is taken past torch's allocator; so it is
reported.
"""

from __future__ import annotations

import math
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from toolkit import hooks

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["install", "is_pinned", "pinned_empty_like"]

_blocks: dict[int, int] = {}  # address -> bytes
_before: list[Any] = []


class _Block(np.ndarray):
    """Host memory that tells when the last tensor in it is gone."""


def pinned_empty_like(like: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    """Page-locked host memory of the shape and strides of `like`. One allocation, reported."""
    dtype = dtype or like.dtype
    nbytes = math.prod(like.shape) * dtype.itemsize
    block = np.empty(max(nbytes, 1), np.uint8).view(_Block)
    address = block.ctypes.data
    _blocks[address] = block.nbytes
    weakref.finalize(block, _blocks.pop, address, None)
    hooks.report("alloc", nbytes, op="pinned")
    flat = torch.from_numpy(block)[:nbytes].view(dtype)
    is_dense = like.is_contiguous() or like.is_contiguous(memory_format=torch.channels_last)
    return flat.as_strided(like.shape, like.stride()) if is_dense else flat.view(like.shape)


def is_pinned(tensor: Tensor) -> bool:
    """Whether the tensor's memory is page-locked, by this device or by CUDA."""
    if not _blocks and not torch.cuda.is_available():
        return False
    if tensor.device.type != "cpu" or tensor.layout != torch.strided:
        return False
    if tensor.untyped_storage().data_ptr() in _blocks:
        return True
    return torch.cuda.is_available() and bool(_before[1](tensor, "cuda"))


def install() -> None:
    """Let `tensor.pin_memory()` and `tensor.is_pinned()` know this memory. Once.

    A registered device of torch is asked for page-locked memory even where CUDA is there, and this
    one cannot answer in C++; so the methods are replaced, and hand on to CUDA where it is there.
    """
    if _before:
        return
    method: Any = torch.Tensor
    _before[:] = [method.pin_memory, method.is_pinned]
    method.pin_memory = _pin_memory
    method.is_pinned = _is_pinned


def _pin_memory(tensor: Tensor, device: object = None) -> Tensor:
    """A copy in page-locked memory; the tensor itself where it is page-locked already.

    Raises:
        RuntimeError: the tensor is not in host memory.
    """
    if tensor.device.type != "cpu":
        raise RuntimeError(
            f"cannot pin a tensor on {tensor.device}: only dense host memory can be page-locked; "
            "call .cpu() first"
        )
    if is_pinned(tensor):
        return tensor
    if torch.cuda.is_available():
        return _before[0](tensor, "cuda")
    pinned = pinned_empty_like(tensor)
    with hooks.timed("copy", tensor.nbytes, direction="h2h", op="pin_memory"):
        return pinned.copy_(tensor)


def _is_pinned(tensor: Tensor, device: object = None) -> bool:
    """Whether the memory is page-locked."""
    return is_pinned(tensor)
