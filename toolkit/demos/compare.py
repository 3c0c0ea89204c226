"""How do two saved sessions differ? Loads both, and writes the page if one is wanted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.profiling import Session

if TYPE_CHECKING:
    from pathlib import Path

    from toolkit.profiling import Comparison

__all__ = ["compare_files"]


def compare_files(before: Path, after: Path, page: Path | None = None) -> Comparison:
    """Two sessions from files side by side; also as a page, if one is named.

    Raises:
        OSError: a file cannot be read or written.
        ValueError: a file is no session.
    """
    comparison = Session.load(before).compare(Session.load(after))
    if page is not None:
        comparison.export_html(page)
    return comparison
