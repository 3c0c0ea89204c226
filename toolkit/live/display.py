"""What does a page get to see of a result? Its picture, at the size it is shown, as bytes.

    display = Display()
    pixels = display.picture(frame["edges"], size=(640, 480))    # (480, 640) uint8 on the host

Resizing and conversion to uint8 run on the device of the result, in memory that all kinds of
pictures share; then one copy brings the picture to the host, no larger than it is shown. Nothing is
allocated for a further picture of a kind, unless a larger kind came meanwhile.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor

from toolkit import hooks
from toolkit.devices import queues_of
from toolkit.live.planes import Layout, NotAPicture, layout_of, view_planes, yuv_to_levels
from toolkit.live.resample import Resampler, fit
from toolkit.live.scratch import Scratch

if TYPE_CHECKING:
    import numpy as np

    from toolkit.spec import FrameSpec

__all__ = ["Display", "NotAPicture"]

_MOST_KINDS = 12  # of pictures that are remembered: names times sizes


class Display:
    """Turns results into pictures on the host. It belongs to one thread at a time."""

    def __init__(self) -> None:
        self._makers: OrderedDict[Any, _Maker] = OrderedDict()
        self._scratches: dict[torch.device, Scratch] = {}

    @property
    def nbytes(self) -> int:
        """What is kept for further pictures, on host and devices, but for tables of some kB."""
        kept = sum(maker.nbytes for maker in self._makers.values())
        return kept + sum(scratch.nbytes for scratch in self._scratches.values())

    def picture(
        self,
        value: object,
        *,
        size: tuple[float, float] = (0, 0),
        spec: FrameSpec | None = None,
    ) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The picture as (h, w, 3) or (h, w) uint8, valid until the next one of the same kind.

        Waits for the device: one copy from it, of the size that is returned. Numbers beyond 0 and
        1 are cut off, and what is no number is black.

        Args:
            value: (H, W), or (C, H, W) or (1, C, H, W) with C of 1 or 3: uint8, bool, or float in
                [0, 1]. With C of 2 it is a flow, shown by its length, the longest white.
            size: width and height of the place where it is shown; the picture fits in and is not
                enlarged. 0 sets no limit.
            spec: of the frame, where `value` is its own pixels.

        Raises:
            NotAPicture: it is none, with a sentence that says what it is.
        """
        layout = layout_of(value, spec)
        target = fit(layout.width, layout.height, *size)
        key = (layout, target)
        maker = self._makers.get(key)
        if maker is None:
            maker = self._makers[key] = self._make_maker(layout, target)
            while len(self._makers) > _MOST_KINDS:
                self._makers.popitem(last=False)
        self._makers.move_to_end(key)
        with torch.no_grad():
            return maker.make(cast("Tensor", value))

    def _make_maker(self, layout: Layout, size: tuple[int, int]) -> _Maker:
        scratch = self._scratches.setdefault(layout.device, Scratch(layout.device))
        scratch.rewind()
        maker = _Maker(layout, size, scratch)
        if scratch.has_grown:
            self._makers.clear()  # they hold on to the smaller blocks
        return maker


