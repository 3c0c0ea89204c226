"""How is a cost counted? As plain sums that can be added, and as distributions of bounded size.

A `Tally` is what one stage took on one frame, or on all of them. A `Distribution` answers for the
median over any number of frames: exactly up to a thousand, within one per cent above.
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from toolkit.hooks import Event
    from toolkit.profiling.counting import Counts
    from toolkit.profiling.looks import Copies
    from toolkit.profiling.sums import SumsBetween
    from toolkit.profiling.virtual import VirtualTime

__all__ = ["Distribution", "Tally"]

EXACT_VALUES = 1000
_STEPS_PER_E = 50  # buckets of 2 %, so that their centre is within 1 % of every value in them


@dataclass(slots=True)
class Tally:
    """What was used. Every field is a sum, but for the two peaks, which are the highest of them.

    Attributes:
        calls: how often the stage was entered.
        time_ns: wall time, without the stages inside of it and without the profiler's own.
        allocations: blocks taken from torch's allocator, or reported by a layer of the toolkit.
        allocated_bytes: their bytes in total, whether or not they were freed meanwhile.
        frees: blocks given back while the stage ran, whoever had allocated them.
        freed_bytes: their bytes.
        peak_bytes: most bytes alive at once of those allocated since the stage was entered.
        device_peak_bytes: the same of the memory of devices alone.
        copies: count and bytes by direction (`h2h`, `h2d`, `d2h`, `d2d`, and `?`).
        unsized_copies: copies into memory allocated elsewhere, whose bytes torch does not tell.
        converts: conversions of pixel or sample format.
        converted_bytes: bytes that they produced.
        syncs: times the host waited for a device to finish.
        waits: waits that stopped the thread: for a queue, another thread, a device, or for time.
        wait_ns: how long they took; without the copying itself, where the driver tells it apart.
        copying_ns: how long the host was held up while a copy ran, where the driver tells that.
        pageable_copies: copies between a device and host memory that is not page-locked, for which
            the host waits even if it is asked not to; where the driver tells.
        pageable_bytes: their bytes.
        io: reads and writes.
        io_bytes: their bytes.
        io_ns: how long they took.
        serialized: objects turned into bytes or back.
        serialized_bytes: their bytes.
        serialize_ns: how long that took, reads and writes inside of it included.
        gc_pauses: pauses of the garbage collector.
        gc_ns: how long they took.
        off_cpu_ns: of `time_ns`, how long the thread did not run: it waited, or others did run.
            Where it comes up for the first time in a while, and no wait was reported, it is told
            of what lies outside of stages; from then on of the stage. So are `page_faults`.
        named_off_cpu_ns: of that, what waits, reads and writes of this tally explain.
        drops: frames dropped.
        page_faults: minor faults of the whole process meanwhile; -1 where the system does not say.
        device_allocations: of the allocations, those that are not on the host.
        device_allocated_bytes: their bytes.
        launches: kernels launched on an emulated device.
        virtual_ns: how far its clock moved.
        virtual_wait_ns: of that, what the host waited for it.
        virtual_copy_wait_ns: of that, while a copy was on the link.
        virtual_kernel_ns: what the device computed.
    """

    calls: int = 0
    time_ns: int = 0
    allocations: int = 0
    allocated_bytes: int = 0
    frees: int = 0
    freed_bytes: int = 0
    peak_bytes: int = 0
    device_peak_bytes: int = 0
    copies: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    unsized_copies: int = 0
    converts: int = 0
    converted_bytes: int = 0
    syncs: int = 0
    waits: int = 0
    wait_ns: int = 0
    io: int = 0
    io_bytes: int = 0
    io_ns: int = 0
    serialized: int = 0
    serialized_bytes: int = 0
    serialize_ns: int = 0
    gc_pauses: int = 0
    gc_ns: int = 0
    off_cpu_ns: int = 0
    named_off_cpu_ns: int = 0
    drops: int = 0
    page_faults: int = 0
    device_allocations: int = 0
    device_allocated_bytes: int = 0
    launches: int = 0
    virtual_ns: int = 0
    virtual_wait_ns: int = 0
    virtual_copy_wait_ns: int = 0
    virtual_kernel_ns: int = 0
    copying_ns: int = 0
    pageable_copies: int = 0
    pageable_bytes: int = 0

    def add(self, other: Tally) -> None:
        """Add what `other` used."""
        self.calls += other.calls
        self.time_ns += other.time_ns
        self.allocations += other.allocations
        self.allocated_bytes += other.allocated_bytes
        self.frees += other.frees
        self.freed_bytes += other.freed_bytes
        self.unsized_copies += other.unsized_copies
        self.converts += other.converts
        self.converted_bytes += other.converted_bytes
        self.syncs += other.syncs
        self.waits += other.waits
        self.wait_ns += other.wait_ns
        self.io += other.io
        self.io_bytes += other.io_bytes
        self.io_ns += other.io_ns
        self.serialized += other.serialized
        self.serialized_bytes += other.serialized_bytes
        self.serialize_ns += other.serialize_ns
        self.gc_pauses += other.gc_pauses
        self.gc_ns += other.gc_ns
        self.off_cpu_ns += other.off_cpu_ns
        self.named_off_cpu_ns += other.named_off_cpu_ns
        self.drops += other.drops
        self.page_faults += other.page_faults
        self.device_allocations += other.device_allocations
        self.device_allocated_bytes += other.device_allocated_bytes
        self.launches += other.launches
        self.virtual_ns += other.virtual_ns
        self.virtual_wait_ns += other.virtual_wait_ns
        self.virtual_copy_wait_ns += other.virtual_copy_wait_ns
        self.virtual_kernel_ns += other.virtual_kernel_ns
        self.copying_ns += other.copying_ns
        self.pageable_copies += other.pageable_copies
        self.pageable_bytes += other.pageable_bytes
        self.add_peaks(other.peak_bytes, other.device_peak_bytes)
        for direction, (number, nbytes) in other.copies.items():
            self.add_copies(direction, number, nbytes)

    def add_peaks(self, peak_bytes: int, device_peak_bytes: int) -> None:
        """Take the higher of these and its own."""
        if peak_bytes > self.peak_bytes:
            self.peak_bytes = peak_bytes
        if device_peak_bytes > self.device_peak_bytes:
            self.device_peak_bytes = device_peak_bytes

    def add_copies(self, direction: str, number: int, nbytes: int) -> None:
        """Add copies of one direction."""
        entry = self.copies.get(direction)
        if entry is None:
            entry = self.copies[direction] = [0, 0]
        entry[0] += number
        entry[1] += nbytes

    def add_counts(self, counts: Counts) -> None:
        """Add what the allocator's stream gave."""
        self.allocations += counts.allocations
        self.allocated_bytes += counts.allocated_bytes
        self.frees += counts.frees
        self.freed_bytes += counts.freed_bytes
        self.unsized_copies += counts.unsized_copies
        self.device_allocations += counts.on_device[0]
        self.device_allocated_bytes += counts.on_device[1]
        self.syncs += counts.syncs
        self.wait_ns += counts.sync_ns
        self.copying_ns += counts.copying_ns
        self.pageable_copies += counts.pageable_copies
        self.pageable_bytes += counts.pageable_bytes
        for direction, (number, nbytes) in counts.copies.items():
            self.add_copies(direction, number, nbytes)

    def add_stretch(self, stretch: SumsBetween) -> None:
        """Add a stretch of sums and times."""
        took_ns = stretch[1] - stretch[0]
        self.time_ns += took_ns
        if stretch[2] < took_ns:
            self.off_cpu_ns += took_ns - stretch[2]
        if stretch[3] > 0:
            self.page_faults += stretch[3]
        if stretch[4] or stretch[6]:
            self.allocations += stretch[4]
            self.allocated_bytes += stretch[5]
            self.frees += stretch[6]
            self.freed_bytes += stretch[7]

    def add_known_copies(self, copies: Copies) -> None:
        """Add copies that are remembered."""
        sides, unsized_copies = copies
        self.unsized_copies += unsized_copies
        for direction, (number, nbytes) in sides.items():
            self.add_copies(direction, number, nbytes)

    def add_virtual(self, virtual: VirtualTime) -> None:
        """Add what the clock of an emulated device charged."""
        self.launches += virtual.launches
        self.virtual_ns += virtual.now_ns
        self.virtual_wait_ns += virtual.wait_ns
        self.virtual_copy_wait_ns += virtual.copy_wait_ns
        self.virtual_kernel_ns += virtual.kernel_ns

    def add_event(self, event: Event) -> None:
        """Add one event that a layer reported, or that stood in the allocator's stream."""
        kind = event.kind
        if kind == "copy":
            self.add_copies(event.direction or "?", 1, event.nbytes)
            self.unsized_copies += not event.nbytes
        elif kind in _FIELDS:
            number, amount, source = _FIELDS[kind]
            setattr(self, number, getattr(self, number) + 1)
            if amount:
                value = getattr(event, source)
                setattr(self, amount, getattr(self, amount) + value)
            if kind in _TIMES:
                name = _TIMES[kind]
                setattr(self, name, getattr(self, name) + event.duration_ns)
            if kind in _OFF_CPU:
                self.named_off_cpu_ns += event.off_cpu_ns

    @property
    def unnamed_off_cpu_ns(self) -> int:
        """Time that the thread did not run, and that no wait, read or write explains."""
        return max(self.off_cpu_ns - self.named_off_cpu_ns, 0)

    @property
    def ms(self) -> float:
        """Wall time in milliseconds."""
        return self.time_ns / 1e6

    def copied_bytes(self) -> int:
        """Bytes copied, in all directions."""
        return sum(nbytes for _, nbytes in self.copies.values())

    def copy_count(self) -> int:
        """Copies, in all directions."""
        return sum(number for number, _ in self.copies.values())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON, without those that are zero."""
        values: dict[str, Any] = {
            name: value for name in (*_SUMS, *_PEAKS) if (value := getattr(self, name))
        }
        if self.copies:
            values["copies"] = {side: list(entry) for side, entry in sorted(self.copies.items())}
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Tally:
        """The tally that `to_dict` was made of."""
        tally = cls(**{name: value for name, value in values.items() if name != "copies"})
        for side, (number, nbytes) in values.get("copies", {}).items():
            tally.copies[side] = [number, nbytes]
        return tally


_PEAKS = ("peak_bytes", "device_peak_bytes")
_SUMS = tuple(name for name in Tally.__slots__ if name not in ("copies", *_PEAKS))
# Of each kind of event: the field that counts it, the field that sums it, and what is summed.
_FIELDS = {
    "alloc": ("allocations", "allocated_bytes", "nbytes"),
    "free": ("frees", "freed_bytes", "nbytes"),
    "sync": ("syncs", "wait_ns", "duration_ns"),
    "wait": ("waits", "wait_ns", "duration_ns"),
    "io": ("io", "io_bytes", "nbytes"),
    "serialize": ("serialized", "serialized_bytes", "nbytes"),
    "gc": ("gc_pauses", "gc_ns", "duration_ns"),
    "convert": ("converts", "converted_bytes", "nbytes"),
    "drop": ("drops", "", ""),
}
_TIMES = {"io": "io_ns", "serialize": "serialize_ns"}
_OFF_CPU = ("wait", "sync", "io")  # serialising is left out: its reads are events of their own


@dataclass(slots=True)
class Distribution:
    """Values of which only the spread is kept: at most a thousand, or a bucket for every 2 %."""

    values: list[float] = field(default_factory=list[float])
    buckets: dict[int, int] = field(default_factory=dict[int, int])

    def add(self, value: float) -> None:
        """Add one value; negative ones count as 0."""
        if self.buckets:
            self._put(value)
            return
        self.values.append(value)
        if len(self.values) > EXACT_VALUES:
            for each in self.values:
                self._put(each)
            self.values.clear()

    def _put(self, value: float) -> None:
        # Below 1e-6 all is one bucket, far from the others: it stands for 0.
        bucket = round(math.log(value) * _STEPS_PER_E) if value > 1e-6 else _ZERO
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def __len__(self) -> int:
        return len(self.values) or sum(self.buckets.values())

    def median(self) -> float:
        """The middle value, 0 where there is none; within 1 % where they are over a thousand."""
        return self.quantile(0.5)

    def quantile(self, share: float) -> float:
        """The value that `share` of all values do not exceed, 0 where there is none."""
        if self.values:
            if share == 0.5:
                return statistics.median(self.values)
            ordered = sorted(self.values)
            return ordered[min(int(share * len(ordered)), len(ordered) - 1)]
        rest = share * sum(self.buckets.values())
        for bucket in sorted(self.buckets):
            rest -= self.buckets[bucket]
            if rest <= 0:
                return 0.0 if bucket == _ZERO else math.exp(bucket / _STEPS_PER_E)
        return 0.0

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        if self.values:
            return {"values": self.values}
        return {"buckets": sorted(self.buckets.items())}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Distribution:
        """The distribution that `to_dict` was made of."""
        return cls(
            list(values.get("values", ())), {int(k): n for k, n in values.get("buckets", ())}
        )


_ZERO = -(10**6)
