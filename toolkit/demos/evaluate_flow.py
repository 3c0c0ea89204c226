"""How good is our flow, and how good is that of others, on the same pictures?

    python -m toolkit eval flow --scenes 20
    python -m toolkit eval flow --data MPI-Sintel-complete --preset best --json

All methods see every pair in turn, on one thread of the CPU. An interrupt ends cleanly, with the
pairs that were finished.
"""

from __future__ import annotations

import copy
import statistics
from contextlib import closing
from typing import TYPE_CHECKING, Any, Literal

from rich.table import Table

from toolkit.demos import BadInput
from toolkit.demos.evaluation_plots import plot_bars, plot_shares
from toolkit.demos.evaluation_run import (
    check_backend,
    choose_scenes,
    in_turn,
    no_peers,
    print_ending,
    with_progress,
)
from toolkit.demos.flow_cases import draw_scenes, read_pairs
from toolkit.demos.flow_rivals import opencv_methods, toolkit_method
from toolkit.demos.machine import describe_machine
from toolkit.demos.opencv import one_thread
from toolkit.evaluation import BadData, FlowErrors, FlowTally, find_flow_pairs

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from rich.console import Console

    from toolkit.demos.flow_cases import FlowCase
    from toolkit.demos.flow_rivals import FlowMethod

__all__ = ["run_flow"]

OURS = "toolkit"


class _Finished:
    """What was measured so far: whole pairs only, so that all methods saw the same ones."""

    def __init__(self, names: list[str]) -> None:
        self.tallies = {name: FlowTally() for name in names}
        self.milliseconds: dict[str, list[float]] = {name: [] for name in names}
        self.errors: dict[str, list[FlowErrors]] = {name: [] for name in names}
        self.cases: list[str] = []

    def plus(self, case: FlowCase, found: Mapping[str, tuple[Any, float]]) -> _Finished:
        """A copy with one pair more: an interrupt on the way changes nothing that was there."""
        more = copy.deepcopy(self)
        more._add(case, found)
        return more

    def _add(self, case: FlowCase, found: Mapping[str, tuple[Any, float]]) -> None:
        flow, is_valid = case.truth
        try:
            errors = {
                name: self.tallies[name].add(estimate, flow, is_valid)
                for name, (estimate, _) in found.items()
            }
        except BadData as error:
            raise BadInput(f"pair {case.name}: {error}") from error
        for name, (_, milliseconds) in found.items():
            self.errors[name].append(errors[name])
            self.milliseconds[name].append(milliseconds)
        self.cases.append(case.name)

    def metrics(self, backend: str) -> dict[str, dict[str, Any]]:
        """For each method its errors over all pixels, the median time, and what it ran on."""
        return {
            name: {
                **tally.errors.to_dict(),
                "ms": statistics.median(self.milliseconds[name]),
                "backend": backend if name == OURS else "opencv",
            }
            for name, tally in self.tallies.items()
            if self.cases
        }

    def pairs(self) -> list[dict[str, Any]]:
        """Each pair by name, with the mean error of every method."""
        return [
            {
                "name": case,
                "epe_mean": {name: self.errors[name][row].epe_mean for name in self.errors},
            }
            for row, case in enumerate(self.cases)
        ]


