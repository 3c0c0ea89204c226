"""What do the allocator's events add up to? Allocations, copies and operators, by pure functions.

The operator that is charged is the outermost one: the one that was called. Copies are
`aten::copy_`; inside clone, `_to_copy` and repeat their size is that of the result, which was
allocated just before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from toolkit.profiling.lines import LineCounts, LineKey
from toolkit.profiling.marks import Marks, named
from toolkit.profiling.sums import Sums, signature_of, sums_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.profiling.watch import Seen

__all__ = [
    "DEVICE_MARK",
    "NOT_ATTRIBUTED",
    "Counts",
    "DeviceCounters",
    "OperatorCounts",
    "RawEvent",
    "RawEvents",
    "add_seen",
    "add_unseen",
    "count",
]

NOT_ATTRIBUTED = "(not attributed)"
DEVICE_MARK = "="  # before the name of an emulated device, whose memory comes until the mark's end

# kind, nbytes, device, direction, operator, source, nanoseconds since the stream was started, and
# how many it took
RawEvent = tuple[str, int, str, str, str, str, int, int]
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
        is_quiet: operators are left out, but for those of calls that were looked into.
        is_unnamed: there is nothing but memory, no operator and no mark.
        is_own: they are of the thread itself, and not of one that worked for it.
        all_at_us: the times of all of them, which is faster than one by one.
    """

    names: list[str]
    sizes: list[int]
    devices: dict[int, str]
    at_us: Callable[[int], float]
    is_host_only: bool = True
    is_quiet: bool = False
    is_unnamed: bool = False
    is_own: bool = False
    all_at_us: Callable[[], list[float]] | None = None


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
        syncs: waits for a device that the modes saw, and `sync_ns` how long they took.
        copying_ns: how long the host was held up while a copy ran, where the driver tells.
        pageable_copies: copies from or to memory that is not page-locked, where the driver tells,
            and `pageable_bytes` their bytes.
        lines: by operator and source, where the modes were worn.
        signature: of the sizes allocated, in order, see `toolkit.profiling.sums`.
        on_device: of the above, those that are not on the host: allocations, bytes, frees, bytes.
        on_cuda: of these, those on CUDA.
        device_net_bytes: of `net_bytes` those there, and `device_peak_bytes` their highest.
        device_blocks: sizes allocated there, in order.
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
    syncs: int = 0
    sync_ns: int = 0
    copying_ns: int = 0
    pageable_copies: int = 0
    pageable_bytes: int = 0
    lines: dict[LineKey, LineCounts] = field(default_factory=dict[LineKey, LineCounts])
    on_device: DeviceCounters = (0, 0, 0, 0)
    on_cuda: DeviceCounters = (0, 0, 0, 0)
    device_net_bytes: int = 0
    device_peak_bytes: int = 0
    device_blocks: list[int] = field(default_factory=list[int])
    signature: int = 0
    events: list[RawEvent] = field(default_factory=list[RawEvent])

    def line(self, called: str, mark: str) -> LineCounts:
        """Where to count what an operator took inside a call."""
        key = named(called, mark)
        known = self.lines.get(key)
        if known is None:
            known = self.lines[key] = LineCounts()
        return known

    def add_on_device(self, nbytes: int) -> None:
        """A block was taken from the memory of a device, or given back with a negative size."""
        self.device_net_bytes += nbytes
        self.device_peak_bytes = max(self.device_peak_bytes, self.device_net_bytes)
        if nbytes > 0:
            self.device_blocks.append(nbytes)

    def add_copy(self, direction: str, nbytes: int) -> None:
        """Add one copy."""
        entry = self.copies.setdefault(direction, [0, 0])
        entry[0] += 1
        entry[1] += nbytes
        self.unsized_copies += not nbytes


def count(
    threads: Sequence[RawEvents | Sums],
    *,
    windows: Sequence[tuple[int, int]] = (),
    keep: bool = False,
    seen: Seen | None = None,
    within: str = "",
) -> Counts:
    """Count raw events. About 0.5 us for each, and 0.1 where no operators are among them.

    Args:
        threads: what `AllocatorStream.stop` gave.
        windows: spans in ns since the start, in which copies are left out, for somebody reported
            them.
        keep: keep every event in `Counts.events` as well.
        seen: what the modes saw meanwhile; with it, everything is charged to lines, too.
        within: the mark of the call that was under way at the start.
    """
    result = Counts()
    for events in threads:
        if isinstance(events, Sums):
            _add_sums(events, result)
            continue
        if events.is_unnamed and seen is None and not keep and not events.devices:
            _add_sums(sums_of(events.sizes), result)
            continue
        marks = None
        if seen is not None:
            marks = Marks(events.names, within, is_quiet=events.is_quiet)
        copies = _count_memory(events, result, marks, keep=keep)
        result.signature += signature_of([nbytes for nbytes in events.sizes if nbytes > 0])
        if copies:
            _count_copies(copies, events, result, windows, seen, keep=keep)
    if keep:
        result.events.sort(key=_when)
    return result


