"""How are a bill's charts drawn without a library? As inline SVG that carries no text of its own.

Text stands beside the drawings, in HTML, so that it keeps its size when the page is narrow. Colours
are classes of the style sheet; every colour has a name beside it.
"""

from __future__ import annotations

import statistics
from html import escape
from typing import TYPE_CHECKING, Any

from toolkit.profiling.processors import OUTSIDE

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["bars", "colours", "columns", "legend", "timeline"]

COLOURS = 10
MAX_COLUMNS = 150
HEADROOM = 2.5  # a warm-up frame higher than this many medians is cut off, so that the others show
_WIDTH, _HEIGHT = 1000, 100


def colours(names: Sequence[str]) -> dict[str, str]:
    """A colour variable for each stage; what lies outside of stages is grey."""
    stages = [name for name in names if name != OUTSIDE]
    named = {name: f"var(--s{place % COLOURS})" for place, name in enumerate(stages)}
    return {**named, OUTSIDE: "var(--outside)"}


def bars(title: str, rows: Sequence[tuple[str, float, str]], colour_of: Mapping[str, str]) -> str:
    """Horizontal bars: name, amount, and the amount as people write it."""
    largest = max((amount for _, amount, _ in rows), default=0.0) or 1.0
    lines = "".join(
        f'<div class="bar"><span title="{escape(name)}">{escape(name)}</span>'
        f'<svg aria-hidden="true"><rect rx="3" height="100%" width="{100 * amount / largest:.2f}%" '
        f'style="fill:{colour_of.get(name, "var(--s0)")}"/></svg><b>{escape(shown)}</b></div>'
        for name, amount, shown in rows
    )
    return f"<figure><figcaption>{escape(title)}</figcaption><div>{lines}</div></figure>"


def legend(names: Sequence[str], colour_of: Mapping[str, str]) -> str:
    """Name and colour of each stage, in the order in which they are stacked from below."""
    items = "".join(
        f'<li><i class="swatch" style="background:{colour_of[name]}"></i>{escape(name)}</li>'
        for name in names
    )
    return f'<ul class="legend" aria-label="stages, from below">{items}</ul>'


def columns(rows: Sequence[dict[str, Any]], quantity: str) -> list[tuple[str, dict[str, float]]]:
    """One column for each frame, or for as many in a row as it takes to stay readable.

    Args:
        rows: what `processors.timeline` gives.
        quantity: `"ms"`, `"allocations"` or `"bytes"`.

    Returns:
        The name of each column and its amounts by stage, means where it stands for several frames.
    """
    size = -(-len(rows) // MAX_COLUMNS) or 1
    result: list[tuple[str, dict[str, float]]] = []
    for start in range(0, len(rows), size):
        group = rows[start : start + size]
        amounts: dict[str, float] = {}
        for row in group:
            for name, amount in row[quantity].items():
                amounts[name] = amounts.get(name, 0.0) + amount / len(group)
        first, last = group[0]["index"], group[-1]["index"]
        name = f"frame {first}" if len(group) == 1 else f"frames {first} to {last}, mean"
        result.append((name, amounts))
    return result


def timeline(
    drawn: Sequence[tuple[str, dict[str, float]]],
    names: Sequence[str],
    colour_of: Mapping[str, str],
    write: Callable[[float], str],
    *,
    label: str,
) -> str:
    """Stacked columns, one for each frame, with a scale and a line that reads one of them out."""
    totals = [sum(amounts.values()) for _, amounts in drawn]
    highest = max(totals, default=0.0) or 1.0
    middle = statistics.median(totals) if totals else 0.0
    top = min(highest, HEADROOM * middle) if middle else highest
    cut = sum(total > top for total in totals)
    step = _WIDTH / max(len(drawn), 1)
    shapes = "".join(
        f'<path style="fill:{colour_of[name]}" d="{path}"/>'
        for name, path in _paths(drawn, names, step, top)
        if path
    )
    targets = "".join(
        f'<rect class="column" x="{place * step:.2f}" y="0" width="{step:.2f}" height="{_HEIGHT}">'
        f"<title>{escape(_readout(name, amounts, names, write))}</title></rect>"
        for place, (name, amounts) in enumerate(drawn)
    )
    cut_off = f" {cut} of them higher than the scale." if cut else ""
    first, last = (drawn[0][0], drawn[-1][0]) if drawn else ("", "")
    return (
        f'<div class="scale" aria-hidden="true"><span>{escape(write(top))}</span>'
        f"<span>{escape(write(top / 2))}</span><span>0</span></div>"
        f'<div class="plot"><svg role="img" aria-label="{escape(label)}{escape(cut_off)}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none">{shapes}{targets}</svg></div>'
        f'<div class="frames"><span>{escape(first)}</span><span>{escape(last)}</span></div>'
        f'<p class="readout soft" aria-live="polite">{escape(label)}{escape(cut_off)} '
        "Point at a frame, or use the arrow keys, to read it.</p>"
    )


def _paths(
    drawn: Sequence[tuple[str, dict[str, float]]],
    names: Sequence[str],
    step: float,
    top: float,
) -> list[tuple[str, str]]:
    """One path for each stage, made of one rectangle for each column."""
    gap = step * 0.12 if len(drawn) <= MAX_COLUMNS // 2 else 0.0
    floor = [0.0] * len(drawn)
    paths: list[tuple[str, str]] = []
    for name in names:
        parts: list[str] = []
        for place, (_, amounts) in enumerate(drawn):
            below = floor[place]
            floor[place] = above = below + amounts.get(name, 0.0) / top * _HEIGHT
            if above > below and below < _HEIGHT:
                x, width = place * step + gap / 2, step - gap
                y, height = max(_HEIGHT - above, 0.0), min(above, _HEIGHT) - below
                parts.append(f"M{x:.2f} {y:.2f}h{width:.2f}v{height:.2f}h-{width:.2f}z")
        paths.append((name, "".join(parts)))
    return paths


def _readout(
    name: str, amounts: dict[str, float], names: Sequence[str], write: Callable[[float], str]
) -> str:
    parts = ", ".join(f"{one} {write(amounts[one])}" for one in names if amounts.get(one))
    return f"{name}: {write(sum(amounts.values()))}. {parts}"
