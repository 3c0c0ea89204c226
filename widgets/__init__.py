"""Widgets of the Downhill toolkit: one module, one script and one style sheet for each.

    from widgets import Bill, Live
    Live(pipeline, source="clip.mp4")

Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from widgets.bill import Bill as Bill
    from widgets.live import Live as Live
    from widgets.ring import Ring as Ring

_HOME = {"Bill": "widgets.bill", "Live": "widgets.live", "Ring": "widgets.ring"}

__all__ = ["Bill", "Live", "Ring"]


def __getattr__(name: str) -> object:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"widgets has no {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
