"""Does the simulator know what threads will do? Its misses beside measured ones of the same load.

Each system runs the load of 1.5x on real threads and in the simulator, on the same arrivals. Before
each turn the machine is calibrated (`toolkit.scheduler.calibrate`), for it may be faster or slower
than a minute before. Bars: for three rivals and both modes, simulated misses within a factor of two
of the measured ones, or within one point; and no two of the five in another order. What has no bar
is shown, too.

    python -m toolkit bench simulated     # or: python tests/benchmarks/bench_simulated.py --quick

Keep the machine quiet: the simulator knows nothing of other processes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
from dataclasses import asdict
from typing import Any

from measured_load import (
    CRITICAL,
    FIRST_SEED,
    RATES,
    SYSTEMS,
    TITLES,
    measure,
    median_of,
    two_cores,
)
from thread_rivals import compute_alone

from toolkit.demos.kernels import convolution
from toolkit.demos.machine import describe_machine
from toolkit.scheduler import Calibration, calibrate, simulate
from toolkit.scheduler.loads import CORES, workload

WITH_BAR = ("pool", "priority", "priority_chunks", "guard", "lanes")
LOAD, SECONDS, RUNS = 1.5, 4.0, 9
QUICK_SECONDS, QUICK_RUNS = 1.0, 1
FACTOR, POINT = 2.0, 1.0
LEGEND = (
    "Misses of CRITICAL deadlines in percent, medians of {runs} runs and of simulations of the "
    "same arrivals. off: the factor between both over 2, or the difference in points, whichever "
    "is smaller; at most 1 is close enough. Other processes had {others:.0f} % of all cores."
)


def run(quick: bool = False) -> dict[str, Any]:
    """Measured and simulated misses of each system; ratios say how far off they are."""
    runs, seconds = (QUICK_RUNS, QUICK_SECONDS) if quick else (RUNS, SECONDS)
    kernel = convolution()
    calibrations: list[Calibration] = []

    def calibrate_anew() -> None:
        cost_ns = kernel.call_ns
        calibrations.append(calibrate(kernel.call, initializer=compute_alone, cost_ns=cost_ns))

    with two_cores():
        found = measure(kernel, LOAD, runs=runs, seconds=seconds, before_turn=calibrate_anew)
    figures = {name: median_of(of) for name, of in found.items()}
    measured = {name: of.missed for name, of in figures.items()}
    simulated = simulated_misses(calibrations, seconds=seconds)
    ratios = {f"{TITLES[name]}: off": off(measured[name], simulated[name]) for name in SYSTEMS}
    order = "pairs of the five in another order than measured"
    bars = dict.fromkeys([f"{TITLES[name]}: off" for name in WITH_BAR], 1.0) | {order: 0.0}
    others = statistics.median(of.others for of in figures.values())
    return {
        "name": "simulated",
        "ratios": ratios | {order: float(swapped(measured, simulated))},
        "machine": describe_machine(),
        "rows": [
            {"system": name, "measured": measured[name], "simulated": simulated[name]}
            for name in SYSTEMS
        ],
        "bars": bars,
        "calibrations": [asdict(calibration) for calibration in calibrations],
        "tables": {f"Simulated beside measured, load {LOAD:g}x": table(measured, simulated)},
        "legend": LEGEND.format(runs=runs, others=others),
    }


def simulated_misses(
    calibrations: list[Calibration], *, seconds: float, load: float = LOAD
) -> dict[str, float]:
    """Misses of CRITICAL deadlines of each system in percent: the median over the turns."""
    misses: dict[str, list[float]] = {name: [] for name in SYSTEMS}
    for seed, calibration in enumerate(calibrations, FIRST_SEED):
        arrivals = workload(load, seconds=seconds, seed=seed)
        for name in SYSTEMS:
            outcome = simulate(
                arrivals,
                policy=name,
                seconds=seconds,
                workers=CORES,
                rates=RATES,
                calibration=calibration,
                seed=seed,
            )
            misses[name].append(100 * outcome.miss_rate(CRITICAL))
    return {name: statistics.median(of) for name, of in misses.items()}


def off(measured: float, simulated: float) -> float:
    """How far the simulator is off: at most 1 within a factor of two, or within one point."""
    points = abs(measured - simulated) / POINT
    least, most = sorted((measured, simulated))
    return min(points, most / least / FACTOR) if least else points


def swapped(measured: dict[str, float], simulated: dict[str, float]) -> int:
    """How many pairs the simulator has in another order; equals are in any."""
    return sum(
        (measured[one] - measured[other]) * (simulated[one] - simulated[other]) < 0
        for one, other in itertools.combinations(WITH_BAR, 2)
    )


def table(measured: dict[str, float], simulated: dict[str, float]) -> list[dict[str, str]]:
    """A line for each system."""
    return [
        {
            "system": TITLES[name],
            "measured %": f"{measured[name]:.2f}",
            "simulated %": f"{simulated[name]:.2f}",
            "off": f"{off(measured[name], simulated[name]):.2f}",
        }
        for name in SYSTEMS
    ]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run of each")
    found = run(parser.parse_args().quick)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
