"""What becomes of a widget when its cell runs again? It is closed: another one takes its place.

A kernel keeps every widget until it is closed, for a page may still show it. So a cell that is run
ten times would leave ten of them, with their files and slots. The page says with each cell which
one it is; where it does not, or outside of a notebook, nothing happens.
"""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

from IPython.core.getipython import get_ipython

if TYPE_CHECKING:
    from ipywidgets import Widget

__all__ = ["close_earlier", "close_with_cell"]

_made: dict[str, tuple[str, list[weakref.ref[Widget]]]] = {}  # cell -> run, its widgets


def close_earlier() -> None:
    """Close what earlier runs of the cell that runs now have made: before it makes something."""
    cell, run = _running()
    last_run, widgets = _made.get(cell, ("", []))
    if cell and last_run != run:
        _made[cell] = (run, [])
        for reference in widgets:
            earlier = reference()
            if earlier is not None:
                earlier.close()


def close_with_cell(widget: Widget) -> None:
    """Close `widget` when the cell that runs now runs again, and calls `close_earlier`."""
    close_earlier()
    cell, run = _running()
    if cell:
        _, widgets = _made.get(cell, (run, []))
        _made[cell] = (run, [*widgets, weakref.ref(widget)])


def _running() -> tuple[str, str]:
    """The cell that runs, and which of its runs this is; empty where nobody says."""
    get_parent: Any = getattr(get_ipython(), "get_parent", None)
    parent = get_parent() if get_parent is not None else None
    if not isinstance(parent, dict):
        return "", ""
    cell = (parent.get("metadata") or {}).get("cellId", "")
    return str(cell), str((parent.get("header") or {}).get("msg_id", ""))
