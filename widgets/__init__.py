"""Widgets of the Downhill toolkit: one module, one script and one style sheet for each.

    from widgets import Live
    Live(pipeline, source="clip.mp4")

Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from widgets.live import Live as Live

_HOMES = {"Live": "live"}

__all__ = ["Live"]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"widgets.{_HOMES[name]}"), name)
    raise AttributeError(f"widgets has no {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