class _Maker:
    """Makes pictures of one layout and one size; only what it gives is in memory of its own."""

    def __init__(self, layout: Layout, size: tuple[int, int], scratch: Scratch) -> None:
        self._layout = layout
        width, height = size
        device, extent = layout.device, (layout.height, layout.width)
        channels = {"gray": 1, "rgb": 3, "flow": 2, "i420": 1}[layout.kind]
        groups = [(channels, extent)]
        if layout.kind == "i420":
            groups.append((2, ((extent[0] + 1) // 2, (extent[1] + 1) // 2)))
        self._steps = [
            _Step(count, there, (height, width), layout, scratch) for count, there in groups
        ]
        self._mix = _MIXES[layout.kind](layout, height, width, scratch)
        shown = 3 if layout.kind in ("rgb", "i420") else 1
        self._is_ready_made = (
            layout.dtype == torch.uint8
            and layout.kind in ("gray", "rgb")
            and all(step.is_idle for step in self._steps)
        )
        self._planes = scratch.take((shown, height, width), torch.uint8)
        shape = (height, width, 3) if shown == 3 else (height, width)
        self._bytes = torch.empty(shape, dtype=torch.uint8, device=device)
        self._host = self._bytes if device.type == "cpu" else _host_memory(shape, device)
        self._view = self._host.numpy()

    @property
    def nbytes(self) -> int:
        """Of its own."""
        return self._bytes.nbytes * (1 if self._host is self._bytes else 2)

    def make(self, value: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
        """The picture, on the host."""
        planes = view_planes(value, self._layout)
        if self._is_ready_made:
            levels = planes[0]
        else:
            parts = [step(one) for step, one in zip(self._steps, planes, strict=True)]
            levels = self._planes.copy_(self._mix(parts).clamp_(0.0, 255.5))
        if len(levels) == 3:
            torch.stack((levels[0], levels[1], levels[2]), dim=-1, out=self._bytes)
        else:
            self._bytes.copy_(levels[0])
        if self._host is not self._bytes:
            device = str(self._layout.device)
            with hooks.timed(
                "copy", self._bytes.nbytes, device=device, direction="d2h", op="display"
            ):
                self._host.copy_(self._bytes)
        return self._view


class _Step:
    """Planes of any dtype as float32 at the size that is shown. Not to be written to."""

    def __init__(
        self,
        channels: int,
        extent: tuple[int, int],
        size: tuple[int, int],
        layout: Layout,
        scratch: Scratch,
    ) -> None:
        self._resample = Resampler(channels, extent, size, scratch, layout.flips)
        self.is_idle = self._resample.is_idle
        is_float = layout.dtype == torch.float32
        self._floats = None if is_float else scratch.take((channels, *extent))

    def __call__(self, planes: Tensor) -> Tensor:
        floats = planes if self._floats is None else self._floats.copy_(planes)
        return self._resample(floats)


# Each mix gives levels of 0.5 to 255.5, in the scratch: cut off below 256, the conversion to
# bytes, which truncates, rounds. Numbers that are added are tensors, or factors of `add`: torch
# makes a tensor of any other Python number on every call.


class _Levels:
    """Gray and colours; black for what is no number."""

    def __init__(self, layout: Layout, height: int, width: int, scratch: Scratch) -> None:
        shape = (3 if layout.kind == "rgb" else 1, height, width)
        self._levels = scratch.take(shape)
        self._half = torch.tensor(0.5).to(layout.device)
        self._scale = 1.0 if layout.dtype == torch.uint8 else 255.0
        self._may_be_nan = layout.dtype.is_floating_point

    def __call__(self, parts: list[Tensor]) -> Tensor:
        (levels,) = parts
        if self._may_be_nan:
            levels = torch.nan_to_num(levels, nan=0.0, out=self._levels)
        return torch.add(self._half, levels, alpha=self._scale, out=self._levels)


class _Lengths:
    """A flow: its length at each pixel, the longest of the picture white."""

    def __init__(self, layout: Layout, height: int, width: int, scratch: Scratch) -> None:
        self._lengths = scratch.take((1, height, width))
        self._longest = torch.empty((1, 1, 1), device=layout.device)
        self._half = torch.tensor(0.5).to(layout.device)

    def __call__(self, parts: list[Tensor]) -> Tensor:
        (flow,) = parts
        lengths = torch.mul(flow[:1], flow[:1], out=self._lengths)
        lengths.addcmul_(flow[1:], flow[1:]).sqrt_()
        torch.nan_to_num(lengths, nan=0.0, out=lengths)
        longest = torch.amax(lengths, dim=(0, 1, 2), keepdim=True, out=self._longest)
        lengths.div_(longest.clamp_min_(1e-6))
        return torch.add(self._half, lengths, alpha=255.0, out=lengths)


class _Colours:
    """Luma and chroma: red, green and blue by the matrix of the frame."""

    def __init__(self, layout: Layout, height: int, width: int, scratch: Scratch) -> None:
        assert layout.spec is not None
        matrix, bias = yuv_to_levels(layout.spec)
        self._matrix = torch.tensor(matrix).to(layout.device)
        self._bias = (torch.tensor(bias) + 0.5).view(3, 1).to(layout.device)
        self._yuv = scratch.take((3, height, width))
        self._rgb = scratch.take((3, height * width))
        self._shown = self._rgb.view(3, height, width)

    def __call__(self, parts: list[Tensor]) -> Tensor:
        luma, chroma = parts
        self._yuv[:1].copy_(luma)
        self._yuv[1:].copy_(chroma)
        torch.addmm(self._bias, self._matrix, self._yuv.view(3, -1), out=self._rgb)
        return self._shown


_MIXES = {"gray": _Levels, "rgb": _Levels, "flow": _Lengths, "i420": _Colours}


def _host_memory(shape: tuple[int, ...], device: torch.device) -> Tensor:
    """Memory on the host that the device copies to without a detour."""
    if device.type == "cuda":
        return torch.empty(shape, dtype=torch.uint8, pin_memory=True)
    memory = torch.empty(shape, dtype=torch.uint8)
    return memory if queues_of(device) is None else memory.pin_memory()
