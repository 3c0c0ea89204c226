"""Which work do we compare schedulers on? Two cameras, an overlay, a chat, and much in background.

At load 1.0 what comes needs every second as many CPU-seconds as two cores have; a training loop
that never ends takes what is left. A higher load makes frames dearer and the rest more frequent:
at 1.5 half of it too much comes, so somebody has to go without.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import replace

from toolkit.scheduler.arrivals import Arrival
from toolkit.scheduler.levels import Level

__all__ = ["BACKGROUND", "CORES", "KINDS", "RATES", "load_of", "workload"]

CORES = 2  # the capacity that load 1.0 fills
KINDS = {
    "cam1": Level.CRITICAL,
    "cam2": Level.CRITICAL,
    "overlay": Level.HIGH,
    "chat": Level.HIGH,
    "embed": Level.NORMAL,
    "train": Level.LOW,
    "speculate": Level.IDLE,
}
BACKGROUND = ("embed", "train", "speculate")
_MS = 1_000_000
_SECOND = 1_000_000_000
RATES = {"cam1": 60, "cam2": 30, "overlay": 30}  # releases a second of what is periodic
_PHASES_NS = {"cam1": 0, "cam2": 4 * _MS, "overlay": 9 * _MS}
_PERIODIC_COST_MS = 5
# arrivals per second, cost of a quantum in ms, fewest and most quanta
_RANDOM = (("chat", 3, 10, 5, 19), ("embed", 8, 20, 4, 4), ("speculate", 4, 20, 5, 5))
_TRAINING = Arrival(0, "train", (8 * _MS,) * 6, repeats=True)


def workload(
    load: float, *, seconds: float, seed: int, on_device: bool = False
) -> tuple[Arrival, ...]:
    """The standard load, in order of release; the same for the same arguments.

    Args:
        load: offered CPU-seconds per second over two cores, without the training loop.
        seconds: how long something comes.
        seed: of chat, embedding and speculation, which come at random.
        on_device: the work runs on a device's queue instead of on cores.

    Raises:
        ValueError: `load` or `seconds` is not positive.
    """
    if load <= 0 or seconds <= 0:
        raise ValueError(f"{load=} and {seconds=} have to be positive.")
    rng, end_ns = random.Random(seed), int(seconds * _SECOND)
    arrivals = [*_periodic(load, end_ns), *_random(load, end_ns, rng), _TRAINING]
    if on_device:
        arrivals = [replace(arrival, on_device=True) for arrival in arrivals]
    return tuple(sorted(arrivals, key=lambda arrival: arrival.release_ns))


def load_of(arrivals: Iterable[Arrival], *, seconds: float, cores: int = CORES) -> float:
    """CPU-seconds that come per second, over `cores`; what repeats for ever does not count."""
    offered_ns = sum(sum(arrival.quanta_ns) for arrival in arrivals if not arrival.repeats)
    return offered_ns / (seconds * _SECOND * cores)


def _periodic(load: float, end_ns: int) -> Iterator[Arrival]:
    """Frames: a frame is due when the next one comes, which replaces it while it is queued."""
    quanta_ns = (int(_PERIODIC_COST_MS * _MS * load),)
    for kind, rate_hz in RATES.items():
        phase_ns = _PHASES_NS[kind]
        for number in range(end_ns * rate_hz // _SECOND):
            release_ns = phase_ns + number * _SECOND // rate_hz
            deadline_ns = phase_ns + (number + 1) * _SECOND // rate_hz
            optional = kind == "overlay"
            yield Arrival(release_ns, kind, quanta_ns, deadline_ns, optional, key=kind)


def _random(load: float, end_ns: int, rng: random.Random) -> Iterator[Arrival]:
    for kind, rate_hz, cost_ms, fewest, most in _RANDOM:
        release_seconds = rng.expovariate(rate_hz * load)
        while release_seconds * _SECOND < end_ns:
            quanta_ns = (cost_ms * _MS,) * rng.randint(fewest, most)
            yield Arrival(int(release_seconds * _SECOND), kind, quanta_ns)
            release_seconds += rng.expovariate(rate_hz * load)
