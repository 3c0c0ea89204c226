"""Does the simulator know what threads will do? Its misses beside measured ones of the same load.

Each system runs the load of 1.5x on real threads and in the simulator, on the same arrivals. Before
each turn the machine is calibrated (`toolkit.scheduler.calibrate`), for it may be faster or slower
than a minute before. Bars: for three rivals and both modes, simulated misses within a factor of two
of the measured ones, or within one point; and no two of the five in another order. What has no bar
is shown, too: so are simulations in which quanta cost what they did in the measured run, on
average, which say how much is due to the processor's speed.

    python -m toolkit bench simulated     # or: python tests/benchmarks/bench_simulated.py --quick

Keep the machine quiet: the simulator knows nothing of other processes.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
from dataclasses import asdict, replace
from typing import Any

from measured_load import (
    CRITICAL,
    RATES,
    SYSTEMS,
    TITLES,
    Figures,
    fresh_seed,
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
    "Misses of CRITICAL deadlines in percent, medians of {runs} runs from seed {seed} on and of "
    "simulations of the same arrivals. simulated: at the speed of a calibration before each turn; "
    "at its speed: at that of the measured run. off: the factor between measured and simulated "
    "over 2, or the difference in points, whichever is smaller; at most 1 is close enough. Other "
    "processes had {others:.0f} % of all cores. A quantum cost {cost:.2f} of what it was said to."
)


def run(quick: bool = False) -> dict[str, Any]:
    """Measured and simulated misses of each system; ratios say how far off they are."""
    runs, seconds = (QUICK_RUNS, QUICK_SECONDS) if quick else (RUNS, SECONDS)
    kernel, seed = convolution(), fresh_seed()
    calibrations: list[Calibration] = []

    def calibrate_anew() -> None:
        cost_ns = kernel.call_ns
        calibrations.append(calibrate(kernel.call, initializer=compute_alone, cost_ns=cost_ns))

    with two_cores():
        found = measure(
            kernel,
            LOAD,
            runs=runs,
            seconds=seconds,
            first_seed=seed,
            before_turn=calibrate_anew,
        )
    figures = {name: median_of(of) for name, of in found.items()}
    measured = {name: of.missed for name, of in figures.items()}
    simulated = {name: simulated_misses(name, calibrations, seed, seconds) for name in SYSTEMS}
    at_its_speed = {
        name: simulated_misses(name, at_speed_of(of, calibrations), seed, seconds)
        for name, of in found.items()
    }
    ratios = {f"{TITLES[name]}: off": off(measured[name], simulated[name]) for name in SYSTEMS}
    order = "pairs of the five in another order than measured"
    bars = dict.fromkeys([f"{TITLES[name]}: off" for name in WITH_BAR], 1.0) | {order: 0.0}
    rows = [
        {
            "system": name,
            "measured": measured[name],
            "simulated": simulated[name],
            "simulated at its speed": at_its_speed[name],
            "measured in each run": [of.missed for of in found[name]],
        }
        for name in SYSTEMS
    ]
    others = statistics.median(of.others for of in figures.values())
    cost = statistics.median(of.cost for of in figures.values())
    return {
        "name": "simulated",
        "ratios": ratios | {order: float(swapped(measured, simulated))},
        "machine": describe_machine(),
        "rows": rows,
        "bars": bars,
        "calibrations": [asdict(calibration) for calibration in calibrations],
        "tables": {f"Simulated beside measured, load {LOAD:g}x": [table_row(row) for row in rows]},
        "legend": LEGEND.format(runs=runs, seed=seed, others=others, cost=cost),
    }


def at_speed_of(runs: list[Figures], calibrations: list[Calibration]) -> list[Calibration]:
    """The same calibrations, but quanta cost what they did in the runs."""
    return [
        replace(one, slowdown=run.cost, cost_noise=run.cost_noise)
        for run, one in zip(runs, calibrations, strict=True)
    ]


def simulated_misses(
    name: str, calibrations: list[Calibration], first_seed: int, seconds: float
) -> float:
    """Misses of CRITICAL deadlines of a system in percent: the median over the turns."""
    misses: list[float] = []
    for seed, calibration in enumerate(calibrations, first_seed):
        outcome = simulate(
            workload(LOAD, seconds=seconds, seed=seed),
            policy=name,
            seconds=seconds,
            workers=CORES,
            rates=RATES,
            calibration=calibration,
            seed=seed,
        )
        misses.append(100 * outcome.miss_rate(CRITICAL))
    return statistics.median(misses)


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


def table_row(row: dict[str, Any]) -> dict[str, str]:
    """A line of the table."""
    return {
        "system": TITLES[row["system"]],
        "measured %": f"{row['measured']:.2f}",
        "simulated %": f"{row['simulated']:.2f}",
        "off": f"{off(row['measured'], row['simulated']):.2f}",
        "at its speed %": f"{row['simulated at its speed']:.2f}",
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one short run of each")
    found = run(parser.parse_args().quick)
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