def _add_sums(sums: Sums, result: Counts) -> None:
    """Add a stretch that has no operators: all of it is charged to none."""
    allocations, allocated_bytes, frees, freed_bytes, net_bytes, peak_bytes, signature = sums
    result.allocations += allocations
    result.allocated_bytes += allocated_bytes
    result.frees += frees
    result.freed_bytes += freed_bytes
    result.peak_bytes = max(result.peak_bytes, result.net_bytes + peak_bytes)
    result.net_bytes += net_bytes
    result.signature += signature
    if allocations:
        operator = result.operators.get("")
        if operator is None:
            operator = result.operators[""] = OperatorCounts()
        operator.allocations += allocations
        operator.allocated_bytes += allocated_bytes


@dataclass(slots=True)
class _Found:
    """A copy in the stream.

    Attributes:
        place: where its operator begins.
        inside: the operator that it is inside of directly.
        operator: where to count it.
        called: the operator that was called.
        fresh: bytes last allocated inside `inside`, 0 if none were.
        device: where those are.
        mark: of the call, where the modes saw it.
        number: of what the dispatch mode saw of it; -1 if nothing.
    """

    place: int
    inside: str
    operator: OperatorCounts
    called: str
    fresh: int
    device: str
    mark: str = ""
    number: int = -1


def _count_memory(  # noqa: C901 - one loop, 2000 rounds a frame
    events: RawEvents, result: Counts, marks: Marks | None, *, keep: bool
) -> list[_Found]:
    """Count allocations and operators, and find the copies."""
    names, sizes, devices, at_us = events.names, events.sizes, events.devices, events.at_us
    operators = result.operators
    operator = none = OperatorCounts()
    called = ""
    called_at = -1  # place of the outermost operator, while one is open
    open_at: list[int] = []  # places of the operators and marks that are open
    last_at, last_bytes = -1, 0  # the newest allocation
    net, peak = result.net_bytes, result.peak_bytes
    copies: list[_Found] = []
    device = ""  # an emulated one, whose memory the host's allocator reports
    for place, name in enumerate(names):
        if name:
            if name[0] == DEVICE_MARK:
                device = name[1:]
                open_at.append(place)
                continue
            is_call = "::" in name
            if marks is not None and not is_call:
                is_again = marks.begin(place, name)
                if is_again and copies and open_at and copies[-1].place == open_at[-1]:
                    copies.pop()  # Python calls it again, and there it is counted
                is_call = marks.stands_for_operator(name)
            if called_at < 0 and is_call:
                called, called_at = marks.op_of(name) if marks is not None else name, place
                operator = operators.get(called)
                if operator is None:
                    operator = operators[called] = OperatorCounts()
            if name == "aten::copy_" and not device:
                parent = open_at[-1] if open_at else -1
                fresh = last_bytes if 0 <= parent < last_at else 0
                inside = names[parent] if parent >= 0 else ""
                where = devices.get(last_at, "cpu")
                found = _Found(place, inside, operator, called, fresh, where)
                if marks is not None:
                    found.mark, found.number = marks.mark, marks.number
                copies.append(found)
            open_at.append(place)
        elif nbytes := sizes[place]:
            if marks is not None and marks.is_own_memory(open_at, nbytes):
                continue  # taken by looking, not by what is looked at
            if device:
                devices[place] = device
            net += nbytes
            if nbytes > 0:
                last_at, last_bytes = place, nbytes
                result.allocations += 1
                result.allocated_bytes += nbytes
                operator.allocations += 1
                operator.allocated_bytes += nbytes
                if net > peak:
                    peak = net
                if marks is not None:
                    line = result.line(called, marks.mark)
                    line.allocations += 1
                    line.allocated_bytes += nbytes
            else:
                result.frees += 1
                result.freed_bytes -= nbytes
            if keep:
                mark = marks.mark if marks is not None else ""
                _keep_memory(events, place, nbytes, devices.get(place, "cpu"), called, mark, result)
        elif open_at:
            left = open_at.pop()
            if names[left][0] == DEVICE_MARK:
                device = ""
                continue
            if left == called_at:
                operator.calls += 1
                operator.time_ns += int((at_us(place) - at_us(called_at)) * 1000)
                operator, called, called_at = none, "", -1
            if marks is not None:
                marks.end(left)
    result.net_bytes, result.peak_bytes = net, peak
    if none.allocations:
        operators.setdefault("", OperatorCounts()).add(none)
    for place, where in devices.items():
        result.on_device = _grown(result.on_device, sizes[place])
        if where.startswith("cuda"):
            result.on_cuda = _grown(result.on_cuda, sizes[place])
        result.add_on_device(sizes[place])
    return copies


