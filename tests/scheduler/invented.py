"""Recordings made by hand: events of three words each, times in ms."""

import random
from dataclasses import dataclass, field

from toolkit.scheduler.levels import NEVER, Level
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.trace import NO_LEVEL, NO_WORKER, Record, Trace

KINDS = ("frame", "chat", "train")  # at CRITICAL, HIGH and LOW
BASE = {"frame": Level.CRITICAL, "chat": Level.HIGH, "train": Level.LOW}
MS = 1_000_000


def snapshot(workers=2):
    """What a scheduler with such kinds would say of itself."""
    return {
        "workers": workers,
        "lanes": [[0, 4]] * workers,
        "kinds": [
            {"name": name, "level": int(level), "base": int(level), "queued": 0, "running": 0}
            for name, level in BASE.items()
        ],
        "contexts": ["video_call", "chat"],
        "context": "video_call",
        "mode": "guard",
        "depths": [0] * 5,
        "running": [0] * workers,
    }


@dataclass
class Told:
    """Collects events: `told("START", 3.5, task=1, kind="chat", worker=0)`."""

    events: list[Record] = field(default_factory=list)

    def __call__(
        self,
        happening,
        t_ms,
        task=0,
        kind="chat",
        *,
        worker=NO_WORKER,
        level=None,
        reason="NONE",
        value=0,
    ):
        level = BASE[kind] if level is None else level
        level = Level.of(level) if level != NO_LEVEL else level
        self.events.append(
            Record(
                round(t_ms * MS),
                Happening[happening],
                worker,
                level,
                KINDS.index(kind),
                Reason[reason],
                task,
                value,
            )
        )

    def recording(self, *, lost=0, workers=2):
        trace = Trace(1 << max(1, len(self.events)).bit_length())
        for event in self.events:
            trace.note(*event)
        return Recording.of(snapshot(workers), trace.since().data, lost)


class Pretend:
    """Schedules random work by a coin, and notes what a scheduler would: only valid sequences."""

    def __init__(self, seed, *, workers=2):
        self.rng = random.Random(seed)
        self.told = Told()
        self.workers = [None] * workers  # task number, or None
        self.t_ns = self.rng.randrange(10**9)
        self.queued, self.blocked = {}, {}  # task to when
        self.tasks = {}  # task to its kind, the level it was raised to by itself, and deadline
        self.levels = dict(BASE)
        self.since = {}  # the begin of the running quantum

    def run(self, steps):
        for _ in range(steps):
            self.t_ns += self.rng.choice((0, 1, 999, 1_000_001, 7_654_321))
            self.rng.choice((self.submit, self.start, self.start, self.quantum, self.shift))()
        return self.told

    def note(self, happening, task, *, worker=NO_WORKER, reason="NONE", value=0):
        kind, level = self.tasks[task][0], self.level_of(task)
        told = {"worker": worker, "level": level, "reason": reason, "value": value}
        self.told(happening, self.t_ns / MS, task, kind, **told)

    def level_of(self, task):
        kind, raised, _ = self.tasks[task]
        return min(raised, self.levels[kind])

    def submit(self):
        task, kind = len(self.tasks) + 1, self.rng.choice(KINDS)
        deadline = self.t_ns + 10 * MS if self.rng.random() < 0.5 else NEVER
        self.tasks[task] = (kind, Level.IDLE, deadline)
        self.queued[task] = self.t_ns
        self.note("SUBMIT", task, value=deadline)

    def start(self):
        free = [worker for worker, task in enumerate(self.workers) if task is None]
        if not (free and self.queued):
            return
        worker, task = self.rng.choice(free), self.rng.choice(list(self.queued))
        if self.rng.random() < 0.1:
            del self.queued[task]
            self.note("SHED", task, reason="LATE")
            return
        if self.rng.random() < 0.3:
            self.note("STEAL", task, worker=worker, value=1 - worker)
        self.note("START", task, worker=worker, value=self.t_ns - self.queued.pop(task))
        self.workers[worker] = task
        self.since[task] = self.t_ns

    def quantum(self):
        worker = self.rng.randrange(len(self.workers))
        task = self.workers[worker]
        if task is None:
            return
        took, self.since[task] = self.t_ns - self.since[task], self.t_ns
        end = self.rng.choice(("QUANTUM", "YIELD", "BLOCK", "DONE", "FAIL", "CANCEL"))
        if end == "QUANTUM":
            self.note("QUANTUM", task, worker=worker, value=took)
            return
        self.workers[worker] = None
        if end == "YIELD":
            self.queued[task] = self.t_ns
            self.note("YIELD", task, worker=worker, reason="PREEMPTED", value=took)
        elif end == "BLOCK":
            self.blocked[task] = self.t_ns
            self.note("BLOCK", task, worker=worker, value=self.rng.randrange(len(self.tasks)))
        else:
            self.end(end, task, worker)

    def end(self, happening, task, worker):
        deadline = self.tasks[task][2]
        late = 0 if deadline == NEVER or happening == "CANCEL" else self.t_ns - deadline
        self.note(happening, task, worker=worker, value=late)
        if late > 0:
            self.note("MISS", task, worker=worker, reason="QUEUED", value=late)

    def shift(self):
        if self.blocked and self.rng.random() < 0.7:
            task = self.rng.choice(list(self.blocked))
            self.queued[task] = self.t_ns
            self.note("WAKE", task, value=self.t_ns - self.blocked.pop(task))
        elif self.queued and self.rng.random() < 0.5:
            self.raise_one(self.rng.choice(list(self.queued)))
        else:
            self.change_context()

    def raise_one(self, task):
        before, (kind, _, deadline) = self.level_of(task), self.tasks[task]
        if before:
            self.tasks[task] = (kind, Level(self.rng.randrange(before)), deadline)
            self.note("LEVEL", task, reason="INHERITANCE", value=before)

    def change_context(self):
        kind, level = self.rng.choice(KINDS), Level(self.rng.randrange(5))
        before, self.levels[kind] = self.levels[kind], level
        t_ms = self.t_ns / MS
        self.told("CONTEXT", t_ms, level=NO_LEVEL, reason="USER", value=self.rng.randrange(2))
        self.told("LEVEL", t_ms, kind=kind, level=level, reason="CONTEXT", value=before)
