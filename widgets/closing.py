"""How does a widget made of widgets leave nothing? All of them are closed, not the outer one alone.

ipywidgets closes what it is told to and nothing inside of it; layouts and styles are widgets, too.
"""

from __future__ import annotations

from typing import Any

from ipywidgets import Widget

__all__ = ["close_whole"]


def close_whole(widget: Any) -> None:
    """Close `widget`, what it holds, and their layouts and styles; their observers go, too."""
    inside = getattr(widget, "children", ())
    for one in (*inside, getattr(widget, "layout", None), getattr(widget, "style", None)):
        if isinstance(one, Widget):
            close_whole(one)
    widget.unobserve_all()
    widget.close()
