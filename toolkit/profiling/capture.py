"""How is a session opened? `with profile() as session:` around any torch code, pipelines or not."""

from __future__ import annotations

import inspect
import platform
import sys
from typing import TYPE_CHECKING, Any

import torch

from toolkit import hooks
from toolkit.profiling.boundaries import hearing_boundaries
from toolkit.profiling.explicit_syncs import watching_syncs
from toolkit.profiling.give_way import giving_way
from toolkit.profiling.hook import use_built_hook
from toolkit.profiling.ledger import Ledger
from toolkit.profiling.levels import LEVELS, Plan, check_level
from toolkit.profiling.listener import Listener
from toolkit.profiling.mps_memory import memory_of_machine
from toolkit.profiling.pauses import hearing_pauses
from toolkit.profiling.recorders import this_thread, thread_recorder
from toolkit.profiling.session import Session
from toolkit.profiling.virtual import virtual_prices
from toolkit.profiling.way_out import WayOut

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

__all__ = ["LEVELS", "SHARED", "describe_machine", "profile"]

KEEPS = ("fold", "all")
# What is put in place for the whole process while any session is open.
SHARED = (giving_way, watching_syncs, hearing_pauses, hearing_boundaries)


class profile:  # noqa: N801 - reads as a statement, and has the name of its model in torch
    """Context manager: record what torch and the toolkit use, here and where it is carried.

    ```python
    with profile() as session:
        for frame in pipeline.run(video):
            show(frame["edges"])
    print(session.bill())
    ```

    Code that is no pipeline says `session.step()` after each iteration. Pipelines and readers that
    are started inside carry the session to their threads; other threads are not recorded. Sessions
    nest, and each sees everything. A torch.profiler that is on keeps the allocator's events to
    itself, which the bill then says. Waits, reads and writes, serialisation and pauses of the
    garbage collector are heard as `toolkit.profiling.boundaries` says.

    Args:
        level: `"counts"`: allocations, copies, waits, conversions and times, by stage and frame.
            `"lines"`: the same, and which operator and source line took it, or made it wait.
            `"exact"`: every operator as well, so that copies inside kernels have their line, too;
            and on CUDA the driver is asked, which tells waiting apart from copying.
            `session.set_level(...)` changes it from the next frame on.
        keep: `"fold"` keeps sums and the newest 300 frames, in bounded memory; `"all"` every event.
        schedule: from the number of a step to whether it is recorded;
            `torch.profiler.schedule(...)`
            is one. A step is a frame of a pipeline, or a call of `session.step()`.
        detail: from the number of a frame to a level that it has instead, or `""`:
            `detail=every(30, "lines")`. `session.look(frames=1)` asks for the next one.

        on_trace_ready: called with the session where a recorded cycle of the schedule is over, or
            else the session; it has all that was recorded so far. If it raises, that is logged and
            noted on the bill, and it is not called again.

    Raises:
        ValueError: a level or keep that does not exist.
        StreamMissingError: this build of torch does not tell what it allocates.
    """

    def __init__(
        self,
        level: str = "counts",
        keep: str = "fold",
        schedule: Callable[[int], object] | None = None,
        detail: Callable[[int], str] | None = None,
        on_trace_ready: Callable[[Session], object] | None = None,
    ) -> None:
        check_level(level)
        if keep not in KEEPS:
            raise ValueError(f"keep {keep!r} does not exist; there is {_listed(KEEPS)}.")
        self.session = Session(level, keep)
        self.session.machine = describe_machine()
        self._plan = Plan(level, detail)
        self._schedule = schedule
        self._on_trace_ready = on_trace_ready
        self._life = self._live()

    def __enter__(self) -> Session:
        if inspect.getgeneratorstate(self._life) != inspect.GEN_CREATED:
            raise RuntimeError(
                "this session was opened already; make another with profile() and compare the two."
            )
        use_built_hook()
        self._ledger = Ledger(self.session, self._plan, self._schedule, self._on_trace_ready)
        self._listener = Listener(self._ledger)
        try:
            next(self._life)
            return self.session
        except BaseException:  # an interrupt: the block is not entered, nor left
            self._life.close()
            raise

    if TYPE_CHECKING:  # a protocol does not see what a descriptor gives

        def __exit__(self, *_: object) -> None: ...

    else:
        __exit__ = WayOut("_life")

    def _live(self) -> Generator[None]:
        """Open; and close when the block is left, or cannot be entered for an interrupt."""
        try:
            self._open()
            yield
        finally:
            try:
                self._close()
            except BaseException:  # an interrupt on the way out: what is left is done now
                self._close()
                raise

    def _open(self) -> None:
        for one in SHARED:
            one.enter(self)
        self._ledger.bystanders.begin()
        hooks.listen(self._listener)
        self.session.on_step = self._step
        self.session.on_read = _catch_up
        self.session.on_unrecorded = self._ledger.bystanders.sentence
        self.session.plan = self._plan
        this_thread().attach(self._ledger)

    def _close(self) -> None:
        """Take back all that `_open` did, however far it came; a second time changes nothing."""
        recorder = this_thread()
        recorder.detach(self._ledger)
        hooks.unlisten(self._listener)
        # In the reverse order: both the boundaries and the bystanders wrap the start of a thread.
        if unseen := self._ledger.bystanders.end():
            self.session.note(unseen)
        for one in reversed(SHARED):
            one.leave(self)
        self._ledger.finish(recorder.peak_bytes)
        if prices := virtual_prices():
            self.session.machine["emu"] = prices
        self.session.on_step = self.session.on_read = self.session.on_unrecorded = None
        self.session.plan = None

    def _step(self) -> None:
        recorder = this_thread()
        recorder.end_step(self._ledger)


def _catch_up() -> None:
    recorder = thread_recorder()
    if recorder is not None:
        recorder.catch_up()


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(repr(name) for name in names)


def describe_machine() -> dict[str, Any]:
    """Where a session runs, in plain values."""
    return {
        "system": platform.platform(),
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "threads": torch.get_num_threads(),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_initialized() else "",
        "cuda_allocator": torch.cuda.get_allocator_backend() if torch.cuda.is_initialized() else "",
        **memory_of_machine(),
    }
