"""What happens while a budget is open? Frames are judged when they are done, the rest at the end.

Single events are dropped once they are judged, so a budget may stay open for as long as a pipeline
runs. A hook cannot stop a frame: an error waits for the end of the block, a warning does not.
"""

from __future__ import annotations

import dataclasses
import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

from toolkit import hooks
from toolkit.profiling import allowances
from toolkit.profiling.bystanders import UNRECORDED
from toolkit.profiling.judge import Judge
from toolkit.profiling.overrun import OverBudgetWarning, Overrun, tell
from toolkit.profiling.recording import Recording
from toolkit.profiling.session import HISTORY, Session
from toolkit.profiling.tally import Tally
from toolkit.profiling.usage import Permits, Usage, exceeded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from toolkit.hooks import Event, Scope
    from toolkit.profiling.bottlenecks import BottleneckKey
    from toolkit.profiling.frames import FrameRecord
    from toolkit.profiling.terms import Terms

__all__ = ["Meter"]

_OF_OTHERS = ("attachment ", "owner of ")  # a result of a pipeline that another thread computes
_MISSING = "are missing"  # in a note of a session that could not see every allocation
_LATE = 64  # frames whose usage is remembered for work that comes after their end
_KEPT_PERMITS = 100_000


class Meter:
    """One block under a budget: what `with budget(...) as meter:` gives.

    Attributes:
        terms: the limits.
        session: what was recorded, with a bill like any other. It does not keep single events.
        where: the user's line that set them.
        recording: the recording while it is open; None with `action="off"`.
    """

    def __init__(self, terms: Terms, where: str = "", *, stage: str = "") -> None:
        self.terms = terms
        self.session = Session()
        self._stage = stage
        self.where = where
        self._judge = Judge(terms, where)
        self.recording: Recording | None = None
        self._stack = ExitStack()
        self._names_frames = False
        self._closed = 0  # frames that the session closed and that were judged, or are warm-up
        self._known: dict[int, Usage | None] = {}  # newest frames; None for one of the warm-up
        self._block = Usage(stage)
        self._block_tally = Tally()
        self._permits: Permits = {}
        self._permits_lock = threading.Lock()
        self._untold: list[Overrun] = []
        self._refused: Warning | None = None
        self._is_quiet = False

    def __repr__(self) -> str:
        limits = ", ".join(f"{name}={value}" for name, value in self.terms.limits.items())
        return f"Meter({limits or 'no limits'}, {self._closed} frames)"

    # -- from beginning to end --------------------------------------------------------------------

    def open(self) -> None:
        """Begin to measure, in this context and where it is carried; not with `action="off"`."""
        if self.terms.action == "off":
            return
        self.recording = Recording()
        self.session = self._stack.enter_context(self.recording)
        # After the session's own listener: when this one hears of a frame, the session has it.
        hooks.listen(self)
        self._stack.callback(hooks.unlisten, self)
        allowances.enrol(self)

    def step(self) -> None:
        """Say that an iteration is done, in code that is no pipeline: it is judged as a frame."""
        if self.recording is not None:
            self._names_frames = True
            self.session.step()
            self._judge_closed()

    def close(self, *, is_failing: bool = False) -> Overrun | None:
        """End, and say what was exceeded, if anything was.

        Args:
            is_failing: the block raised: nothing is told, and no warning is in the way.

        Raises:
            Warning: a filter makes an error of the warning that a frame was over budget.
        """
        if self.recording is None:
            return None
        self._is_quiet = is_failing
        try:
            self._stack.close()
            self._judge_closed(is_last=True)
        finally:
            allowances.dismiss(self)
            self.recording = None
        if self._refused is not None and not is_failing:
            raise self._refused
        return self._judge.verdict(names_frames=self._has_frames)

    def gaps(self) -> list[str]:
        """What could not be judged, in sentences."""
        found = [note for note in self.session.notes if _MISSING in note] + self._judge.gaps()
        if any(kind == "wait" and op.startswith(_OF_OTHERS) for kind, op, _ in self._waits()):
            found += [note for note in self.session.notes if UNRECORDED in note]
        if self.terms.warmup >= self._closed and self.terms.warmup:
            found.append(
                f"with warmup={self.terms.warmup} none of {self._closed} frames was judged. Run "
                "more of them; in code that is no pipeline, call step() after each"
            )
        return found

    def _waits(self) -> Iterator[BottleneckKey]:
        for known in self.session.bottleneck_counts.values():
            yield from known

    @property
    def _has_frames(self) -> bool:
        """Whether there are frames; code without any is one block, frame 0 of its session."""
        return self._names_frames or self._closed > 1

    # -- told by others ---------------------------------------------------------------------------

    def permit(self, permits: Permits) -> None:
        """Take these events as permitted."""
        with self._permits_lock:
            for key, names in permits.items():
                self._permits[key] = names | self._permits.get(key, frozenset[str]())
            while len(self._permits) > _KEPT_PERMITS:
                del self._permits[next(iter(self._permits))]

    def frame_begin(self, index: int) -> None:
        """A frame begins: those that are done are judged, and what had its index is another one."""
        self._names_frames = True
        self._judge_closed()
        with self.session.lock:
            self._known.pop(index, None)

    def scope_end(self, scope: Scope) -> None:
        """A stage is done: where nobody tells when frames begin, older ones may be done with it."""
        if self.session.frame_count > self._closed:
            self._names_frames = True
            self._judge_closed()

    # -- judging ----------------------------------------------------------------------------------

    def _judge_closed(self, *, is_last: bool = False) -> None:
        """Judge the frames that the session has closed, and at last all that is left."""
        allowances.settle()
        session = self.session
        with session.lock, self._permits_lock:
            events: dict[int, list[Event]] = {}
            for event in session.events:
                events.setdefault(event.frame, []).append(event)
            count = session.frame_count - self._closed
            for record in list(session.frames)[len(session.frames) - count :]:
                self._judge_frame(record, events.pop(record.index, []))
            for index in [one for one in events if one in self._known]:
                self._judge_more(index, events.pop(index))
            if is_last:
                for index in list(events):
                    self._judge_frame(None, events.pop(index), index)
                self._judge_block()
            session.events = [event for left in events.values() for event in left]
            while len(session.frames) > HISTORY:
                session.frames.popleft()
        self._tell()

    def _judge_frame(
        self, record: FrameRecord | None, events: list[Event], index: int = -1
    ) -> None:
        """A frame that is done; without a record, what was cut short or came after the last one."""
        if record is not None:
            index = record.index
        is_frame = index >= 0
        self._closed += is_frame
        is_warm = is_frame and self._closed <= self.terms.warmup
        usage = None if is_warm else Usage(self._stage)
        if is_frame:
            self._known.pop(index, None)
            self._known[index] = usage
            while len(self._known) > _LATE:
                del self._known[next(iter(self._known))]
        if usage is None:
            return
        total = record.total() if record else None
        if self.terms.per == "block":
            self._block.add(events, self._permits)
            if total:
                self._block_tally.add(total)
            return
        usage.add(events, self._permits)
        if total:
            usage.add_unseen(total)
        self._hold(usage, index)

    def _judge_more(self, index: int, events: list[Event]) -> None:
        """Work on a frame that came after its end."""
        usage = self._known[index]
        if usage is None:
            return
        if self.terms.per == "block":
            self._block.add(events, self._permits)
            return
        was_over = bool(exceeded(self.terms.limits, usage))
        usage.add(events, self._permits)
        if not was_over:
            self._hold(usage, index, is_new=False)

    def _judge_block(self) -> None:
        if self.terms.per == "block":
            self._block.add_unseen(self._block_tally)
            self._hold(self._block, -1)

    def _hold(self, usage: Usage, index: int, *, is_new: bool = True) -> None:
        overrun = self._judge.hold(usage, index, is_new=is_new)
        if overrun is not None:
            if not self._has_frames:
                overrun = dataclasses.replace(overrun, frames=(), frames_over=0)
            self._untold.append(overrun)

    def _tell(self) -> None:
        """Warn of what was over. A filter that makes an error of it must not break a hook."""
        untold, self._untold = self._untold, []
        if self.terms.action != "warn" or self._is_quiet:
            return
        for overrun in untold:
            try:
                tell(str(overrun), OverBudgetWarning, self.where)
            except Warning as refused:
                self._refused = self._refused or refused
