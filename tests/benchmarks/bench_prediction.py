"""What does it save to guess what a user needs next? Predictors, on users whom none has seen.

Ratios are of the mean first response, over the best of the trivial predictors (none, last,
frequency) in the same family; the table beside them has what it costs in waste. Users are drawn, so
everything but the last row is the same on every machine. No bar: the gain is what it is.

    python -m toolkit bench prediction    # or: python tests/benchmarks/bench_prediction.py --quick
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from typing import Any

from toolkit.demos.evaluate_prediction import COLUMNS, LEGEND, PREDICTORS, TRIVIAL, cells, evaluate
from toolkit.demos.machine import describe_machine
from toolkit.demos.prediction_users import EVENTS, FAMILIES, PLACES
from toolkit.scheduler.predict_logistic import Logistic

SEEDS = (101, 102, 103)
USERS = 48  # of each family and seed: 24 train, 8 choose thresholds, 16 are measured
EVENTS_TIMED = 2000


def run(quick: bool = False) -> dict[str, Any]:
    """Every predictor on every family, over all seeds; and what one event costs the dearest."""
    seeds, users = ((SEEDS[0],), 12) if quick else (SEEDS, USERS)
    found = [{(family, name): row for family, name, row in evaluate(users, seed)} for seed in seeds]
    rows = {key: _mean([one[key] for one in found]) for key in found[0]}
    return {
        "name": "prediction",
        "ratios": {
            f"{name} / best trivial one ({family})": rows[family, name]["mean_ms"]
            / min(rows[family, trivial]["mean_ms"] for trivial in TRIVIAL)
            for family in FAMILIES
            for name in PREDICTORS
            if name not in TRIVIAL
        },
        "machine": describe_machine(),
        "rows": [
            *({"family": family, "predictor": name, **row} for (family, name), row in rows.items()),
            {"case": "logistic, one event and one answer", "us": _cost_us()},
        ],
        "tables": {
            f"Prediction: first response in ms, {family}": [
                {"predictor": name, **dict(zip(COLUMNS, cells(rows[family, name]), strict=True))}
                for name in PREDICTORS
            ]
            for family in FAMILIES
        },
        "legend": LEGEND,
        "seeds": seeds,
    }


def _mean(rows: list[dict[str, float]]) -> dict[str, float]:
    """Rows of several seeds as one; an error of a mean of several shrinks with their root."""
    row = {key: statistics.fmean(one[key] for one in rows) for key in rows[0]}
    row["saved_error_ms"] /= len(rows) ** 0.5
    return row


def _cost_us() -> float:
    """CPU time of an event that is learned from, and of the probabilities after it."""
    model = Logistic(tuple(PLACES), EVENTS)
    model.switched("chat", 0)
    begin = time.thread_time_ns()
    for number in range(EVENTS_TIMED):
        now_ns = number * 500_000_000
        model.observe(EVENTS[number % len(EVENTS)], now_ns)
        model.probabilities(now_ns)
    return (time.thread_time_ns() - begin) / EVENTS_TIMED / 1e3


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few users")
    print(json.dumps(run(parser.parse_args().quick), indent=1))  # noqa: T201 - its output
