"""What does a pipeline look like? A graph drawn as SVG.

Stages in columns, arrows from left to right.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from toolkit.graph import Graph
    from toolkit.stages.declare import Stage

__all__ = ["Look", "draw_graph"]

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
.dh-graph .dh-unused { stroke-dasharray: 1 4; }
.dh-graph .dh-bypassed rect, .dh-graph .dh-idle rect { fill: none; stroke-dasharray: 1 4; }
.dh-graph .dh-bypassed text, .dh-graph .dh-idle text {
  fill: var(--jp-ui-font-color2, currentColor); font-style: italic; }
.dh-graph .dh-past { stroke: var(--jp-ui-font-color1, currentColor); stroke-width: 2; }
"""


@dataclass(frozen=True)
class Look:
    """What a picture of a graph says beside the graph.

    Attributes:
        costs: a line for a stage's box, such as its median time.
        bypassed: stages that hand their input on: a dotted box, a line that leads past it, a word.
        idle: stages that do not run for what is asked: a dotted box and a word.
        attached: results that are there already: a tick in the box of their stage.
        selected: a stage to mark.
        is_live: whether boxes can be reached by keyboard, and pressed.
    """

    costs: Mapping[str, str] = field(default_factory=dict)
    bypassed: Collection[str] = ()
    idle: Collection[str] = ()
    attached: Collection[str] = ()
    selected: str = ""
    is_live: bool = False


def draw_graph(graph: Graph, look: Look) -> str:
    """The graph as a self-contained SVG that follows the notebook's theme."""
    places, lanes = _place(graph)
    columns = 1 + max(column for column, _ in places.values())
    rows = 1 + max(row for _, row in [*places.values(), *lanes.values()])
    width = 2 * _MARGIN + columns * _BOX_WIDTH + (columns - 1) * _GAP_X
    height = 2 * _MARGIN + rows * _BOX_HEIGHT + (rows - 1) * _GAP_Y
    arrows = [arrow for one in graph.stages for arrow in _arrows(one, graph, places, lanes, look)]
    roots = [_box(name, "", places[name], 'class="dh-root"') for name in _roots(graph)]
    boxes = [_stage_box(one, places[one.name], look) for one in graph.stages]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="dh-graph" '
        f'role="{"group" if look.is_live else "img"}" '
        f'aria-label="pipeline: {escape(_in_words(graph, look), quote=True)}" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'style="max-width:100%;height:auto"><style>{_STYLE}</style>'
        '<defs><marker id="dh-tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" '
        'markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" '
        'style="fill:var(--jp-border-color1, #888);stroke:none"/></marker></defs>'
        + "".join([*arrows, *roots, *boxes])
        + "</svg>"
    )


def _in_words(graph: Graph, look: Look) -> str:
    words = [f"{one.name} from {' and '.join(one.requires) or 'nothing'}" for one in graph.stages]
    states = [_state(one, look) for one in graph.stages]
    return ", ".join(
        f"{line} ({state})" if state else line for line, state in zip(words, states, strict=True)
    )


def _state(one: Stage, look: Look) -> str:
    if one.name in look.bypassed:
        return f"bypassed: gives {one.hands_on}"
    return "not needed" if one.name in look.idle else ""


def _stage_box(one: Stage, place: tuple[int, int], look: Look) -> str:
    state = _state(one, look)
    is_bypassed = one.name in look.bypassed
    line = ("bypassed" if is_bypassed else state) or look.costs.get(one.name, "")
    is_attached = any(name in look.attached for name in one.provides)
    kind = " dh-bypassed" if is_bypassed else " dh-idle" if state else ""
    kind += " dh-selected" * (one.name == look.selected)
    about = f'class="dh-stage{kind}"'
    if look.is_live:
        said = [one.name, state or look.costs.get(one.name, ""), "attached" if is_attached else ""]
        about += (
            f' data-stage="{escape(one.name, quote=True)}" tabindex="0" role="button" '
            f'aria-pressed="{str(one.name == look.selected).lower()}" '
            f'aria-label="{escape(", ".join(filter(None, said)), quote=True)}"'
        )
    extra = f"<title>{escape(_hint(one, state))}</title>" if look.is_live else ""
    x, y = _corner(place)
    if is_bypassed:
        middle, top, right = y + _BOX_HEIGHT // 2, y - 6, x + _BOX_WIDTH
        extra += (
            f'<path class="dh-past" d="M{x - 6} {middle}Q{x - 6} {top} {x + 12} {top}'
            f'H{right - 12}Q{right + 6} {top} {right + 6} {middle}"/>'
        )
    if is_attached:
        extra += f'<text class="dh-attached" x="{x + _BOX_WIDTH - 14}" y="{y + 15}">\u2713</text>'
    return _box(one.name, line, place, about, extra)


def _hint(one: Stage, state: str) -> str:
    """What a box says when it is pointed at."""
    doc = (one.__doc__ or "").strip().partition("\n")[0]
    takes = ", ".join([*one.requires, *(f"{name} of the frame before" for name in one.history)])
    return "\n".join(filter(None, [doc, f"takes {takes or 'nothing'}", state]))


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


def _box(name: str, cost: str, place: tuple[int, int], about: str, extra: str = "") -> str:
    x, y = _corner(place)
    middle = x + _BOX_WIDTH / 2
    lines = [(name, "", 27 if not cost else 19)] + ([(cost, "dh-cost", 36)] if cost else [])
    texts = "".join(
        f'<text x="{middle:g}" y="{y + dy}" text-anchor="middle" class="{css}">'
        f"{escape(text)}</text>"
        for text, css, dy in lines
    )
    return (
        f'<g {about}><rect x="{x}" y="{y}" width="{_BOX_WIDTH}" height="{_BOX_HEIGHT}" '
        f'rx="6"/>{texts}{extra}</g>'
    )


def _arrows(one: Stage, graph: Graph, places: _Places, lanes: _Lanes, look: Look) -> list[str]:
    arrows = []
    is_unused = one.name in look.idle
    used = (one.hands_on,) if one.name in look.bypassed else one.requires
    for name, css in [(name, "" if name in used else "dh-unused") for name in one.requires] + [
        (name, "dh-back" if one.name not in look.bypassed else "dh-unused") for name in one.history
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
        css = "dh-unused" if is_unused else css
        arrows.append(f'<path class="{css}" marker-end="url(#dh-tip)" d="{line}"/>')
    return arrows


def _entrance(place: tuple[int, int]) -> tuple[int, float]:
    """The middle of a box's left side, where arrows end."""
    x, y = _corner(place)
    return x, y + _BOX_HEIGHT / 2


def _bend(x: float, y: float, end_x: float, end_y: float) -> str:
    middle = x + (end_x - x) / 2
    return f"C{middle:g} {y:g} {middle:g} {end_y:g} {end_x:g} {end_y:g}"
