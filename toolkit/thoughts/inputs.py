"""What does a thought have while its frame may go? Results, copies of them, or the frame itself."""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

import torch
from torch import Tensor

from toolkit import hooks
from toolkit.devices import fence_for
from toolkit.frame import FrameError, MissingAttachment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from toolkit.frame import Frame

__all__ = ["TAKES", "Inputs", "Takes"]

Takes = Literal["results", "copies", "frame"]
TAKES: tuple[Takes, ...] = get_args(Takes)


class Inputs:
    """What one thought looks at, taken from a frame without computing or copying.

    Args:
        frame: where it is taken from.
        needs: names of results that are attached, or `"pixels"`.
        takes: `"results"` holds a reference to each, and nothing of the frame; `"copies"` holds a
            lease until `begin`, which copies; `"frame"` holds a lease until `release`.

    Raises:
        MissingAttachment: one is not there.
        FrameError: one lies in the frame's slot, and `takes` is `"results"`.
    """

    __slots__ = ("_device", "_fence", "_lease", "_mark", "_takes", "_values")

    def __init__(self, frame: Frame, needs: tuple[str, ...], takes: Takes) -> None:
        self._values = tuple(_read(frame, name) for name in needs)
        if takes == "results":
            _refuse_views(frame, needs, self._values)
        self._takes = takes
        self._device = str(frame.device)
        self._fence = fence_for(frame.device)
        self._mark = None if self._fence is None else self._fence.record()
        self._lease = None if takes == "results" else frame.lease()

    def begin(self) -> tuple[Any, ...]:
        """The values, in order. Copies them with `"copies"`, on the bill; then the frame may go.

        What the calling thread queues on the frame's device follows what computed them.
        """
        values = self._values
        if self._fence is not None:
            self._fence.wait(self._mark)
        if self._lease is not None:
            _ = self._lease.pixels  # the slot notes who reads it, and the next writer follows
        if self._takes == "copies":
            values = tuple(_map(self._copy, value) for value in values)
            self.release()
        return values

    def release(self) -> None:
        """Let go of all of it. A second call does nothing."""
        lease, self._lease = self._lease, None
        for tensor in _tensors(self._values):
            if tensor.is_cuda:  # its memory goes to nobody else before this stream is done with it
                tensor.record_stream(torch.cuda.current_stream(tensor.device))
        self._values = ()
        if lease is not None:
            lease.release()

    def _copy(self, tensor: Tensor) -> Tensor:
        side = "h" if tensor.device.type == "cpu" else "d"
        with hooks.timed(
            "copy", tensor.nbytes, device=self._device, direction=f"{side}2{side}", op="thought"
        ):
            return tensor.clone()


def _read(frame: Frame, name: str) -> Any:
    if name == "pixels":
        return frame.pixels
    value = frame.get(name)
    if value is None:
        raise MissingAttachment(
            f"frame {frame.index} has no {name!r} yet, and a thought computes nothing on its frame:"
            f" add {name!r} to `want`. Attached: {', '.join(frame.names()) or 'nothing'}"
        )
    return value


def _refuse_views(frame: Frame, needs: tuple[str, ...], values: tuple[Any, ...]) -> None:
    own = _memory_of(frame.pixels)
    for name, value in zip(needs, values, strict=True):
        if any(_memory_of(one) == own for one in _tensors(value)):
            raise FrameError(
                f"{name!r} lies in the slot of frame {frame.index}, which the next frame overwrites"
                ": take 'copies', or the 'frame', which occupies a slot as long as the thought"
            )


def _memory_of(tensor: Tensor) -> int:
    """A number that tensors share which are views of one memory."""
    if tensor.device.type == "emu":  # whose tensors have no address on the host
        return id(tensor if tensor._base is None else tensor._base)
    return tensor.untyped_storage().data_ptr()


def _tensors(value: Any) -> Iterator[Tensor]:
    found: list[Tensor] = []
    _map(lambda tensor: found.append(tensor) or tensor, value)
    return iter(found)


def _map(change: Callable[[Tensor], Tensor], value: Any) -> Any:
    """The same value with every tensor in it changed: in tuples, lists, dicts and dataclasses."""
    if isinstance(value, Tensor):
        return change(value)
    if isinstance(value, dict):
        return {key: _map(change, one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        parts = [_map(change, one) for one in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if is_dataclass(value) and not isinstance(value, type):
        own = {one.name: getattr(value, one.name) for one in fields(value) if one.init}
        return replace(value, **{name: _map(change, one) for name, one in own.items()})
    return value
