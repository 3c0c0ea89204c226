"""What do the allocator's events add up to? Allocations, copies and operators, by pure functions.

The operator that is charged is the outermost one: the one that was called. Copies are
`aten::copy_`; inside clone, `_to_copy` and repeat their size is that of the result, which was
allocated just before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = [
    "NOT_ATTRIBUTED",
    "Counts",
    "DeviceCounters",
    "OperatorCounts",
    "RawEvent",
    "RawEvents",
    "add_unseen",
    "count",
]

NOT_ATTRIBUTED = "(not attributed)"

# kind, nbytes, device, direction, operator, nanoseconds since the stream was started
RawEvent = tuple[str, int, str, str, str, int]
# allocations, allocated bytes, frees, freed bytes
DeviceCounters = tuple[int, int, int, int]

# Operators that allocate their result and fill the whole of it by one copy_: so its size is known.
_FILLS_ITS_RESULT = frozenset({"aten::clone", "aten::_to_copy", "aten::repeat"})
# clone and repeat stay on the device of their input.
_STAYS_ON_DEVICE = frozenset({"aten::clone", "aten::repeat"})


@dataclass(slots=True)
class RawEvents:
    """The events of one thread, in order, as columns.

    Attributes:
        names: of the operator where one begins; empty where one ends, and for memory.
        sizes: bytes allocated, negative if freed; 0 where an operator begins or ends.
        devices: by place in the columns, the device of memory that is not the host's.
        at_us: time of the event at a place, in microseconds since the stream was started.
        is_host_only: no accelerator is in use, so that every copy runs from host to host.
    """

    names: list[str]
    sizes: list[int]
    devices: dict[int, str]
    at_us: Callable[[int], float]
    is_host_only: bool = True


@dataclass(slots=True)
class OperatorCounts:
    """What one operator took: how often it was called, and what was allocated and copied inside."""

    calls: int = 0
    time_ns: int = 0
    allocations: int = 0
    allocated_bytes: int = 0
    copies: int = 0
    copied_bytes: int = 0

    def add(self, other: OperatorCounts) -> None:
        """Add what `other` took."""
        self.calls += other.calls
        self.time_ns += other.time_ns
        self.allocations += other.allocations
        self.allocated_bytes += other.allocated_bytes
        self.copies += other.copies
        self.copied_bytes += other.copied_bytes


@dataclass(slots=True)
class Counts:
    """The allocator's events of one stretch of one thread, counted.

    Attributes:
        copies: count and bytes by direction; `"?"` where the side of the source is not known.
        unsized_copies: those of them that wrote into memory allocated elsewhere, and stand with 0
            bytes.
        net_bytes: allocated less freed, over the stretch.
        peak_bytes: the highest that this difference stood at.
        operators: by the outermost operator, which is the one that was called.
        signature: hash over the sizes allocated, in order.
        on_device: of the above, those on CUDA: allocations, bytes, frees, bytes.
        events: every event, if they were asked for.
    """

    allocations: int = 0
    allocated_bytes: int = 0
    frees: int = 0
    freed_bytes: int = 0
    copies: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    unsized_copies: int = 0
    net_bytes: int = 0
    peak_bytes: int = 0
    operators: dict[str, OperatorCounts] = field(default_factory=dict[str, OperatorCounts])
    on_device: DeviceCounters = (0, 0, 0, 0)
    signature: int = 0
    events: list[RawEvent] = field(default_factory=list[RawEvent])


def count(
    threads: Sequence[RawEvents],
    *,
    windows: Sequence[tuple[int, int]] = (),
    keep: bool = False,
) -> Counts:
    """Count raw events. About 0.5 us for each.

    Args:
        threads: what `AllocatorStream.stop` gave.
        windows: spans in ns since the start, in which copies are left out, for somebody reported
            them.
        keep: keep every event in `Counts.events` as well.
    """
    result = Counts()
    for events in threads:
        copies = _count_memory(events, result, keep=keep)
        sizes = tuple(nbytes for nbytes in events.sizes if nbytes > 0)
        result.signature = hash((result.signature, sizes))
        if copies:
            _count_copies(copies, events, result, windows, keep=keep)
    if keep:
        result.events.sort(key=_when)
    return result


# Place of the copy among the events, operator it is inside of directly, operator that was called,
# bytes last allocated inside the former and where: 0 if none were.
_Copy = tuple[int, str, OperatorCounts, str, int, str]


def _count_memory(events: RawEvents, result: Counts, *, keep: bool) -> list[_Copy]:  # noqa: C901
    """Count allocations and operators, and find the copies. One loop, 2000 rounds a frame."""
    names, sizes, devices, at_us = events.names, events.sizes, events.devices, events.at_us
    operators = result.operators
    operator = none = OperatorCounts()
    called = ""
    called_at = -1  # place of the outermost operator, while one is open
    open_at: list[int] = []  # places of the operators that are open
    last_at, last_bytes = -1, 0  # the newest allocation
    net, peak = result.net_bytes, result.peak_bytes
    copies: list[_Copy] = []
    for place, name in enumerate(names):
        if name:
            if called_at < 0 and "::" in name:
                called, called_at = name, place
                operator = operators.get(name)
                if operator is None:
                    operator = operators[name] = OperatorCounts()
            if name == "aten::copy_":
                parent = open_at[-1] if open_at else -1
                fresh = last_bytes if 0 <= parent < last_at else 0
                device = devices.get(last_at, "cpu")
                inside = names[parent] if parent >= 0 else ""
                copies.append((place, inside, operator, called, fresh, device))
            open_at.append(place)
        elif nbytes := sizes[place]:
            net += nbytes
            if nbytes > 0:
                last_at, last_bytes = place, nbytes
                result.allocations += 1
                result.allocated_bytes += nbytes
                operator.allocations += 1
                operator.allocated_bytes += nbytes
                if net > peak:
                    peak = net
            else:
                result.frees += 1
                result.freed_bytes -= nbytes
            if keep:
                _keep_memory(events, place, nbytes, devices.get(place, "cpu"), called, result)
        elif open_at and open_at.pop() == called_at:
            operator.calls += 1
            operator.time_ns += int((at_us(place) - at_us(called_at)) * 1000)
            operator, called, called_at = none, "", -1
    result.net_bytes, result.peak_bytes = net, peak
    if none.allocations:
        operators.setdefault("", OperatorCounts()).add(none)
    for place in devices:
        result.on_device = _grown(result.on_device, sizes[place])
    return copies


def _keep_memory(
    events: RawEvents, place: int, nbytes: int, device: str, called: str, result: Counts
) -> None:
    at_ns = round(events.at_us(place) * 1000)
    kind = "alloc" if nbytes > 0 else "free"
    result.events.append((kind, abs(nbytes), device, "", called, at_ns))


def _count_copies(
    copies: list[_Copy],
    events: RawEvents,
    result: Counts,
    windows: Sequence[tuple[int, int]],
    *,
    keep: bool,
) -> None:
    for place, parent, operator, called, fresh, device in copies:
        at_ns = round(events.at_us(place) * 1000) if windows or keep else 0
        if any(start <= at_ns <= end for start, end in windows):
            continue  # a layer of the toolkit reported this one, with its size
        nbytes = fresh if parent in _FILLS_ITS_RESULT else 0
        direction = "h2h" if events.is_host_only else "?"
        if not events.is_host_only and nbytes and parent in _STAYS_ON_DEVICE:
            direction = "h2h" if device == "cpu" else "d2d"
        entry = result.copies.setdefault(direction, [0, 0])
        entry[0] += 1
        entry[1] += nbytes
        result.unsized_copies += not nbytes
        operator.copies += 1
        operator.copied_bytes += nbytes
        if keep:
            result.events.append(("copy", nbytes, device, direction, called, at_ns))


def _when(event: RawEvent) -> int:
    return event[-1]


def add_unseen(
    counts: Counts, before: dict[str, DeviceCounters], after: dict[str, DeviceCounters]
) -> None:
    """Add what CUDA's own counters show beyond the stream: nothing, unless it missed some."""
    grown = [
        [new - old for new, old in zip(after[device], before[device], strict=True)]
        for device in before
        if device in after
    ]
    if not grown:
        return
    columns = zip(zip(*grown, strict=True), counts.on_device, strict=True)
    unseen = [sum(column) - seen for column, seen in columns]
    allocations, allocated, frees, freed = (max(value, 0) for value in unseen)
    counts.allocations += allocations
    counts.allocated_bytes += allocated
    counts.frees += frees
    counts.freed_bytes += freed
    if allocations:
        operator = counts.operators.setdefault(NOT_ATTRIBUTED, OperatorCounts())
        operator.allocations += allocations
        operator.allocated_bytes += allocated


def _grown(seen: DeviceCounters, nbytes: int) -> DeviceCounters:
    allocations, allocated, frees, freed = seen
    if nbytes > 0:
        return allocations + 1, allocated + nbytes, frees, freed
    return allocations, allocated, frees + bool(nbytes), freed - nbytes
