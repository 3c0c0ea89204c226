"""What work comes, and when? A load as plain data: made by a generator, or read off a recording."""

from __future__ import annotations

from dataclasses import dataclass

from toolkit.scheduler.levels import NEVER

__all__ = ["Arrival"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """One task that will be released: what the simulator, its rivals and a replay are fed with.

    A load is a list of arrivals in the order of their release. Times count from its begin. How
    urgent a kind is does not stand here: that is what policies differ in.

    Attributes:
        release_ns: when it is submitted.
        kind: name of its kind.
        quanta_ns: the work of each of its quanta, as time on a core that it has for itself. The
            end of the last quantum is the end of the task. At least one.
        deadline_ns: when it should have ended, absolute; `NEVER` without one.
        optional: it may be shed.
        key: a newer arrival with the same key replaces it while it is queued.
        awaits: `awaits[i]` is awaited at the end of quantum `i`: the index, in the load, of another
            arrival, or -1 for none. May be shorter than `quanta_ns`.
        on_device: its quanta run on the device's queue, whose kernels cannot be preempted, while
            its thread waits; else on a core.
        repeats: it never ends: its quanta begin anew, as those of a training loop.
    """

    release_ns: int
    kind: str
    quanta_ns: tuple[int, ...]
    deadline_ns: int = NEVER
    optional: bool = False
    key: str | None = None
    awaits: tuple[int, ...] = ()
    on_device: bool = False
    repeats: bool = False
