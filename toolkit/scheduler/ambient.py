"""What must not leak from a task into its worker? Torch's modes, which belong to the thread.

A generator that yields inside `with torch.no_grad():` leaves the mode on, and the next task of the
worker would compute without gradients. So each quantum begins with the modes that its task had when
its last one ended, and ends with those of the worker. Where torch is not loaded there are none.
"""

from __future__ import annotations

import sys
from typing import Any

__all__ = ["Modes"]


class Modes:
    """The modes of one task between its quanta: at first those of who submitted it."""

    __slots__ = ("_grad", "_guard", "_inference")

    def __init__(self) -> None:
        self._guard: Any = None
        torch = sys.modules.get("torch")
        self._grad = torch is None or torch.is_grad_enabled()
        self._inference = torch is not None and torch.is_inference_mode_enabled()

    def enter(self) -> None:
        """Give the calling thread the modes of the task."""
        torch = sys.modules.get("torch")
        if torch is None or not hasattr(torch, "inference_mode"):  # or it is being loaded
            return
        self._guard = torch.inference_mode(self._inference)
        self._guard.__enter__()
        if not self._inference:
            torch.set_grad_enabled(self._grad)

    def leave(self) -> None:
        """Keep what the task has now, and give the thread back what it had."""
        guard, self._guard = self._guard, None
        if guard is None:
            return
        torch = sys.modules["torch"]
        self._inference = torch.is_inference_mode_enabled()
        self._grad = torch.is_grad_enabled()
        guard.__exit__(None, None, None)


def one_thread_each() -> None:
    """Let torch compute on the calling thread alone, where it is loaded.

    Each worker says so itself: how many threads a loop is spread over belongs to the thread, and
    two workers with two threads each would fight for two cores.
    """
    torch = sys.modules.get("torch")
    if torch is not None and hasattr(torch, "set_num_threads"):
        torch.set_num_threads(1)
