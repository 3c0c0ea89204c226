"""What if the user starts a torch.profiler inside a session? Ours steps aside, and says so.

torch allows one profiler for each thread, and the second one to start fails. While sessions are
open, the start of a torch.profiler therefore first ends the recording of its own thread; it resumes
at the next scope, frame or step after the torch.profiler is done. What is recorded of the driver
ends earlier, when theirs is made ready, for Kineto knows one recording in the whole process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from torch.autograd import profiler as autograd_profiler

from toolkit.profiling.driver import cuda_driver
from toolkit.profiling.recorders import this_thread
from toolkit.profiling.shared import Shared

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["giving_way"]

_START = "_run_on_profiler_start"  # what torch calls before it starts one of its own
_READY = "_prepare_profiler"  # and before that, at the start of its warm-up

_originals: dict[str, Callable[..., Any]] = {}


def _put() -> None:
    cuda_driver.give_way()  # one of theirs may have been made ready before we listened
    for name, ours in _OURS.items():
        theirs = getattr(autograd_profiler, name, None)
        if theirs is not None and name not in _originals:
            _originals[name] = theirs
            setattr(autograd_profiler, name, ours)


def _take() -> None:
    for name, ours in _OURS.items():
        # Somebody else may have wrapped it since: theirs calls ours, so ours must stay whole.
        if getattr(autograd_profiler, name, None) is ours:
            setattr(autograd_profiler, name, _originals[name])
        if getattr(autograd_profiler, name, None) is _originals.get(name):
            _originals.pop(name, None)


def _step_aside() -> None:
    this_thread().give_way()
    original = _originals.get(_START)
    if original is not None:
        original()


def _make_room(*values: Any, **named: Any) -> None:
    cuda_driver.give_way()
    original = _originals.get(_READY)
    if original is not None:
        original(*values, **named)


_OURS: dict[str, Callable[..., Any]] = {_START: _step_aside, _READY: _make_room}

# While this is held, a starting torch.profiler finds its thread and Kineto free. In a torch without
# these hooks nothing is changed: its profiler then says that another one is on.
giving_way = Shared(_put, _take)