def run_flow(
    *,
    data: Path | None = None,
    rendering: Literal["clean", "final"] = "final",
    scenes: int | None = None,
    seed: int | None = None,
    pairs: int | None = None,
    backend: str = "torch",
    preset: str = "balanced",
    out: Path,
    console: Console,
) -> dict[str, Any]:
    """Evaluate the stage `flow` and OpenCV's methods on the same pairs; print a table, write plots.

    Args:
        data: folder of a data set that was downloaded; drawn scenes when left out.
        rendering: of Sintel.
        scenes: how many pairs to draw; 20 when left out.
        seed: of the scenes; a fresh one when left out, which is printed.
        pairs: of the data set only so many, spread evenly over it.
        backend: `"torch"` or `"opencv"`, of the stage.
        preset: `"fast"`, `"balanced"` or `"best"`, of the stage.
        out: an existing folder for the plots.
        console: where the progress bar and the table go.

    Returns:
        `metrics` by method, `pairs` by name, what was evaluated on what, and `interrupted`.

    Raises:
        WrongUse: the options contradict each other, or the stage is not there.
        BadInput: a pair cannot be evaluated.
        BadData: the data set is not what its layout promises.
    """
    count, seed = choose_scenes(data, scenes, seed, of_data={"--pairs": pairs})
    check_backend(backend)
    methods = {OURS: toolkit_method(backend, preset), **opencv_methods()}
    if data is None:
        cases, total = draw_scenes(count, seed), count
        subject = f"{count} drawn scenes, seed {seed}"
    else:
        chosen = _spread(find_flow_pairs(data, rendering=rendering), pairs)
        cases, total, subject = read_pairs(chosen), len(chosen), str(data)
    console.print(f"flow on {subject}: preset {preset}, back end {backend}", soft_wrap=True)
    finished, is_interrupted = _measure(methods, cases, total, console)
    result = {
        "metrics": finished.metrics(backend),
        "pairs": finished.pairs(),
        "backend": backend,
        "preset": preset,
        "data": None if data is None else str(data),
        "seed": seed if data is None else None,
        "interrupted": is_interrupted,
        "peers_missing": no_peers(),
        "plots": _plot(finished, f"{subject}, {preset}, {backend}", out) if finished.cases else [],
        "machine": describe_machine(),
    }
    _print(result, console)
    return result


def _measure(
    methods: Mapping[str, FlowMethod], cases: Iterator[FlowCase], total: int, console: Console
) -> tuple[_Finished, bool]:
    finished = _Finished(list(methods))
    warm: set[tuple[int, ...]] = set()
    with one_thread(), closing(with_progress(cases, total, "flow", console)) as shown:
        try:
            for turn, case in enumerate(shown):
                if case.before.shape not in warm:
                    # Constants and buffers are made once for a size, and not what is timed.
                    for method in methods.values():
                        method(case.before, case.after)
                    warm.add(case.before.shape)
                found = {
                    name: method(case.before, case.after) for name, method in in_turn(methods, turn)
                }
                finished = finished.plus(case, found)
        except KeyboardInterrupt:
            return finished, True
    return finished, False


def _spread(pairs: list[Any], most: int | None) -> list[Any]:
    """At most so many of them, at even distances."""
    if most is None or most >= len(pairs):
        return pairs
    return [pairs[number * len(pairs) // most] for number in range(most)]


def _plot(finished: _Finished, subject: str, out: Path) -> list[str]:
    shares, bars = out / "flow_errors.png", out / "flow_pairs.png"
    curves = {name: tally.shares() for name, tally in finished.tallies.items()}
    plot_shares(shares, curves, title=f"flow on {subject}", unit="end-point error, px")
    means = {name: [one.epe_mean for one in errors] for name, errors in finished.errors.items()}
    plot_bars(bars, finished.cases, means, title=f"flow on {subject}", unit="mean EPE, px")
    return [str(shares), str(bars)]


def _print(result: Mapping[str, Any], console: Console) -> None:

    table = Table(title=f"Flow over {len(result['pairs'])} pairs", title_justify="left")
    for column in ("method", "ran on"):
        table.add_column(column, no_wrap=True)
    for column in ("EPE px, mean", "EPE px, median", "Fl-all %", "CPU ms"):
        table.add_column(column, justify="right")
    for name, row in result["metrics"].items():
        numbers = (row["epe_mean"], row["epe_median"], row["fl_all"], row["ms"])
        table.add_row(name, row["backend"], *(f"{one:.3g}" for one in numbers))
    if result["pairs"]:
        console.print(table)
    print_ending(result, console)
