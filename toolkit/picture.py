"""What does a pipeline look like? A graph drawn as SVG.

Stages in columns, arrows from left to right.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.graph import Graph
    from toolkit.stages.declare import Stage

__all__ = ["draw_graph"]

_BOX_WIDTH, _BOX_HEIGHT = 116, 44
_GAP_X, _GAP_Y = 48, 18
_MARGIN = 12

_STYLE = """
.dh-graph text { font: 13px system-ui, sans-serif; fill: var(--jp-ui-font-color1, currentColor); }
.dh-graph .dh-cost { font-size: 11px; fill: var(--jp-ui-font-color2, currentColor); }
.dh-graph rect { fill: var(--jp-layout-color1, Canvas); stroke: var(--jp-border-color1, #888); }
.dh-graph .dh-root rect { stroke-dasharray: 4 3; }
.dh-graph path { fill: none; stroke: var(--jp-border-color1, #888); stroke-width: 1.4; }
.dh-graph .dh-back { stroke-dasharray: 4 3; }
"""


def draw_graph(graph: Graph, costs: dict[str, str]) -> str:
    """The graph as a self-contained SVG that follows the notebook's theme.

    Args:
        graph: sorted stages.
        costs: a line for a stage's box, such as its median time.
    """
    places = _place(graph)
    columns = 1 + max(column for column, _ in places.values())
    rows = 1 + max(row for _, row in places.values())
    width = 2 * _MARGIN + columns * _BOX_WIDTH + (columns - 1) * _GAP_X
    height = 2 * _MARGIN + rows * _BOX_HEIGHT + (rows - 1) * _GAP_Y
    described = ", ".join(
        f"{one.name} from {' and '.join(one.requires) or 'nothing'}" for one in graph.stages
    )
    arrows = [arrow for one in graph.stages for arrow in _arrows(one, graph, places)]
    roots = [_box(name, "", places[name], "dh-root") for name in _roots(graph)]
    boxes = [
        _box(one.name, costs.get(one.name, ""), places[one.name], "dh-stage")
        for one in graph.stages
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="dh-graph" role="img" '
        f'aria-label="pipeline: {escape(described, quote=True)}" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'style="max-width:100%;height:auto"><style>{_STYLE}</style>'
        '<defs><marker id="dh-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" '
        'style="fill:var(--jp-border-color1, #888);stroke:none"/></marker></defs>'
        + "".join([*arrows, *roots, *boxes])
        + "</svg>"
    )


def _roots(graph: Graph) -> list[str]:
    used = {name for one in graph.stages for name in (*one.requires, *one.history)}
    return sorted(used & graph.roots)


def _place(graph: Graph) -> dict[str, tuple[int, int]]:
    """Column and row of each box: one column to the right of the last thing it requires."""
    columns = dict.fromkeys(_roots(graph), 0)
    for one in graph.stages:
        sources = [_box_of(name, graph) for name in one.requires]
        columns[one.name] = 1 + max((columns[source] for source in sources), default=-1)
    filled: dict[int, int] = {}
    places: dict[str, tuple[int, int]] = {}
    for name, column in columns.items():
        places[name] = (column, filled.get(column, 0))
        filled[column] = filled.get(column, 0) + 1
    return places


def _box_of(name: str, graph: Graph) -> str:
    return graph.providers[name].name if name in graph.providers else name


def _corner(place: tuple[int, int]) -> tuple[int, int]:
    column, row = place
    return (
        _MARGIN + column * (_BOX_WIDTH + _GAP_X),
        _MARGIN + row * (_BOX_HEIGHT + _GAP_Y),
    )


def _box(name: str, cost: str, place: tuple[int, int], kind: str) -> str:
    x, y = _corner(place)
    middle = x + _BOX_WIDTH / 2
    lines = [(name, "", 27 if not cost else 19)] + ([(cost, "dh-cost", 36)] if cost else [])
    texts = "".join(
        f'<text x="{middle:g}" y="{y + dy}" text-anchor="middle" class="{css}">'
        f"{escape(text)}</text>"
        for text, css, dy in lines
    )
    return (
        f'<g class="{kind}"><rect x="{x}" y="{y}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" '
        f'rx="6"/>{texts}</g>'
    )


def _arrows(one: Stage, graph: Graph, places: dict[str, tuple[int, int]]) -> list[str]:
    end_x, end_y = _corner(places[one.name])
    arrows = []
    for name, css in [(name, "") for name in one.requires] + [
        (name, "dh-back") for name in one.history
    ]:
        x, y = _corner(places[_box_of(name, graph)])
        x, y, tip_y = x + _BOX_WIDTH, y + _BOX_HEIGHT / 2, end_y + _BOX_HEIGHT / 2
        bend = x + (end_x - x) / 2
        arrows.append(
            f'<path class="{css}" marker-end="url(#dh-tip)" '
            f'd="M{x:g} {y:g}C{bend:g} {y:g} {bend:g} {tip_y:g} {end_x:g} {tip_y:g}"/>'
        )
    return arrows
