"""Which lines do the bytes come from? An icicle: stage, the user's line, and down to the operator.

Width is the share of the bytes, and what lies below a cell was called by it. Cells are buttons: the
script lets one of them fill the width; without scripts each says what it is when pointed at.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

from toolkit.profiling.units import format_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from toolkit.profiling.lines import Lines

__all__ = ["Cell", "cells", "draw"]

SMALLEST = 0.0005  # of all bytes; a smaller cell would be thinner than a pixel


@dataclass(frozen=True, slots=True)
class Cell:
    """One rectangle. `start` and `width` are shares of the whole; `path` ends with its own name."""

    path: tuple[str, ...]
    start: float
    width: float
    nbytes: float

    @property
    def depth(self) -> int:
        """0 for the whole, 1 for a stage."""
        return len(self.path)

    @property
    def name(self) -> str:
        """What it stands for: a stage, a line as `file:number function`, or an operator."""
        return self.path[-1] if self.path else ""


@dataclass(slots=True)
class _Node:
    nbytes: int = 0
    inner: dict[str, _Node] = field(default_factory=dict[str, "_Node"])


def cells(stacks: Mapping[tuple[str, ...], int], frames: int = 1) -> list[Cell]:
    """The rectangles of bytes by stack, outermost first, each side by side from the largest on.

    Args:
        stacks: as `Lines.stacks()` gives them.
        frames: to divide the bytes by.
    """
    root = _Node()
    for stack, nbytes in stacks.items():
        node = root
        node.nbytes += nbytes
        for name in stack:
            node = node.inner.setdefault(name, _Node())
            node.nbytes += nbytes
    return list(_placed(root, (), 0.0, max(root.nbytes, 1), frames))


def _placed(
    node: _Node, path: tuple[str, ...], start: float, whole: int, frames: int
) -> Iterator[Cell]:
    width = node.nbytes / whole
    if width < SMALLEST:
        return
    yield Cell(path, start, width, node.nbytes / frames)
    for name, one in sorted(node.inner.items(), key=lambda item: -item[1].nbytes):
        yield from _placed(one, (*path, name), start, whole, frames)
        start += one.nbytes / whole


def draw(lines: Lines, colour_of: Mapping[str, str]) -> str:
    """The icicle as HTML, or nothing where no line took memory."""
    found = cells(lines.stacks(), max(lines.frames, 1))
    if not found:
        return ""
    drawn = "".join(_cell(one, found[0], colour_of) for one in found)
    rows = max(one.depth for one in found) + 1
    return (
        f'<figure class="flame"><div class="cells" role="group" style="--rows:{rows}" '
        f'aria-label="Bytes by source line">{drawn}</div>'
        '<p class="readout soft" aria-live="polite">Width is the share of the bytes; what lies '
        "below a cell was called by it. Choose a cell to widen it, and one above it to go back."
        "</p></figure>"
    )


def _cell(one: Cell, whole: Cell, colour_of: Mapping[str, str]) -> str:
    amount = f"{format_bytes(one.nbytes)} a frame, {one.nbytes / whole.nbytes:.1%}"
    where = " → ".join(one.path) or "all lines"
    colour = colour_of.get(one.path[0], "var(--outside)") if one.path else "var(--soft)"
    text = _short(one.name) if one.path else f"all lines: {format_bytes(one.nbytes)} a frame"
    return (
        f'<button type="button" title="{escape(f"{where}: {amount}")}" '
        f'data-start="{one.start:.6f}" data-width="{one.width:.6f}" data-depth="{one.depth}" '
        f'style="left:{one.start:.4%};width:{one.width:.4%};--depth:{one.depth};'
        f'background:{colour}">{escape(text)}</button>'
    )


def _short(name: str) -> str:
    """A line without the folders of its file."""
    place, blank, function = name.partition(" ")
    return f"{place.rpartition('/')[2]}{blank}{function}"
