"""What if a use is meant to be? `with allowed("syncs"):` takes it off every budget around it.

A block that is allowed is recorded once more, by a session of its own. Both sessions see the same
events, so a budget recognises those that were permitted: no other thread's and no other task's.
"""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING, Protocol
from weakref import WeakSet

from toolkit.profiling.recording import Recording
from toolkit.profiling.terms import LIMITS, check_names
from toolkit.profiling.usage import event_key

if TYPE_CHECKING:
    from types import TracebackType

    from toolkit.profiling.usage import Permits

__all__ = ["allowed", "dismiss", "enrol", "settle"]


class Permitted(Protocol):
    """A budget that is open."""

    def permit(self, permits: Permits) -> None:
        """Take these events as permitted."""
        ...


_budgets: WeakSet[Permitted] = WeakSet()
_blocks: WeakSet[allowed] = WeakSet()
_lock = threading.Lock()


def enrol(budget: Permitted) -> None:
    """From now on `budget` hears what is permitted, until `dismiss`."""
    with _lock:
        _budgets.add(budget)


def dismiss(budget: Permitted) -> None:
    """`budget` hears no more."""
    with _lock:
        _budgets.discard(budget)


def settle() -> None:
    """Hand out what blocks that are still open have permitted so far."""
    with _lock:
        blocks = list(_blocks)
    for block in blocks:
        block.hand_out()


class allowed:  # noqa: N801 - reads as a statement: `with allowed("syncs"):`
    """Context manager: what is used inside is permitted, for the budgets around it.

    ```python
    with budget(allocations=0, syncs=0):
        for frame in pipeline.run(video):
            with allowed("syncs", "d2h_bytes"):
                print(frame["score"].item())
    ```

    It permits whole events: an allocation that is allowed counts neither in `allocations` nor in
    `allocated_bytes`, a copy neither in `copies` nor in its direction's bytes. Only the peak is
    permitted by its own name. A budget that is opened inside is not touched by it. Without an open
    budget it costs nothing.

    Args:
        names: of the limits that do not hold inside.

    Raises:
        ValueError: no name at all, or one that is none; the text lists those that are.
    """

    def __init__(self, *names: str) -> None:
        if not names:
            raise ValueError(f"allowed() permits nothing: name some of {', '.join(LIMITS)}.")
        check_names(names, LIMITS)
        self.names = frozenset(names)
        self._recording: Recording | None = None
        self._budgets: list[Permitted] = []
        self._stack = ExitStack()

    def __enter__(self) -> None:
        if self._recording is not None:
            raise RuntimeError("this allowed(...) is open already; make another one.")
        with _lock:
            self._budgets = list(_budgets)
        if self._budgets:
            self._recording = Recording()
            self._stack.enter_context(self._recording)
            with _lock:
                _blocks.add(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._recording is not None:
            self._stack.close()
            with _lock:
                _blocks.discard(self)
            self.hand_out()
            self._recording = None
            self._budgets = []

    def hand_out(self) -> None:
        """Tell the budgets that were open at the beginning what was used inside up to now."""
        recording = self._recording
        if recording is None:
            return
        session = recording.session
        with session.lock:
            events, session.events = session.events, []
        permits = {event_key(event): self.names for event in events}
        if permits:
            for budget in self._budgets:
                budget.permit(permits)
