"""Which stage is it in Nsight? Scopes and frames as NVTX ranges, on a timeline beside the kernels.

```python
with nvtx_ranges():
    for frame in pipeline.run(video):
        show(frame["edges"])
```

Run it under `nsys profile python ...`. Ranges are named `downhill: edges, frame 12`, so they are
told apart from those of others; torch's NVTX knows no domains of its own.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

import torch

from toolkit import hooks

if TYPE_CHECKING:
    from collections.abc import Generator

    from toolkit.hooks import Scope

__all__ = ["DOMAIN", "NoNvtx", "nvtx_ranges"]

DOMAIN = "downhill"


class NoNvtx(RuntimeError):
    """There is nothing here that takes NVTX ranges."""


class Nvtx(Protocol):
    """What takes the ranges: `torch.cuda.nvtx`, or a stand-in."""

    def range_push(self, msg: str) -> Any:
        """Begin a range inside of the one that is open on this thread."""
        ...

    def range_pop(self) -> Any:
        """End the innermost range of this thread."""
        ...


@contextmanager
def nvtx_ranges(nvtx: Nvtx | None = None) -> Generator[None]:
    """Push a range for each stage and frame, in this context and where it is carried.

    Args:
        nvtx: what takes them; torch's own, where it is left out.

    Raises:
        NoNvtx: torch has no CUDA device here, or was built without NVTX.
    """
    listener = _Ranges(nvtx or _of_torch())
    hooks.listen(listener)
    try:
        yield
    finally:
        hooks.unlisten(listener)
        listener.close()


class _Stack(threading.local):
    """What is open, on each thread for itself."""

    def __init__(self) -> None:
        self.opened: list[object] = []


class _Ranges:
    """The listener. Ranges are a stack for each thread; what was not begun here is not ended."""

    def __init__(self, nvtx: Nvtx) -> None:
        self._nvtx = nvtx
        self._stack = _Stack()

    def scope_begin(self, scope: Scope) -> None:
        """A stage was entered."""
        frame = f", frame {scope.frame}" if scope.frame >= 0 else ""
        pipeline = f"{scope.pipeline}/" if scope.pipeline else ""
        self._push(scope, f"{DOMAIN}: {pipeline}{scope.stage}{frame}")

    def scope_end(self, scope: Scope) -> None:
        """A stage was left."""
        self._pop(scope)

    def frame_begin(self, index: int) -> None:
        """Work on a frame begins."""
        self._push(index, f"{DOMAIN}: frame {index}")

    def frame_end(self, index: int) -> None:
        """Work on a frame is done."""
        self._pop(index)

    def close(self) -> None:
        """End what is still open on this thread: frames that were cut short."""
        opened = self._stack.opened
        while opened:
            opened.pop()
            self._nvtx.range_pop()

    def _push(self, what: object, name: str) -> None:
        self._nvtx.range_push(name)
        self._stack.opened.append(what)

    def _pop(self, what: object) -> None:
        opened = self._stack.opened
        if not any(one is what or one == what for one in opened):
            return
        while opened:
            inner = opened.pop()
            self._nvtx.range_pop()
            if inner is what or inner == what:
                return


def _of_torch() -> Nvtx:
    if not torch.cuda.is_available():
        raise NoNvtx(
            "NVTX ranges are read by NVIDIA's profilers, and torch finds no CUDA device here. "
            "session.export_chrome_trace(path) writes a trace for Perfetto on any machine."
        )
    return torch.cuda.nvtx