def _keep_memory(
    events: RawEvents,
    place: int,
    nbytes: int,
    device: str,
    called: str,
    mark: str,
    result: Counts,
) -> None:
    at_ns = round(events.at_us(place) * 1000)
    kind = "alloc" if nbytes > 0 else "free"
    op, source = named(called, mark)
    if kind == "free":
        op, source = called, ""  # whose line it is freed on says little, and costs its lines
    result.events.append((kind, abs(nbytes), device, "", op, source, at_ns, 0))


def _count_copies(
    copies: list[_Found],
    events: RawEvents,
    result: Counts,
    windows: Sequence[tuple[int, int]],
    seen: Seen | None,
    *,
    keep: bool,
) -> None:
    known = seen.copies if seen is not None else []
    for found in copies:
        at_ns = round(events.at_us(found.place) * 1000) if windows or keep else 0
        if any(start <= at_ns <= end for start, end in windows):
            continue  # a layer of the toolkit reported this one, with its size
        copy = known[found.number] if 0 <= found.number < len(known) else None
        if copy is not None:
            known[found.number] = None  # what else it copies inside is another one
            nbytes, direction, device = copy.nbytes, copy.direction, copy.device
        else:
            nbytes = found.fresh if found.inside in _FILLS_ITS_RESULT else 0
            device = found.device
            direction = "h2h" if events.is_host_only else "?"
            if not events.is_host_only and nbytes and found.inside in _STAYS_ON_DEVICE:
                direction = "h2h" if device == "cpu" else "d2d"
        result.add_copy(direction, nbytes)
        found.operator.copies += 1
        found.operator.copied_bytes += nbytes
        if seen is not None:
            line = result.line(found.called, found.mark)
            line.copies += 1
            line.copied_bytes += nbytes
        if keep:
            op, source = named(found.called, found.mark)
            result.events.append(("copy", nbytes, device, direction, op, source, at_ns, 0))


def add_seen(
    counts: Counts, seen: Seen, start_ns: int, *, keep: bool, has_lines: bool = True
) -> None:
    """Add what only the modes saw: numbers read from a device, waits for one, and some lines.

    What layers told by themselves is counted already, and gets its line here.

    Args:
        counts: of the same segment.
        seen: what the modes saw.
        start_ns: when the segment began.
        keep: keep every event as well.
        has_lines: the modes were worn; else there are waits alone, and they have no lines.
    """
    for op, (calls, time_ns) in seen.unmarked.items():
        counts.operators.setdefault(op, OperatorCounts()).add(OperatorCounts(calls, time_ns))
    for mark, op, copy, at_ns in seen.reads:
        counts.add_copy(copy.direction, copy.nbytes)
        line = counts.line(op, mark)
        line.copies += 1
        line.copied_bytes += copy.nbytes
        if keep:
            source = named(op, mark)[1]
            event = ("copy", copy.nbytes, copy.device, copy.direction, op, source)
            counts.events.append((*event, at_ns - start_ns, 0))
    for mark, event in seen.told:
        line = counts.line(event.op, mark)
        line.copies += event.kind == "copy"
        line.copied_bytes += event.nbytes if event.kind == "copy" else 0
        line.syncs += event.kind == "sync"
    for mark, op, device, at_ns, took_ns in seen.syncs:
        counts.syncs += 1
        counts.sync_ns += took_ns
        if has_lines:
            counts.line(op, mark).syncs += 1
        if keep:
            source = named(op, mark)[1]
            counts.events.append(("sync", 0, device, "", op, source, at_ns - start_ns, took_ns))


def _when(event: RawEvent) -> int:
    return event[-2]


def add_unseen(counts: Counts, unseen: DeviceCounters, *, has_lines: bool = False) -> None:
    """Add what CUDA's own counters show beyond the stream: nothing, unless it missed some.

    Args:
        counts: of the segment that it is charged to.
        unseen: see `toolkit.profiling.cuda_memory`.
        has_lines: charge it to a line as well, the empty one.
    """
    allocations, allocated, frees, freed = unseen
    counts.allocations += allocations
    counts.allocated_bytes += allocated
    counts.frees += frees
    counts.freed_bytes += freed
    if allocations:
        operator = counts.operators.setdefault(NOT_ATTRIBUTED, OperatorCounts())
        operator.allocations += allocations
        operator.allocated_bytes += allocated
        if has_lines:
            line = counts.line(NOT_ATTRIBUTED, "")
            line.allocations += allocations
            line.allocated_bytes += allocated


def _grown(seen: DeviceCounters, nbytes: int) -> DeviceCounters:
    allocations, allocated, frees, freed = seen
    if nbytes > 0:
        return allocations + 1, allocated + nbytes, frees, freed
    return allocations, allocated, frees + bool(nbytes), freed - nbytes
