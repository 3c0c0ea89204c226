"""Widgets of the Downhill toolkit: one module, one script and one style sheet for each.

    from widgets import Bill, Controls, Live
    Live(pipeline, source="clip.mp4")

Names are loaded when they are first used, so that `import widgets` loads no ipywidgets.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from widgets.bill import Bill as Bill
    from widgets.controls import Controls as Controls
    from widgets.graph import Graph as Graph
    from widgets.lanes import Lanes as Lanes
    from widgets.live import Live as Live
    from widgets.presence import Presence as Presence
    from widgets.ring import Ring as Ring

_HOMES = {
    "Bill": "widgets.bill",
    "Controls": "widgets.controls",
    "Graph": "widgets.graph",
    "Lanes": "widgets.lanes",
    "Live": "widgets.live",
    "Presence": "widgets.presence",
    "Ring": "widgets.ring",
}

__all__ = ["Bill", "Controls", "Graph", "Lanes", "Live", "Presence", "Ring"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"widgets has no {name!r}; it has {', '.join(__all__)} and its modules")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
