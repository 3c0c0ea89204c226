"""How do policies look beside each other? What each missed, how long it let wait, who had how much.

Every kind of work has a colour and a hatch of its own: no one is told by colour alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.axes import Axes

    from toolkit.scheduler.comparison import Comparison, Row

__all__ = ["plot_comparison"]

_COLOURS = ("#1b6ca8", "#d1495b", "#edae49", "#66a182", "#7d5ba6", "#5f6b76", "#9c6644")
_HATCHES = ("", "//", "..", "xx", "\\\\", "++", "oo")


def plot_comparison(comparison: Comparison, *, title: str = "") -> Figure:
    """Draw a line of bars for each policy; three panels.

    Missed deadlines are of kinds that have some; of the others the wait for the end of the first
    quantum is drawn (p95). The shares of one policy stand in one row, up to what the machine has.

    Args:
        comparison: what came of a load.
        title: above the plot.
    """
    policies = list(dict.fromkeys(row.policy for row in comparison.rows))
    kinds = list(dict.fromkeys(row.kind for row in comparison.rows))
    due = [kind for kind in kinds if comparison.of(policies[0], kind).missed is not None]
    figure = Figure(figsize=(11, 1.8 + 0.55 * len(policies)), layout="constrained")
    missed, waited, had = figure.subplots(1, 3, sharey=True)
    looks: dict[str, dict[str, Any]] = {
        kind: {"color": _COLOURS[at % 7], "hatch": _HATCHES[at % 7], "edgecolor": "white"}
        for at, kind in enumerate(kinds)
    }
    others = [kind for kind in kinds if kind not in due]
    _groups(missed, comparison, policies, {kind: looks[kind] for kind in due}, _missed_percent)
    _groups(waited, comparison, policies, {kind: looks[kind] for kind in others}, _first_p95_ms)
    _stacks(had, comparison, policies, looks)
    missed.set(xlabel="missed deadlines, %", xlim=(0, 100))
    waited.set(xlabel="first quantum p95, ms", xscale="log")
    had.set(xlabel="share of the machine, %", xlim=(0, 100))
    missed.set_yticks(range(len(policies)), policies)
    missed.invert_yaxis()
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    handles, labels = had.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=len(kinds))
    return figure


def _groups(
    axes: Axes,
    comparison: Comparison,
    policies: list[str],
    looks: dict[str, dict[str, Any]],
    value: Callable[[Row], float],
) -> None:
    """For each policy one bar a kind, below each other."""
    height = 0.8 / max(1, len(looks))
    for place, (kind, look) in enumerate(looks.items()):
        values = [value(comparison.of(policy, kind)) for policy in policies]
        at = [row + (place + 0.5) * height - 0.4 for row in range(len(policies))]
        axes.barh(at, values, height=height, **look)
    axes.grid(axis="x", alpha=0.3)


def _stacks(
    axes: Axes, comparison: Comparison, policies: list[str], looks: dict[str, dict[str, Any]]
) -> None:
    """For each policy the shares of all kinds, one after the other."""
    before = [0.0] * len(policies)
    for kind, look in looks.items():
        shares = [100 * comparison.of(policy, kind).share for policy in policies]
        axes.barh(range(len(policies)), shares, left=before, height=0.8, label=kind, **look)
        before = [left + share for left, share in zip(before, shares, strict=True)]


def _missed_percent(row: Row) -> float:
    return 100 * (row.missed or 0.0)


def _first_p95_ms(row: Row) -> float:
    return row.first_p95_ms
