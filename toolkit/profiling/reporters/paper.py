"""How is a table turned into text? By a console that prints into memory, wherever it runs.

In a notebook, rich shows what it prints instead of writing it, so that `str(bill)` would be empty;
and a cell there wraps what is wider than itself.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from rich.console import RenderableType

__all__ = ["NOTEBOOK_WIDTH", "WIDTH", "printed"]

WIDTH = 140
NOTEBOOK_WIDTH = 112


def printed(shown: RenderableType, width: int | None = None) -> list[str]:
    """The lines of `shown` without colour.

    Args:
        shown: anything that rich prints.
        width: in characters; None for `WIDTH`, in a notebook `NOTEBOOK_WIDTH`.
    """
    buffer = io.StringIO()
    usual = NOTEBOOK_WIDTH if Console().is_jupyter else WIDTH
    console = Console(
        file=buffer,
        width=width or usual,
        color_system=None,
        force_terminal=False,
        force_jupyter=False,
    )
    console.print(shown)
    return [line.rstrip() for line in buffer.getvalue().splitlines()]
