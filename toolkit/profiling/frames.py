"""What did one frame cost, and how does one stage vary? Plain data, which goes to JSON and back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from toolkit.profiling.levels import LEVELS, higher
from toolkit.profiling.tally import Distribution, Tally

__all__ = ["FrameRecord", "Slice", "StageKey", "StageRecord"]

# pipeline, stage; both empty outside of any stage
StageKey = tuple[str, str]


class Slice(NamedTuple):
    """A stretch of a stage on the timeline."""

    pipeline: str
    stage: str
    start_ns: int
    duration_ns: int
    thread: int


@dataclass(slots=True)
class FrameRecord:
    """What one frame cost, by stage, and when each stretch of it ran.

    Attributes:
        index: of the frame in its source; -1 while it is not known.
        stages: by pipeline and stage; `("", "")` is what lies outside of stages.
        slices: the timeline, in order of their ends.
        own_ns: what the profiler itself took meanwhile; in no stage's time.
        peak_bytes: most bytes alive at once of those allocated since the frame began.
        level: the closest look that any part of it was given.
        device_peak_bytes: of `peak_bytes` those in the memory of devices, at their own highest.
    """

    index: int = -1
    stages: dict[StageKey, Tally] = field(default_factory=dict[StageKey, Tally])
    slices: list[Slice] = field(default_factory=list[Slice])
    own_ns: int = 0
    peak_bytes: int = 0
    level: str = LEVELS[0]
    device_peak_bytes: int = 0

    def tally(self, key: StageKey) -> Tally:
        """The tally of a stage, made when it is first asked for."""
        tally = self.stages.get(key)
        if tally is None:
            tally = self.stages[key] = Tally()
        return tally

    def total(self) -> Tally:
        """All stages and what lies outside of them."""
        total = Tally()
        for tally in self.stages.values():
            total.add(tally)
        total.add_peaks(self.peak_bytes, self.device_peak_bytes)
        return total

    def merge(self, other: FrameRecord) -> None:
        """Take over what was counted under another index."""
        for key, tally in other.stages.items():
            self.tally(key).add(tally)
        self.slices.extend(other.slices)
        self.own_ns += other.own_ns
        self.level = higher(self.level, other.level)
        self.device_peak_bytes = max(self.device_peak_bytes, other.device_peak_bytes)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "index": self.index,
            "own_ns": self.own_ns,
            "peak_bytes": self.peak_bytes,
            "level": self.level,
            "device_peak_bytes": self.device_peak_bytes,
            "stages": [[*key, tally.to_dict()] for key, tally in self.stages.items()],
            "slices": [list(one) for one in self.slices],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FrameRecord:
        """The record that `to_dict` was made of."""
        return cls(
            values["index"],
            {(name, stage): Tally.from_dict(one) for name, stage, one in values["stages"]},
            [Slice(*one) for one in values["slices"]],
            values["own_ns"],
            values["peak_bytes"],
            values.get("level", LEVELS[0]),
            values.get("device_peak_bytes", 0),
        )


@dataclass(slots=True)
class StageRecord:
    """What one stage cost over all frames: sums, and the spread from frame to frame."""

    total: Tally = field(default_factory=Tally)
    frames: int = 0
    ms: Distribution = field(default_factory=Distribution)
    allocations: Distribution = field(default_factory=Distribution)
    allocated_bytes: Distribution = field(default_factory=Distribution)
    page_faults: Distribution = field(default_factory=Distribution)

    def add_spread(self, *tallies: Tally) -> None:
        """Say that these are what one frame took, for the spread; they are not added to `total`."""
        time_ns = allocations = allocated_bytes = page_faults = 0
        for one in tallies:
            time_ns += one.time_ns
            allocations += one.allocations
            allocated_bytes += one.allocated_bytes
            page_faults += one.page_faults
        self.frames += 1
        self.ms.add(time_ns / 1e6)
        self.allocations.add(allocations)
        self.allocated_bytes.add(allocated_bytes)
        self.page_faults.add(page_faults)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "total": self.total.to_dict(),
            "frames": self.frames,
            "ms": self.ms.to_dict(),
            "allocations": self.allocations.to_dict(),
            "allocated_bytes": self.allocated_bytes.to_dict(),
            "page_faults": self.page_faults.to_dict(),
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> StageRecord:
        """The record that `to_dict` was made of."""
        spread = (Distribution.from_dict(values[name]) for name in _SPREADS)
        return cls(Tally.from_dict(values["total"]), values["frames"], *spread)


_SPREADS = ("ms", "allocations", "allocated_bytes", "page_faults")
