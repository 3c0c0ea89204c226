"""Widgets of the Downhill toolkit: one module, one script and one style sheet for each.

Names are loaded when they are first used, so that `import widgets` loads no ipywidgets.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from widgets.controls import Controls as Controls
    from widgets.graph import Graph as Graph

_HOMES = {
    "Controls": "widgets.controls",
    "Graph": "widgets.graph",
}

__all__ = [
    "Controls",
    "Graph",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"widgets has no {name!r}; it has {', '.join(__all__)} and its modules")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
