"""What does the scheduler do right now? A few tables in a terminal, drawn a few times a second.

In a terminal they stay in place; elsewhere a plain line comes each second. Whoever draws takes time
from what is drawn, so it is done seldom, and only what is new in the trace is read.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from toolkit.scheduler import Happening, KindStatistics, Level, Reason, Scheduler
from toolkit.scheduler.shifts import WHY
from toolkit.scheduler.trace import Record, records

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["View", "watching"]

_TIMES_A_SECOND = 4
_LINE_SECONDS = 1.0
_SHIFTS = 5
_RUNS = {Happening.START, Happening.QUANTUM}
_LEAVES = {
    Happening.YIELD,
    Happening.BLOCK,
    Happening.DONE,
    Happening.FAIL,
    Happening.CANCEL,
}


class View:
    """What is drawn of a scheduler; it follows its trace.

    Args:
        scheduler: what is looked at. It is only read.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._begin_ns = scheduler.clock()
        self._cursor = 0
        self._running: dict[int, Record] = {}
        self._shifts: deque[str] = deque(maxlen=_SHIFTS)

    def __rich__(self) -> Group:
        """The tables as they are now."""
        self.follow()
        snapshot = self._scheduler.snapshot()
        return Group(
            Text(self._head(snapshot)),
            self._workers(snapshot),
            self._kinds(snapshot, self._scheduler.statistics()),
            *(Text(f"  {shift}") for shift in self._shifts),
        )

    def line(self) -> str:
        """How it stands, in one line."""
        statistics, snapshot = self._scheduler.statistics(), self._scheduler.snapshot()
        late = [
            f"{kind} {of.miss_percent:.1f} %"
            for kind, of in statistics.items()
            if of.missed or of.shed
        ]
        done = sum(of.done for of in statistics.values())
        missed = ", ".join(late) or "nothing"
        return f"{self._head(snapshot)}; {done} done; missed: {missed}"

    def follow(self) -> None:
        """Take what came into the trace since the last time."""
        delta = self._scheduler.trace.since(self._cursor)
        self._cursor = delta.cursor
        for record in records(delta.data):
            self._take(record)

    def _take(self, record: Record) -> None:
        if record.happening in _RUNS:
            self._running[record.worker] = record
        elif record.happening in _LEAVES:
            self._running.pop(record.worker, None)
        elif record.happening == Happening.LEVEL:
            kind = self._scheduler.kinds[record.kind]
            who = f"{kind} {record.task}" if record.task else kind
            shift = f"{Level(record.value).name} -> {Level(record.level).name}"
            self._shift(record, f"{who}: {shift}")
        elif record.happening == Happening.CONTEXT:
            self._shift(record, f"context {self._scheduler.contexts[record.value]}")

    def _shift(self, record: Record, what: str) -> None:
        seconds = max(0, record.t_ns - self._begin_ns) / 1e9
        reason = Reason(record.reason)
        self._shifts.append(f"{seconds:6.2f} s  {what}, {WHY.get(reason, reason.name.lower())}")

    def _head(self, snapshot: dict[str, Any]) -> str:
        seconds = (snapshot["now_ns"] - self._begin_ns) / 1e9
        depths = ", ".join(
            f"{level.name} {depth}"
            for level, depth in zip(Level, snapshot["depths"], strict=True)
            if depth
        )
        mode, context = snapshot["mode"], snapshot["context"]
        return f"{seconds:5.1f} s  {mode}, context {context}; queued: {depths or 'nothing'}"

    def _workers(self, snapshot: dict[str, Any]) -> Table:
        table = Table("worker", "lane", "runs", "level", box=None)
        for worker, (first, last) in enumerate(snapshot["lanes"]):
            record = self._running.get(worker)
            runs = "" if record is None else f"{self._scheduler.kinds[record.kind]} {record.task}"
            level = "" if record is None else Level(record.level).name
            lane = Level(first).name if first == last else f"{Level(first).name}-{Level(last).name}"
            table.add_row(str(worker), lane, runs, level)
        return table

    def _kinds(self, snapshot: dict[str, Any], statistics: dict[str, KindStatistics]) -> Table:
        table = Table("kind", "level", box=None)
        for column in ("queued", "done", "shed", "missed %", "p95 ms"):
            table.add_column(column, justify="right")
        table.add_column("causes of misses")
        for kind in snapshot["kinds"]:
            of = statistics[kind["name"]]
            table.add_row(
                kind["name"],
                _level_words(kind["level"], kind["base"]),
                *(str(count) for count in (of.queued, of.done, of.shed)),
                f"{of.miss_percent:.1f}",
                f"{of.p95_ms:.1f}",
                ", ".join(f"{cause.name.lower()} {count}" for cause, count in of.causes.items()),
            )
        return table


@contextmanager
def watching(scheduler: Scheduler, console: Console) -> Generator[View]:
    """Draw a scheduler while the block runs, from a thread of its own."""
    view = View(scheduler)
    if console.is_terminal:
        with Live(
            get_renderable=view.__rich__,
            console=console,
            refresh_per_second=_TIMES_A_SECOND,
            transient=True,
        ):
            yield view
        return
    is_over = threading.Event()

    def tell() -> None:
        while not is_over.wait(_LINE_SECONDS):
            console.print(view.line(), soft_wrap=True)

    teller = threading.Thread(target=tell, daemon=True, name="view of the scheduler")
    teller.start()
    try:
        yield view
    finally:
        is_over.set()
        teller.join()


def _level_words(level: int, base: int) -> str:
    return Level(level).name if level == base else f"{Level(base).name} -> {Level(level).name}"
