"""What lies in this folder? Said in an error, beside what was expected."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["found_in"]

_MOST_NAMES = 8


def found_in(folder: Path) -> str:
    """A sentence with the first names in a folder, folders with a slash."""
    names = sorted(one.name + "/" * one.is_dir() for one in folder.iterdir())
    if not names:
        return f"{folder.name}/ is empty."
    rest = len(names) - _MOST_NAMES
    more = f" and {rest} more" if rest > 0 else ""
    return f"Found in {folder.name}/: {', '.join(names[:_MOST_NAMES])}{more}."
