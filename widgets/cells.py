"""Does a cell of the notebook run? IPython says when one begins, and when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Cells"]


class Cells:
    """Calls `tell(is_running)` when the first of nested cells begins, and when the last has ended.

    It is told at once where it is made by a cell that runs. Outside of IPython it says nothing.

    Args:
        tell: called on the thread of the cell.
    """

    def __init__(self, tell: Callable[[bool], None]) -> None:
        self._tell = tell
        self._shell: Any = get_ipython()
        self._depth = 0
        if self._shell is None:
            return
        self._shell.events.register("pre_run_cell", self._begins)
        self._shell.events.register("post_run_cell", self._ended)
        if self._shell.display_trap.is_active:
            self._begins()

    def close(self) -> None:
        """Hear no more of cells; the one that runs counts as ended. A second call does nothing."""
        shell, self._shell = self._shell, None
        if shell is None:
            return
        shell.events.unregister("pre_run_cell", self._begins)
        shell.events.unregister("post_run_cell", self._ended)
        self._set(0)

    def _begins(self, _info: object = None) -> None:
        self._set(self._depth + 1)

    def _ended(self, _result: object = None) -> None:
        self._set(max(self._depth - 1, 0))

    def _set(self, depth: int) -> None:
        was_running, self._depth = self._depth > 0, depth
        if was_running != (depth > 0):
            self._tell(depth > 0)
