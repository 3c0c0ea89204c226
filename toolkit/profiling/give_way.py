"""What if the user starts a torch.profiler inside a session? Ours steps aside, and says so.

torch allows one profiler for each thread, and the second one to start fails. While sessions are
open, the start of a torch.profiler therefore first ends the recording of its own thread; it resumes
at the next scope, frame or step after the torch.profiler is done.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from torch.autograd import profiler as autograd_profiler

from toolkit.profiling.record import this_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["giving_way"]

_HOOK = "_run_on_profiler_start"  # what torch calls before it starts one of its own

_lock = threading.Lock()
_open = 0
_original: Callable[[], Any] | None = None


@contextmanager
def giving_way() -> Generator[None]:
    """While this is open, a starting torch.profiler finds its thread free.

    In a torch without that hook nothing is changed: its profiler then says that another one is on.
    """
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _open, _original
    with _lock:
        _open += 1
        if _open == 1 and _original is None:
            _original = getattr(autograd_profiler, _HOOK, None)
            if _original is not None:
                setattr(autograd_profiler, _HOOK, _step_aside)


def _leave() -> None:
    global _open, _original
    with _lock:
        _open -= 1
        is_ours = getattr(autograd_profiler, _HOOK, None) is _step_aside
        # Somebody else may have wrapped it since: theirs calls ours, so ours must stay whole.
        if not _open and is_ours:
            setattr(autograd_profiler, _HOOK, _original)
            _original = None


def _step_aside() -> None:
    this_thread().give_way()
    original = _original
    if original is not None:
        original()
