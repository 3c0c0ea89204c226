"""Which work is worth looking at? All five levels at once, as an application has them.

Camera frames and audio blocks, an overlay, a chat, and behind them embedding, indexing, training,
consolidation, cleanup and speculation. Load is offered CPU-seconds over what the cores have; a
training loop that never ends takes what is left, and does not count.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from toolkit.scheduler import Arrival, Context, Level

__all__ = ["BACKGROUND", "CONTEXTS", "KINDS", "RATES", "TRAINING", "arrivals_of"]

KINDS = {
    "frame": Level.CRITICAL,
    "frame30": Level.CRITICAL,
    "audio": Level.CRITICAL,
    "overlay": Level.HIGH,
    "chat": Level.HIGH,
    "embed": Level.NORMAL,
    "index": Level.LOW,
    "train": Level.LOW,
    "consolidate": Level.LOW,
    "clean": Level.LOW,
    "speculate": Level.IDLE,
}
BACKGROUND = ("embed", "index", "train", "consolidate", "clean", "speculate")
CONTEXTS = (
    # What is said is answered first; whoever reads looks away from the second camera.
    Context("chat", {"chat": "CRITICAL", "frame30": "HIGH"}),
    # Two faces: what draws on them belongs to the call, and the chat may take its time.
    Context("video_call", {"overlay": "CRITICAL", "chat": "LOW"}),
    # Nobody looks: what was put off gets done.
    Context("idle", {"train": "HIGH", "consolidate": "NORMAL", "speculate": "LOW"}),
)
MS = 1_000_000
SECOND = 1_000_000_000


class _Released(NamedTuple):
    """Comes so many times a second, after `phase_ns`; takes `cost_ms` at load 1.0.

    Each is due when the next one comes.
    """

    hz: int
    phase_ns: int
    cost_ms: float


class _Random(NamedTuple):
    """A quantum takes `cost_ms`; of a task's quanta there are some between two numbers."""

    cost_ms: int
    fewest: int
    most: int

    @property
    def mean_seconds(self) -> float:
        """What a task takes on average."""
        return self.cost_ms * (self.fewest + self.most) / 2e3


_RELEASED = {
    "frame": _Released(60, 0, 5),
    "frame30": _Released(30, 4 * MS, 5),
    "audio": _Released(50, 2 * MS, 0.5),
    "overlay": _Released(30, 9 * MS, 5),
}
RATES = {kind: one.hz for kind, one in _RELEASED.items()}  # a second
_CHAT = _Random(10, 5, 19)
_CHATS_PER_SECOND = 3  # at load 1.0, on two cores
_SOME_CORES = 2  # what frames and chats are dear enough for; more cores get more background
_BEHIND = {  # and its part of the CPU-seconds that the foreground leaves
    "embed": (_Random(20, 4, 4), 0.45),
    "index": (_Random(8, 3, 3), 0.15),
    "consolidate": (_Random(10, 6, 6), 0.1),
    "clean": (_Random(5, 2, 2), 0.05),
    "speculate": (_Random(20, 5, 5), 0.25),
}
TRAINING = Arrival(0, "train", (8 * MS,) * 6, repeats=True)


def arrivals_of(load: float, *, seconds: float, seed: int, cores: int = 2) -> tuple[Arrival, ...]:
    """What comes, in order of release; the same for the same arguments.

    Args:
        load: CPU-seconds that are offered each second over `cores`, on average.
        seconds: how long something comes.
        seed: of what comes at random.
        cores: how many there are.

    Raises:
        ValueError: `load`, `seconds` or `cores` is not positive.
    """
    if not (load > 0 and seconds > 0 and cores > 0):
        raise ValueError(f"{load=}, {seconds=} and {cores=} have to be positive.")
    rng, end_ns = random.Random(seed), int(seconds * SECOND)
    part = load * min(cores, _SOME_CORES) / _SOME_CORES
    found = [TRAINING, *_released(part, end_ns)]
    chats = _CHATS_PER_SECOND * part
    found += _random("chat", _CHAT, chats, end_ns, rng)
    front = chats * _CHAT.mean_seconds + part * sum(
        one.hz * one.cost_ms / 1e3 for one in _RELEASED.values()
    )
    for kind, (one, share) in _BEHIND.items():
        hz = (load * cores - front) * share / one.mean_seconds
        found += _random(kind, one, hz, end_ns, rng)
    return tuple(sorted(found, key=lambda arrival: arrival.release_ns))


def _released(part: float, end_ns: int) -> Iterator[Arrival]:
    for kind, (hz, phase_ns, cost_ms) in _RELEASED.items():
        quanta_ns = (int(cost_ms * MS * part),)
        for number in range(end_ns * hz // SECOND):
            release_ns = phase_ns + number * SECOND // hz
            due_ns = phase_ns + (number + 1) * SECOND // hz
            yield Arrival(release_ns, kind, quanta_ns, due_ns, kind == "overlay", key=kind)


def _random(
    kind: str, one: _Random, hz: float, end_ns: int, rng: random.Random
) -> Iterator[Arrival]:
    release_seconds = rng.expovariate(hz)
    while release_seconds * SECOND < end_ns:
        quanta_ns = (one.cost_ms * MS,) * rng.randint(one.fewest, one.most)
        yield Arrival(int(release_seconds * SECOND), kind, quanta_ns)
        release_seconds += rng.expovariate(hz)
