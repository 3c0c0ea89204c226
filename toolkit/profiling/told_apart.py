"""Did the host wait for the copy, or for the work before it? The driver's trace tells them apart.

A slow `.cpu()` is mostly queued kernels: the copy proper begins when they are done. So the time for
which a call of the driver held the host up is cut in two: while a copy of this thread ran on the
device it was *copying*, and what is left it was *waiting*. What held it up are the calls that
synchronise, copies that are not `Async`, and `cudaMemcpyAsync` from or to pageable memory where the
device began before the call returned.

The modes already saw most copies and waits, with operator and line. The driver's calls inside of
one of these are the same thing, seen closer; those inside of none were made by a library or deep in
a kernel, and are added with the driver's name and the line of the call into torch that was under
way. Copies on the device are left to the operators: many of them are kernels, which the driver
does not call copies.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from toolkit.profiling.driver_trace import DriverTrace, HostCall, Transfer

__all__ = ["Apart", "Call", "Sync", "Window", "tell_apart"]

# beginning and end, on the clock of time.perf_counter_ns
Window = tuple[int, int]
# mark, operator, device, when it began, how long it took: as the modes note them
Sync = tuple[str, str, str, int, int]
# when a call into torch began and ended, and its mark
Call = tuple[int, int, str]

_WHERE = "cuda"  # the trace does not say for which device a call waits


@dataclass(slots=True)
class Apart:
    """What the driver adds to one stretch of one thread.

    Attributes:
        syncs: in place of those that the modes saw, with the waiting alone as their duration; and
            those that only the driver saw.
        unseen: copies between host and device that only the driver saw, with the mark of the call.
        copies: the others, which the modes saw, too.
        copying_ns: how long the host was held up while a copy ran.
        pageable_copies: copies from or to host memory that is not page-locked.
        pageable_bytes: their bytes.
    """

    syncs: list[Sync] = field(default_factory=list[Sync])
    unseen: list[tuple[str, Transfer]] = field(default_factory=list["tuple[str, Transfer]"])
    copies: list[Transfer] = field(default_factory=list["Transfer"])
    copying_ns: int = 0
    pageable_copies: int = 0
    pageable_bytes: int = 0


def tell_apart(
    trace: DriverTrace,
    stretch: Window,
    syncs: Iterable[Sync] = (),
    *,
    copies: Iterable[Window] = (),
    told: Iterable[Window] = (),
    calls: Iterable[Call] = (),
) -> Apart:
    """Cut every time that the host was held up in waiting and copying.

    Args:
        trace: of one thread.
        stretch: when it worked for the stage in question; calls outside are somebody else's.
        syncs: that the modes saw.
        copies: when those ran that the modes saw.
        told: when a layer of the toolkit copied or waited, and reported it by itself.
        calls: into torch, to find the line of what only the driver saw.
    """
    begin, end = stretch
    mine = [call for call in trace.calls if begin <= call.middle_ns < end]
    queued = {call.correlation: call for call in mine}
    transfers = [one for one in trace.transfers if one.correlation in queued and one.crosses]
    running = _joined((one.begin_ns, one.end_ns) for one in trace.transfers if one.crosses)
    held = [call for call in mine if _holds_up(call, transfers)]
    told = tuple(told)
    lines = _Lines(calls)

    result = Apart()
    taken: set[int] = set()
    for mark, op, device, at_ns, took_ns in syncs:
        window = (at_ns, at_ns + took_ns)
        inside = [call for call in held if _is_inside(call, window) and id(call) not in taken]
        if any(_is_inside(call, window) for call in mine):
            took_ns = 0  # the rest of it was no wait: memory was taken, the call was queued
        for call in inside:
            copying = _overlap(call, running)
            took_ns += call.end_ns - call.begin_ns - copying
            result.copying_ns += copying
            taken.add(id(call))
        result.syncs.append((mark, op, device, at_ns, took_ns))
    for call in held:
        if id(call) in taken or any(_is_inside(call, window) for window in told):
            continue
        copying = _overlap(call, running)
        result.copying_ns += copying
        waiting = call.end_ns - call.begin_ns - copying
        result.syncs.append((lines.mark_at(call), call.name, _WHERE, call.begin_ns, waiting))
    known = (*copies, *told)
    for one in transfers:
        call = queued[one.correlation]
        if any(_is_inside(call, window) for window in known):
            result.copies.append(one)
        else:
            result.unseen.append((lines.mark_at(call), one))
        result.pageable_copies += one.is_pageable
        result.pageable_bytes += one.nbytes if one.is_pageable else 0
    return result


class _Lines:
    """Finds the call into torch, the innermost one, in which the driver was called."""

    def __init__(self, calls: Iterable[Call]) -> None:
        self._calls = sorted(calls)
        self._begins = [call[0] for call in self._calls]

    def mark_at(self, call: HostCall) -> str:
        for begin_ns, end_ns, mark in reversed(
            self._calls[: bisect_right(self._begins, call.middle_ns)]
        ):
            if begin_ns <= call.middle_ns <= end_ns:
                return mark
        return ""


def _holds_up(call: HostCall, transfers: Iterable[Transfer]) -> bool:
    if call.is_sync or call.is_blocking_copy:
        return True
    return any(
        one.correlation == call.correlation and one.is_pageable and one.begin_ns < call.end_ns
        for one in transfers
    )


def _is_inside(call: HostCall, window: Window) -> bool:
    return window[0] <= call.middle_ns <= window[1]


def _joined(spans: Iterable[Window]) -> list[Window]:
    """The same stretches of time, each once."""
    joined: list[Window] = []
    for begin, end in sorted(spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return joined


def _overlap(call: HostCall, spans: Sequence[Window]) -> int:
    return sum(max(0, min(call.end_ns, end) - max(call.begin_ns, begin)) for begin, end in spans)
