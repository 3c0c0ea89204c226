"""What was measured? Plain data: sums by stage and by operator, and the newest frames one by one.

With `keep="fold"` a session stays small however long it runs: what is older than the newest frames
lives on in sums and distributions. With `keep="all"` it holds every frame and every single event.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import astuple, replace
from itertools import islice, starmap
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.hooks import Event
from toolkit.profiling import comparison, processors
from toolkit.profiling.bottlenecks import BottleneckCounts
from toolkit.profiling.counting import OperatorCounts
from toolkit.profiling.frames import FrameRecord, StageRecord
from toolkit.profiling.levels import LEVELS, higher
from toolkit.profiling.lines import LineCounts, add_lines
from toolkit.profiling.reporters import html, trace
from toolkit.profiling.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.profiling.bottlenecks import BottleneckKey
    from toolkit.profiling.comparison import Comparison
    from toolkit.profiling.frames import StageKey
    from toolkit.profiling.levels import Plan
    from toolkit.profiling.lines import LineKey, Lines
    from toolkit.profiling.processors import Bill, KeyAverages

__all__ = ["Session"]

HISTORY = 300  # frames kept one by one when folding
RECENT = 16  # of them, how far back a late charge is looked for
FORMAT = "downhill-session"
VERSION = 3  # 2 added levels and lines, 3 bottlenecks and time off the CPU
READABLE = (1, 2, VERSION)


class Session:
    """The data of one profiling session.

    Attributes:
        level: how much was recorded.
        keep: `"fold"` or `"all"`.
        stages: record of each stage, by pipeline and stage; `("", "")` lies outside of stages.
        operators: by stage, and in it by the operator that was called.
        line_counts: by stage, and in it by operator and source, of the frames that have lines.
        bottleneck_counts: by stage, and in it by kind, boundary and source, where the thread
            waited, read or wrote, serialised, or was paused by the garbage collector.
        levels: how many frames were recorded at each level.
        frames: the newest frames, or all of them, each with what it cost.
        frame_count: frames finished.
        events: every event, with `keep="all"`; else empty.
        looks: how many stretches were looked at operator by operator, and of how many others the
            copies are recalled or guessed.
        notes: what a reader of the bill must know, and how often it came up: what was not counted,
            and who gave way.
        machine: where it ran.
    """

    def __init__(self, level: str = "counts", keep: str = "fold") -> None:
        self.level = level
        self.keep = keep
        self._stages: dict[StageKey, StageRecord] = {}
        self._whole = StageRecord()  # its total has nothing but the peaks of frames
        self.operators: dict[StageKey, dict[str, OperatorCounts]] = {}
        self.line_counts: dict[StageKey, dict[LineKey, LineCounts]] = {}
        self.bottleneck_counts: dict[StageKey, dict[BottleneckKey, BottleneckCounts]] = {}
        self.levels: dict[str, int] = {}
        self._frames: deque[FrameRecord] = deque(maxlen=None if keep == "all" else HISTORY)
        self._frame_count = 0
        self.own_ns = 0
        self.events: list[Event] = []
        self.looks: dict[str, int] = {}
        self.notes: dict[str, int] = {}
        self.machine: dict[str, Any] = {}
        self.lock = threading.RLock()
        self.on_step: Callable[[], None] | None = None
        self.on_read: Callable[[], None] | None = None
        self.on_unrecorded: Callable[[], str] | None = None
        self.plan: Plan | None = None

    def __repr__(self) -> str:
        kept = f", {len(self.events)} events" if self.keep == "all" else ""
        return (
            f"Session(level={self.level!r}, keep={self.keep!r}, {self.frame_count} frames, "
            f"{len(self.stages)} stages{kept})"
        )

    # -- while it runs ----------------------------------------------------------------------------

    def step(self) -> None:
        """Say that an iteration is done, in code that is no pipeline: what it cost is one frame.

        Beside a pipeline, which names its frames itself, it only moves the schedule on.

        Raises:
            RuntimeError: the session is closed, or was loaded.
        """
        if self.on_step is None:
            raise RuntimeError(
                "step() of a session that is not open: call it inside `with profile() as session:`."
            )
        self.on_step()

    def set_level(self, level: str) -> None:
        """Record at another level from the next frame on.

        Raises:
            ValueError: no such level.
            RuntimeError: the session is closed, or was loaded.
        """
        with self.lock:
            self._plan().set_base(level)
            self.level = higher(self.level, level)

    def look(self, *, frames: int = 1, level: str = "exact") -> None:
        """Look closer at the next `frames`: at `level`, unless they are looked at closer anyway.

        Raises:
            ValueError: no such level.
            RuntimeError: the session is closed, or was loaded.
        """
        with self.lock:
            self._plan().look(frames, level)

    def _plan(self) -> Plan:
        if self.plan is None:
            raise RuntimeError(
                "a session that is not open has its levels already: change them inside "
                "`with profile() as session:`."
            )
        return self.plan

    def note(self, text: str, count: int = 1) -> None:
        """Put a sentence beside the bill; the same again is counted."""
        with self.lock:
            self.notes[text] = self.notes.get(text, 0) + count

    def add_frame(self, record: FrameRecord, *, is_frame: bool) -> None:
        """Fold a frame in.

        Args:
            record: what it cost.
            is_frame: count it as one; else it goes to the sums only.
        """
        with self.lock:
            self.own_ns += record.own_ns
            for key, tally in record.stages.items():
                stage = self._stages.get(key)
                if stage is None:
                    stage = self._stages[key] = StageRecord()
                stage.total.add(tally)
                if is_frame:
                    stage.add_spread(tally)
            self._whole.total.add_peaks(record.peak_bytes, record.device_peak_bytes)
            if is_frame:
                self._whole.add_spread(*record.stages.values())
                self._frame_count += 1
                self.levels[record.level] = self.levels.get(record.level, 0) + 1
                self._frames.append(record)

    def has_closed(self, index: int) -> bool:
        """Whether `index` is one of the frames that were finished last."""
        return any(one.index == index for one in islice(reversed(self._frames), RECENT))

    def add_operators(self, key: StageKey, operators: dict[str, OperatorCounts]) -> None:
        """Add what operators took inside a stage."""
        known = self.operators.get(key)
        if known is None:
            known = self.operators[key] = {}
        for name, counts in operators.items():
            if name not in known:
                known[name] = OperatorCounts()
            known[name].add(counts)

    def add_unnamed(self, key: StageKey, allocations: int, allocated_bytes: int) -> None:
        """Add what was allocated inside a stage while operators were left out."""
        known = self.operators.get(key)
        if known is None:
            known = self.operators[key] = {}
        if allocations:
            unnamed = known.get("")
            if unnamed is None:
                unnamed = known[""] = OperatorCounts()
            unnamed.allocations += allocations
            unnamed.allocated_bytes += allocated_bytes

    @property
    def stages(self) -> dict[StageKey, StageRecord]:
        """Record of each stage, by pipeline and stage; `("", "")` lies outside of stages."""
        self.catch_up()
        return self._stages

    @property
    def whole(self) -> StageRecord:
        """The same for whole frames, all stages together. Sums them up."""
        self.catch_up()
        with self.lock:
            total = Tally()
            for record in self._stages.values():
                total.add(record.total)
            total.add_peaks(self._whole.total.peak_bytes, self._whole.total.device_peak_bytes)
            return replace(self._whole, total=total)

    @property
    def frames(self) -> deque[FrameRecord]:
        """The newest frames that are done, the oldest first."""
        self.catch_up()
        return self._frames

    @property
    def frame_count(self) -> int:
        """How many frames are done."""
        self.catch_up()
        return self._frame_count

    def catch_up(self) -> None:
        """Count what the calling thread has done so far.

        While frames follow each other fast, they are counted some at a time; of other threads the
        last quarter of a second may be missing.
        """
        if self.on_read is not None:
            self.on_read()

    # -- for somebody who looks on ----------------------------------------------------------------

    def newer(self, seen: int) -> tuple[int, list[FrameRecord]]:
        """How many frames are done, and those after the first `seen`, as far as they are kept.

        For a thread that looks on while others work: it holds them up for microseconds, and counts
        nothing for them. What a frame cost does not change any more once it is here.
        """
        with self.lock:
            count = self._frame_count
            new = min(max(count - seen, 0), len(self._frames))
            return count, list(islice(reversed(self._frames), new))[::-1]

    def unrecorded(self) -> str:
        """Which other threads were alive so far and are not recorded, as a sentence, or nothing.

        Of a session that is closed it stands in `notes`.
        """
        return "" if self.on_unrecorded is None else self.on_unrecorded()

    # -- read -------------------------------------------------------------------------------------

    def bill(self) -> Bill:
        """What it cost by stage and per frame, with notes. Frames under way are not in it yet."""
        self.catch_up()
        with self.lock:
            return processors.bill(self)

    def key_averages(self) -> KeyAverages:
        """What each operator took inside each stage: `key_averages().table(sort_by="bytes")`."""
        self.catch_up()
        with self.lock:
            return processors.key_averages(self)

    def lines(self) -> Lines:
        """What each source line took, on the frames that were recorded at `lines` or `exact`."""
        self.catch_up()
        with self.lock:
            return processors.lines(self)

    def compare(self, other: Session) -> Comparison:
        """This session as "before" and `other` as "after", stage by stage."""
        return comparison.compare(self.bill(), other.bill(), self.lines(), other.lines())

    def export_chrome_trace(self, path: str | Path) -> None:
        """Write the newest frames for Perfetto or chrome://tracing, as strictly nested slices."""
        self.catch_up()
        with self.lock:
            document = trace.render(self)
        Path(path).write_text(json.dumps(document), encoding="utf-8")

    def export_html(self, path: str | Path, *, title: str = "Downhill report") -> Path:
        """Write the bill, frame by frame and line by line, to one page; answers where.

        Raises:
            OSError: the file cannot be written.
        """
        return html.write(self, path, title=title)

    def _repr_html_(self) -> str:
        return html.table(self.bill())

    # -- to JSON and back -------------------------------------------------------------------------

    def save(self, path: str | Path) -> None:
        """Write everything to a JSON file, which `Session.load` reads."""
        self.catch_up()
        with self.lock:
            document = self.to_dict()
        Path(path).write_text(json.dumps(document), encoding="utf-8")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "format": FORMAT,
            "version": VERSION,
            "level": self.level,
            "keep": self.keep,
            "frame_count": self.frame_count,
            "own_ns": self.own_ns,
            "whole": self.whole.to_dict(),
            "stages": [[*key, record.to_dict()] for key, record in self.stages.items()],
            "operators": [
                [*key, name, *astuple(counts)]
                for key, known in self.operators.items()
                for name, counts in known.items()
            ],
            "lines": [
                [*key, *name, *astuple(counts)]
                for key, known in self.line_counts.items()
                for name, counts in known.items()
            ],
            "bottlenecks": [
                [*key, *name, *astuple(counts)]
                for key, known in self.bottleneck_counts.items()
                for name, counts in known.items()
            ],
            "levels": self.levels,
            "frames": [record.to_dict() for record in self.frames],
            "events": [list(astuple(event)) for event in self.events],
            "looks": self.looks,
            "notes": self.notes,
            "machine": self.machine,
        }

    @classmethod
    def load(cls, path: str | Path) -> Session:
        """Read a session that `save` wrote.

        Raises:
            ValueError: not such a file, or of a newer version; the text says which.
        """
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8"))
            found = (document["format"], document["version"])
        except (json.JSONDecodeError, UnicodeDecodeError, KeyError, TypeError) as error:
            raise ValueError(
                f"{path} is not a session: {error!r}; write one with session.save(path)."
            ) from error
        if found[0] != FORMAT or found[1] not in READABLE:
            raise ValueError(
                f"{path} has format {found}; this version of the toolkit reads {(FORMAT, VERSION)}."
            )
        return cls.from_dict(document)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Session:
        """The session that `to_dict` was made of."""
        session = cls(values["level"], values["keep"])
        session._frame_count = values["frame_count"]
        session.own_ns = values["own_ns"]
        session._whole = StageRecord.from_dict(values["whole"])
        for pipeline, stage, record in values["stages"]:
            session._stages[pipeline, stage] = StageRecord.from_dict(record)
        for pipeline, stage, name, *counts in values["operators"]:
            session.add_operators((pipeline, stage), {name: OperatorCounts(*counts)})
        for pipeline, stage, op, source, *counts in values.get("lines", ()):
            row = {(op, source): LineCounts(*counts)}
            add_lines(session.line_counts, (pipeline, stage), row)
        for pipeline, stage, kind, op, source, *counts in values.get("bottlenecks", ()):
            known = session.bottleneck_counts.setdefault((pipeline, stage), {})
            known[kind, op, source] = BottleneckCounts(*counts)
        session.levels = dict(values.get("levels", {LEVELS[0]: session.frame_count}))
        session._frames.extend(FrameRecord.from_dict(one) for one in values["frames"])
        session.events = list(starmap(Event, values["events"]))
        session.looks = dict(values["looks"])
        session.notes = dict(values["notes"])
        session.machine = dict(values["machine"])
        return session
