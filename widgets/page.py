"""What does a page get of a widget? One script and one style sheet, as text.

A page loads one module for each widget, which cannot import another file: what several have in
common is put before it. As text, since of a path anywidget keeps a signal that holds every widget
for ever.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["script", "style"]

_STATIC = Path(__file__).parent / "static"


def script(*names: str) -> str:
    """The files `static/NAME.js` as one module."""
    return _joined(names, "js")


def style(*names: str) -> str:
    """The files `static/NAME.css` as one style sheet."""
    return _joined(names, "css")


def _joined(names: tuple[str, ...], ending: str) -> str:
    return "\n".join((_STATIC / f"{name}.{ending}").read_text(encoding="utf-8") for name in names)
