"""Which recorder has a thread? One of its own, made when somebody first asks."""

from __future__ import annotations

import threading

from toolkit.profiling.record import Recorder

__all__ = ["this_thread", "thread_recorder"]

_threads = threading.local()


def this_thread() -> Recorder:
    """The recorder of the calling thread."""
    try:
        return _threads.recorder
    except AttributeError:
        _threads.recorder = Recorder()
        return _threads.recorder


def thread_recorder() -> Recorder | None:
    """The recorder of the calling thread, if it ever had one."""
    return getattr(_threads, "recorder", None)
