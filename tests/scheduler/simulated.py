"""Recordings of simulated machines: all that a real policy does, without a thread."""

from tests.scheduler.invented import snapshot
from toolkit.scheduler.executors.sim import simulate
from toolkit.scheduler.loads import KINDS
from toolkit.scheduler.recording import Recording

PERIODS_NS = {"cam1": 16_666_666, "cam2": 33_333_333, "overlay": 33_333_333}
LANES = [[0, 0], [0, 0], [1, 2], [1, 2], [3, 4], [3, 4]]


def recorded(arrivals, mode):
    outcome = simulate(arrivals, policy=mode, seconds=3.0, with_trace=True)
    said = {
        **snapshot(),
        "kinds": [
            {"name": name, "base": int(level), "period_ns": PERIODS_NS.get(name, 0)}
            for name, level in KINDS.items()
        ],
        "cores": 2,
        "workers": 6 if mode == "lanes" else 2,
        "lanes": LANES if mode == "lanes" else [[0, 4]] * 2,
        "mode": mode,
    }
    return Recording.of(said, outcome.trace)
