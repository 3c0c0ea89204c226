"""How do errors look? As curves of how many are below what, and as bars, case by case.

Every method has a colour, a line style and a hatch of its own: no one is told by colour alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from toolkit.evaluation import Trajectory

    Curve = tuple[NDArray[np.float64], NDArray[np.float64]]

__all__ = ["plot_bars", "plot_shares", "plot_ways", "shares_of"]

MOST_CASES = 24
_COLOURS = ("#1b6ca8", "#d1495b", "#edae49", "#66a182", "#7d5ba6", "#5f6b76")
_STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (1, 1)))
_HATCHES = ("", "//", "..", "xx", "\\\\", "++")
_TAILS = (0.005, 0.995)


class Look(NamedTuple):
    """How one method is drawn."""

    colour: str
    style: object
    hatch: str
    width: float


def plot_shares(path: Path, curves: Mapping[str, Curve], *, title: str, unit: str) -> None:
    """Draw, for each method, which share of errors is at most so large; write a PNG.

    Args:
        path: of the PNG.
        curves: a method's name to errors, rising, and shares.
        title: above the plot.
        unit: of the errors, with their name.
    """
    figure = Figure(figsize=(7.5, 4.5), layout="constrained")
    axes = figure.add_subplot(xscale="log", xlabel=unit, ylabel="share of errors below, %")
    for (name, (errors, shares)), look in zip(curves.items(), _looks(len(curves)), strict=True):
        axes.plot(
            errors,
            100 * shares,
            color=look.colour,
            linestyle=look.style,  # pyright: ignore[reportArgumentType]
            linewidth=look.width,
            label=name,
        )
    axes.set_xlim(*_limits(list(curves.values())))
    axes.set_ylim(0, 100)
    axes.grid(which="major", alpha=0.3)
    axes.set_title(title, loc="left", fontsize=10)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)


def plot_bars(
    path: Path,
    cases: Sequence[str],
    bars: Mapping[str, Sequence[float]],
    *,
    title: str,
    unit: str,
) -> None:
    """Draw a group of bars for each case, one for each method; write a PNG.

    Of more than 24 cases those are drawn where the first method is the worst.

    Args:
        path: of the PNG.
        cases: their names.
        bars: a method's name to its error in each case.
        title: above the plot.
        unit: of the errors, with their name.
    """
    first = np.asarray(next(iter(bars.values())))
    chosen = np.argsort(-first, kind="stable")[:MOST_CASES]
    if len(cases) > MOST_CASES:
        title += f"; the {MOST_CASES} worst of {len(cases)} for {next(iter(bars))}"
    figure = Figure(figsize=(9, 1.6 + 0.32 * len(chosen)), layout="constrained")
    axes = figure.add_subplot(xlabel=unit)
    height = 0.8 / len(bars)
    for place, ((name, errors), look) in enumerate(
        zip(bars.items(), _looks(len(bars)), strict=True)
    ):
        axes.barh(
            np.arange(len(chosen)) + (place + 0.5) * height - 0.4,
            np.asarray(errors)[chosen],
            height=height,
            color=look.colour,
            hatch=look.hatch,
            edgecolor="white",
            linewidth=0,
            label=name,
        )
    labels = [str(cases[one]) for one in chosen]
    axes.set_yticks(np.arange(len(chosen)), labels, fontsize=8)
    axes.set_ylim(len(chosen) - 0.5, -0.5)
    axes.grid(axis="x", alpha=0.3)
    axes.set_title(title, loc="left", fontsize=10)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=120)


def plot_ways(path: Path, ways: Mapping[str, Trajectory], *, title: str) -> None:
    """Draw trajectories as seen along the axis in which the first one moves least; write a PNG."""
    figure = Figure(figsize=(6, 6), layout="constrained")
    axes = figure.add_subplot(aspect="equal")
    spread = np.ptp(next(iter(ways.values())).positions, axis=0)
    across, up = sorted(np.argsort(-spread)[:2].tolist())
    for (name, way), look in zip(ways.items(), _looks(len(ways)), strict=True):
        axes.plot(
            way.positions[:, across],
            way.positions[:, up],
            color=look.colour,
            linestyle=look.style,  # pyright: ignore[reportArgumentType]
            linewidth=look.width,
            label=name,
        )
    axes.set_xlabel(f"{'xyz'[across]}, m")
    axes.set_ylabel(f"{'xyz'[up]}, m")
    axes.grid(alpha=0.3)
    axes.set_title(title, loc="left", fontsize=10)
    axes.legend()
    figure.savefig(path, dpi=120)


def shares_of(errors: Sequence[float]) -> Curve:
    """The curve of a list of errors."""
    rising = np.sort(np.asarray(errors, dtype=np.float64))
    return rising, np.arange(1, rising.size + 1) / max(rising.size, 1)


def _looks(count: int) -> list[Look]:
    """The first method, which is the toolkit's, stands out."""
    return [
        Look(
            _COLOURS[place % len(_COLOURS)],
            _STYLES[place % len(_STYLES)],
            _HATCHES[place % len(_HATCHES)],
            2.4 if place == 0 else 1.4,
        )
        for place in range(count)
    ]


def _limits(curves: Sequence[Curve]) -> tuple[float, float]:
    """Between which errors all curves rise, with a margin."""
    low, high = (
        pick(
            float(errors[min(int(np.searchsorted(shares, tail)), len(errors) - 1)])
            for errors, shares in curves
        )
        for pick, tail in zip((min, max), _TAILS, strict=True)
    )
    low = max(low, 1e-9)
    return low / 1.2, max(high, low) * 1.2
