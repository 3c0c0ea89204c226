"""What did the driver do? Kineto's trace of CUDA, read into calls of the host and copies.

CUPTI records every call of the CUDA runtime with its thread, and every copy as the device ran it.
A number, the correlation, says which call queued which copy. Kineto writes both to a trace of
Chrome's form, on the clock of `time.time_ns`; here they are on that of `time.perf_counter_ns`.

Not in it: what the device had not finished when the trace was stopped, for stopping it does not
wait. Kineto also leaves out calls that are frequent and do not wait, such as `cudaEventCreate`.

Source: pytorch/kineto, `libkineto/src/CuptiActivityProfiler.cpp` and `output_json.cpp`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["DriverTrace", "HostCall", "Transfer", "names_of_thread", "read_trace"]

_CALLS = frozenset({"cuda_runtime", "cuda_driver"})
_COPIES = "gpu_memcpy"
_MEMCPY = re.compile(r"Memcpy (\w)to(\w) \((.+) -> (.+)\)")


@dataclass(frozen=True, slots=True)
class HostCall:
    """One call of the CUDA runtime.

    Attributes:
        name: such as `"cudaMemcpyAsync"`.
        begin_ns: on the clock of `time.perf_counter_ns`.
        end_ns: when it returned.
        thread: by any name of `names_of_thread`.
        correlation: shared with what it queued.
    """

    name: str
    begin_ns: int
    end_ns: int
    thread: int
    correlation: int

    @property
    def middle_ns(self) -> int:
        """What it is placed by: the clocks of driver and host may differ by some microseconds."""
        return (self.begin_ns + self.end_ns) // 2

    @property
    def is_sync(self) -> bool:
        """Whether it is one of those that wait: for a stream, an event, the device or a context."""
        return self.name.endswith(("Synchronize", "Synchronize_ptsz"))

    @property
    def is_blocking_copy(self) -> bool:
        """Whether it is a copy that returns when it is done: one without `Async` in its name."""
        return "emcpy" in self.name and "Async" not in self.name


@dataclass(frozen=True, slots=True)
class Transfer:
    """One copy, as the device ran it.

    Attributes:
        name: as the driver says it, such as `"Memcpy HtoD (Pageable -> Device)"`.
        direction: `"h2d"`, `"d2h"`, `"d2d"` or `"h2h"`; `"?"` of a kind that is none of these.
        nbytes: how much.
        is_pageable: one side is host memory that is not page-locked.
        begin_ns: when the device began, on the clock of `time.perf_counter_ns`.
        end_ns: when it was done.
        device: such as `"cuda:0"`.
        correlation: of the call that queued it.
    """

    name: str
    direction: str
    nbytes: int
    is_pageable: bool
    begin_ns: int
    end_ns: int
    device: str
    correlation: int

    @property
    def crosses(self) -> bool:
        """Whether it goes from host to device or back."""
        return self.direction in ("h2d", "d2h")


@dataclass(frozen=True, slots=True)
class DriverTrace:
    """Calls and copies, each in order of their beginning."""

    calls: tuple[HostCall, ...] = ()
    transfers: tuple[Transfer, ...] = ()

    def of_thread(self, names: Iterable[int]) -> DriverTrace:
        """What one thread called, and the copies that it queued."""
        wanted = frozenset(names)
        calls = tuple(one for one in self.calls if one.thread in wanted)
        queued = {one.correlation for one in calls}
        return DriverTrace(calls, tuple(one for one in self.transfers if one.correlation in queued))


def read_trace(document: Mapping[str, Any], clock_offset_ns: int) -> DriverTrace:
    """Read a trace that Kineto wrote.

    Args:
        document: the parsed file.
        clock_offset_ns: what to add to `time.time_ns()` to have `time.perf_counter_ns()`.
    """
    shift = int(document.get("baseTimeNanoseconds", 0)) + clock_offset_ns
    calls: list[HostCall] = []
    transfers: list[Transfer] = []
    for event in document.get("traceEvents", ()):
        if event.get("ph") != "X":
            continue
        category = event.get("cat", "")
        if category in _CALLS:
            begin, end = _span(event, shift)
            correlation = int(event.get("args", {}).get("correlation", -1))
            calls.append(HostCall(event["name"], begin, end, int(event["tid"]), correlation))
        elif category == _COPIES:
            transfers.append(_transfer(event, shift))
    calls.sort(key=lambda one: one.begin_ns)
    transfers.sort(key=lambda one: one.begin_ns)
    return DriverTrace(tuple(calls), tuple(transfers))


def names_of_thread(ident: int, native_id: int) -> frozenset[int]:
    """The numbers by which a trace may name a thread.

    That of the system, where Kineto has met the thread; else the lower 32 bits of its pthread, as a
    signed number whose sign is dropped.

    Args:
        ident: `threading.get_ident()`.
        native_id: `threading.get_native_id()`.
    """
    low = ident & 0xFFFFFFFF
    signed = low - (1 << 32) if low >= 1 << 31 else low
    return frozenset({native_id, low, abs(signed)})


def _span(event: Mapping[str, Any], shift: int) -> tuple[int, int]:
    begin = round(float(event["ts"]) * 1000) + shift
    return begin, begin + round(float(event.get("dur", 0)) * 1000)


def _transfer(event: Mapping[str, Any], shift: int) -> Transfer:
    begin, end = _span(event, shift)
    arguments: Mapping[str, Any] = event.get("args", {})
    name = str(event["name"])
    found = _MEMCPY.match(name)
    direction = f"{found[1]}2{found[2]}".lower() if found else "?"
    return Transfer(
        name,
        "d2d" if direction == "p2p" else direction if set(direction) <= set("hd2") else "?",
        int(arguments.get("bytes", 0)),
        "Pageable" in name,
        begin,
        end,
        f"cuda:{arguments.get('device', 0)}",
        int(arguments.get("correlation", -1)),
    )
