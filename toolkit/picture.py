"""What does a pipeline look like? A graph drawn as SVG.

Stages in columns, arrows from left to right.
"""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.graph import Graph
    from toolkit.stages.declare import Stage

__all__ = ["draw_graph"]

_Places = dict[str, tuple[int, int]]
_Lanes = dict[tuple[str, int], tuple[int, int]]

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
    places, lanes = _place(graph)
    columns = 1 + max(column for column, _ in places.values())
    rows = 1 + max(row for _, row in [*places.values(), *lanes.values()])
    width = 2 * _MARGIN + columns * _BOX_WIDTH + (columns - 1) * _GAP_X
    height = 2 * _MARGIN + rows * _BOX_HEIGHT + (rows - 1) * _GAP_Y
    described = ", ".join(
        f"{one.name} from {' and '.join(one.requires) or 'nothing'}" for one in graph.stages
    )
    arrows = [arrow for one in graph.stages for arrow in _arrows(one, graph, places, lanes)]
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


def _place(graph: Graph) -> tuple[_Places, _Lanes]:
    """Column and row of each box, and of each lane by which an arrow passes a column.

    A box stands one column to the right of the last thing it requires. Where its arrow passes other
    columns, it gets a row of its own there, below the boxes, so that it does not run behind them.
    """
    columns = dict.fromkeys(_roots(graph), 0)
    for one in graph.stages:
        sources = [_box_of(name, graph) for name in one.requires]
        columns[one.name] = 1 + max((columns[source] for source in sources), default=-1)
    filled: Counter[int] = Counter()
    places: _Places = {}
    for name, column in columns.items():
        places[name] = (column, filled[column])
        filled[column] += 1
    lanes: _Lanes = {}
    for one in graph.stages:
        for source in (_box_of(name, graph) for name in one.requires):
            for column in range(columns[source] + 1, columns[one.name]):
                if (source, column) not in lanes:
                    lanes[source, column] = (column, filled[column])
                    filled[column] += 1
    return places, lanes


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


def _arrows(one: Stage, graph: Graph, places: _Places, lanes: _Lanes) -> list[str]:
    arrows = []
    for name, css in [(name, "") for name in one.requires] + [
        (name, "dh-back") for name in one.history
    ]:
        source = _box_of(name, graph)
        end_x, tip_y = _entrance(places[one.name])
        x, y = _entrance(places[source])
        x += _BOX_WIDTH
        line = f"M{x:g} {y:g}"
        for column in range(places[source][0] + 1, places[one.name][0]):
            if (source, column) in lanes:
                lane_x, lane_y = _entrance(lanes[source, column])
                x, y, line = lane_x + _BOX_WIDTH, lane_y, line + _bend(x, y, lane_x, lane_y)
                line += f"H{x:g}"
        line += _bend(x, y, end_x, tip_y)
        arrows.append(f'<path class="{css}" marker-end="url(#dh-tip)" d="{line}"/>')
    return arrows


def _entrance(place: tuple[int, int]) -> tuple[int, float]:
    """The middle of a box's left side, where arrows end."""
    x, y = _corner(place)
    return x, y + _BOX_HEIGHT / 2


def _bend(x: float, y: float, end_x: float, end_y: float) -> str:
    middle = x + (end_x - x) / 2
    return f"C{middle:g} {y:g} {middle:g} {end_y:g} {end_x:g} {end_y:g}"
