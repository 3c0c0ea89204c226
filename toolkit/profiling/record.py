"""Who listens to the allocator? One recorder for each thread, whatever number of sessions are open.

A thread's work is cut into segments where a scope or a frame begins or ends; each segment is
charged to the scope that was open, so a scope inside another suspends it. Between segments the
recorder counts and hands out, and that time is charged to nobody but itself.
"""

from __future__ import annotations

import threading
import time
from functools import partial
from threading import get_ident
from typing import TYPE_CHECKING
from weakref import WeakSet, ref

from toolkit.profiling import allocator, sources
from toolkit.profiling.beyond_stream import BeyondStream
from toolkit.profiling.billing import bill
from toolkit.profiling.clocks import Clocks
from toolkit.profiling.ended import Ended
from toolkit.profiling.entries import Entry, Waiting
from toolkit.profiling.held import Held
from toolkit.profiling.levels import LEVELS
from toolkit.profiling.looks import Looks
from toolkit.profiling.noting import Noting
from toolkit.profiling.pauses import PAUSES
from toolkit.profiling.reported_waits import ReportedWaits
from toolkit.profiling.segments import Sink, is_even, is_recording, level_for
from toolkit.profiling.sums import Sums
from toolkit.profiling.tape import charged_to, mend
from toolkit.profiling.turns import Marked
from toolkit.profiling.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from toolkit.hooks import Event, Scope
    from toolkit.profiling.tape import Note

__all__ = ["Recorder"]

SOON_NS = 250_000_000  # frames wait no longer until they are counted together
GAVE_WAY = "a torch.profiler was on, and it has the allocator's events to itself"


class Recorder:
    """Cuts the calling thread's work into segments, for all sessions that listen to it."""

    def __init__(self) -> None:
        self._entries = [Entry(None)]
        self._frames: list[int] = []
        self._stream = allocator.AllocatorStream()
        self._watch = Watch()
        self._level = LEVELS[0]
        self._within = ""
        self._looks = Looks()
        self._waiting = Waiting(self._stream.take)
        self._until_ns = 0  # when frames are to be counted
        self._is_plain = False  # what began last: it may wait, and has its times from the stream
        self.noting = Noting(self._stream, self._note, self._is_quiet, self._abandon)
        self._known: WeakSet[Sink] = WeakSet()
        self._last_met: Callable[[], Sink | None] = lambda: None
        self._start_ns = 0
        self._clocks = Clocks()
        self._missing = ""
        self._beyond = BeyondStream()
        self._native_id = threading.get_native_id()
        self._ident = get_ident()
        self._held = Held(self._ident, self._native_id)
        self._waits = ReportedWaits()
        self._last_event: Event | None = None
        self._located: Event | None = None
        self._is_busy = False
        self._deferred: list[tuple[Sink, Event]] = []

    # -- sessions ---------------------------------------------------------------------------------

    def attach(self, sink: Sink) -> None:
        """Record for `sink` what this thread does, in scopes and outside, until `detach`."""
        self._cut()
        self._meet(sink)
        if not any(entry.sinks for entry in self._entries):
            self._forget()
            self._turn_page()
        for entry in self._entries:
            entry.sinks.append(sink)
            entry.is_looked_at = self._looks.is_due(entry.key)
        self._begin()

    def detach(self, sink: Sink) -> None:
        """Hand out what there is, and forget `sink`."""
        try:
            self._play()
            if not self._frames:
                self._looks.forget_idle(self._entries[0].key)
            self._cut()
            self._held.release()
        finally:
            for entry in self._entries:
                entry.sinks = [one for one in entry.sinks if one is not sink]
            if not any(entry.sinks for entry in self._entries):
                self._forget()
            self._begin()

    def end_step(self, sink: Sink) -> None:
        """A step that the user names is done: hand out what there is, and count live bytes anew."""
        self._cut()
        self._held.release()
        sink.step(self.peak_bytes)
        self._turn_page()
        self._begin()

    def give_way(self) -> None:
        """Leave the allocator's events to another profiler until it is done, and say so."""
        if self._stream.is_running:
            self._cut()
            self._begin(missing=GAVE_WAY)

    # -- what hooks tell --------------------------------------------------------------------------

    def scope_begin(self, sink: Sink, scope: Scope) -> None:
        """A scope was entered. Told once by each session; the first one cuts."""
        if self.noting.tape.enter(sink, scope):
            return
        self._play()
        self._meet(sink)
        top = self._entries[-1]
        if top.scope is scope:
            top.sinks.append(sink)
            self.noting.tape.close()  # it takes notes for one
            self._waiting.begin(self._waiting.frame, top.sinks)
            level = level_for(top.sinks, top.frame_or(self.frame))
            has_level = bool(self._missing) or level == self._level
            if self._start_ns and has_level and (top.is_looked_at or not sink.keeps_events):
                return
            self._cut()
        else:
            self._cut(may_wait=self._frames != [])
            top = Entry(scope, [sink])
            top.is_looked_at = self._looks.is_due(top.key)
            self._entries.append(top)
        self._begin()
        self.noting.tape.allow(*top.key, self._looks.until_due(top.key))

    def scope_end(self, scope: Scope) -> None:
        """A scope was left, and whatever is still open inside of it. Unknown ones are ignored."""
        if self.noting.leave(scope):
            return
        self._play()
        if not any(entry.scope is scope for entry in reversed(self._entries)):
            return
        try:
            self._cut(may_wait=self._frames != [])
        finally:
            self._waiting.leave_all(scope, self._entries)
            self._begin()

    def _is_quiet(self) -> bool:
        """Whether nothing came up in the plain stretch under way, so that it is only noted."""
        is_plain = not (self._is_busy or self._watch.mark) and self._stream.is_host_only()
        return is_plain and not PAUSES.stops and self._ident not in PAUSES.waiting

    def _note(self, end: Callable[[], object], notes: list[Note], note: Note) -> None:
        """A plain stretch ends and the next one begins."""
        self._is_busy, length = True, len(notes)
        try:
            end()
            notes.append(note)
        except BaseException:  # an interrupt
            mend(notes, note, length)
            self._abandon()
            raise
        self._is_busy = False
        self._catch_up()

    def _play(self) -> None:
        """Have happen what was only noted."""
        self.noting.play(self._entries, self._frames, self._waiting, self._looks)

    def _modes(self) -> Watch | None:
        """What tells what the modes saw of a plain stretch, if they are worn."""
        return self._watch if self._level != LEVELS[0] else None

    def frame_begin(self, sink: Sink, index: int) -> None:
        """Work on a frame begins on this thread; what was done since the last one led up to it."""
        self._cut(may_wait=True)
        if not sink.is_patient:
            self._settle()
        self._held.belong_to(index)
        self._meet(sink)
        self._waiting.call(partial(sink.begin_frame, index))
        if index not in self._frames:
            self._frames.append(index)
        bottom = self._entries[0]
        if sink not in bottom.sinks:
            bottom.sinks.append(sink)
        self._turn_page()
        self._begin()

    def frame_end(self, sink: Sink, index: int, *, is_home: bool) -> None:
        """Work on a frame is done. Away from the session's own thread, recording pauses with it."""
        self._cut(may_wait=True)
        is_soon = time.perf_counter_ns() < self._until_ns
        if not (is_soon and is_home and sink.is_patient) or self._held.is_open:
            self._settle()
            self._held.release()
        self._waiting.call(lambda: sink.end_frame(index, self.peak_bytes))
        if index in self._frames:
            self._frames.remove(index)
        bottom = self._entries[0]
        if not is_home and sink in bottom.sinks:
            bottom.sinks.remove(sink)
        self._begin()

    def catch_up(self) -> None:
        """Hand out all that is over, for somebody who reads it."""
        if not self._is_busy:
            if self._watch.mark:  # in the middle of a call into torch, which has a mark
                self._cut()
                self._begin()
            self._settle()

    def _settle(self) -> None:
        self._play()
        self._waiting.settle(self._looks)
        self._until_ns = time.perf_counter_ns() + SOON_NS
        self.noting.settled(self._looks, self._until_ns)

    def reported(self, sink: Sink, event: Event) -> None:
        """A layer of the toolkit reported an event; a copy is then not counted again.

        One that comes while the recorder itself is at work waits until it is done: a finalizer may
        report anywhere.
        """
        if self._is_busy:
            self._deferred.append((sink, event))
            return
        self._is_busy = True
        try:
            self._take(sink, event)
        finally:
            self._is_busy = False
        self._catch_up()

    def _take(self, sink: Sink, event: Event) -> None:
        if event is not self._last_event:
            self._meet_event(event)
        if self._level == LEVELS[0] and self.noting.tape.hear(sink, event):
            return
        self._play()
        self._meet(sink)
        whose = charged_to(event, self._entries, self._frames)
        self._waiting.call(partial(sink.add_event, self._located or event, *whose))

    def _catch_up(self) -> None:
        """Take what came meanwhile."""
        while self._deferred and not self._is_busy:
            self.reported(*self._deferred.pop(0))

    def device_begin(self, device: str) -> None:
        """Memory of an emulated device comes, from the host's allocator. Each session says so."""
        if self._is_plain and self._start_ns and get_ident() == self._ident:
            self._cut()  # it was enabled meanwhile: sums cannot tell its memory apart
            self._begin()
        self._stream.begin_device(device, lets_operators=self._watch.is_looking)

    def device_end(self) -> None:
        """The host's own memory comes again."""
        self._stream.end_device()

    @property
    def is_recording(self) -> bool:
        """Whether a segment of this thread is open."""
        return bool(self._start_ns)

    def _meet_event(self, event: Event) -> None:
        """An event is told for the first time; of other sessions' it is the same."""
        self._last_event = self._located = event
        if event.kind in ("copy", "sync"):
            self._watch.reported += 1
        if self._start_ns:
            self._waits.hear(event, self._stream.started_ns)
            if self._waits.copies and self._level != LEVELS[0]:
                self.noting.tape.close()  # they are told apart from those in the stream
            if self._level != LEVELS[0]:
                self._located = self._watch.located(event)

    def synchronised(
        self, op: str, device: str, begin_ns: int, took_ns: int, caller: FrameType
    ) -> None:
        """The thread waited for a device by an explicit call, unless a layer reported that."""
        if self._start_ns and not self._waits.is_told((begin_ns, begin_ns + took_ns)):
            mark = sources.mark(op, caller) if self._level != LEVELS[0] else ""
            self._waits.syncs.append((mark, op, device, begin_ns, took_ns))
            self.noting.tape.close()

    def _meet(self, sink: Sink) -> None:
        """A session that is new here looks for itself, and does not rely on what others saw."""
        if self._last_met() is not sink and sink not in self._known:
            self._known.add(sink)
            self._settle()
            self._looks = Looks()
            self.noting.tape.forget()
            sink.meet(self._native_id)
        self._last_met = ref(sink)

    # -- segments ---------------------------------------------------------------------------------

    @property
    def frame(self) -> int:
        """The frame that this thread works on, or -1."""
        return self._frames[-1] if self._frames else -1

    @property
    def peak_bytes(self) -> int:
        """The highest live bytes since the frame began on this thread."""
        return self._entries[0].peak_bytes

    def _forget(self) -> None:
        """Nobody is recorded for: what was left open is none of the next session."""
        del self._entries[1:]
        self._waiting.clear()
        self._frames.clear()
        self._watch.reset()

    def _turn_page(self) -> None:
        """A frame or step begins: what lies outside of stages is a new entry."""
        bottom = self._entries[0]
        bottom.begin_frame(self._waiting)
        bottom.is_looked_at = self._looks.is_due(bottom.key)
        self.noting.tape.allow(*bottom.key, self._looks.until_due(bottom.key))

    def _begin(self, missing: str = "") -> None:
        try:
            if self._start_ns:  # an interrupt kept it from being cut
                self._abandon()
            if not (self._is_plain and self._goes_on()):
                self._open_segment(missing)
            if self._is_plain and self._start_ns and len(self._frames) <= 1:
                how = (self._level, self._modes(), self._until_ns)
                self.noting.open(self._waiting, self._looks, *how)
        except BaseException:  # an interrupt
            self._abandon()
            raise
        self._is_busy = False
        self._catch_up()

    def _goes_on(self) -> bool:
        """Begin the next plain segment, where nothing is otherwise than at the one before."""
        entry, waiting = self._entries[-1], self._waiting
        frame = entry.frame_or(self._frames[-1] if self._frames else -1)
        if (
            entry.is_looked_at
            or self._watch.mark
            or waiting.sinks != entry.sinks
            or not all(map(is_recording, entry.sinks))
            or (frame != waiting.frame and not is_even(entry.sinks, self._level))
        ):
            return False
        waiting.frame = frame
        self._start_ns = self._stream.resume(marks=self._level != LEVELS[0])
        return self._start_ns > 0

    def _open_segment(self, missing: str) -> None:
        self._is_plain = False
        self._watch.end()
        entry = self._entries[-1]
        if not any(sink.is_recording for sink in entry.sinks):
            self._stream.stop()
            self._settle()
            self._start_ns = self._waiting.stopped_ns = 0
            self._level = LEVELS[0]
            self._held.release()
            return
        has_device = self._beyond.begin()
        if any(sink.keeps_events for sink in entry.sinks):
            entry.is_looked_at = True
        self._level = level_for(entry.sinks, entry.frame_or(self.frame))
        has_operators = entry.is_looked_at or self._level == LEVELS[-1]
        has_lines = self._level != LEVELS[0]
        is_simple = not (has_device or has_operators or missing or self._watch.mark)
        if is_simple and not self._held.is_open and self._begin_plain(entry, marks=has_lines):
            return
        if self._level == LEVELS[-1] and not missing:
            self._held.begin()
        self._watch.keeps_times = self._held.is_open
        if missing or not self._stream.start(operators=has_operators, marks=has_lines):
            self._missing, self._level = missing or GAVE_WAY, LEVELS[0]
        else:
            self._missing = ""
            self._within = self._watch.mark
            if has_lines:
                self._watch.begin(is_quiet=not has_operators)
        self._clocks = Clocks()
        self._start_ns = self._clocks.begin()

    def _begin_plain(self, entry: Entry, *, marks: bool) -> bool:
        """Begin a segment without operators; False where one is refused.

        Args:
            entry: of the scope.
            marks: calls are marked, so that there are lines. Else sums and times are all there is.
        """
        if marks:
            self._watch.keeps_times = False
            self._watch.begin(is_quiet=True, is_host_only=not allocator.has_accelerator())
            self._within = ""
        self._start_ns = self._stream.resume(marks=marks)
        self._is_plain = bool(self._start_ns)
        if not self._is_plain:
            self._watch.end()
        self._waiting.begin(entry.frame_or(self.frame), entry.sinks)
        self._missing = ""
        return self._is_plain

    def _cut(self, *, may_wait: bool = False) -> None:
        """End the segment, if there is one, and hand it out, after those that wait.

        Args:
            may_wait: if it is plain, it is noted with those that wait, until they are settled.
        """
        try:
            if self._is_plain:
                self._stream.pause(self._modes())
                self._is_busy = True
                self.noting.tape.close()
                self._play()
                if (
                    may_wait
                    and self._stream.is_host_only()
                    and self._start_ns
                    and self._have_wait()
                ):
                    return
            self._hand_out(may_wait=may_wait)
        except BaseException:  # an interrupt: what was not handed out is lost
            self._abandon()
            raise

    def _abandon(self) -> None:
        """Leave torch as it was, with no segment open; the next step of work opens one."""
        self._watch.end()
        self._stream.stop()
        self.noting.tape.close()
        self._play()
        self._waiting.clear()
        self._is_plain = False
        self._start_ns = self._waiting.stopped_ns = 0
        self._level = LEVELS[0]
        self._waits, self._deferred = ReportedWaits(), []
        self._is_busy = False

    def _have_wait(self) -> bool:
        """Have the plain segment that ended wait, unless something came up meanwhile."""
        waits = self._waits
        if waits.syncs or PAUSES.has_any():
            return False
        if waits.copies and self._level != LEVELS[0]:
            return False
        self._waiting.add(self._entries[-1], self._looks)
        self._start_ns = 0
        if waits.windows:
            self._waits = ReportedWaits()
        return True

    def _hand_out(self, *, may_wait: bool) -> None:
        turn = self._clocks.end()
        self._is_busy = True
        pauses = PAUSES.take() or ()
        seen = None
        if self._level != LEVELS[0] and not self._is_plain:
            seen = self._watch.end()
        raw = self._stream.stop()
        entry = self._entries[-1]
        sinks = [sink for sink in entry.sinks if sink.is_recording]
        keep = any(sink.keeps_events for sink in sinks)
        is_alone = not (pauses or keep or self._held.is_open or self._beyond.is_used())
        may_wait = may_wait and is_alone
        own = self._waiting.settle(self._looks) if self._is_plain or not may_wait else None
        if not self._start_ns:
            self._is_plain = False
            return
        if isinstance(own, Marked):
            turn, raw, seen = own
        elif own is not None:
            turn, raw = own[:4], [Sums._make(own[4:])]
        self._is_plain = False
        whose = (entry, entry.segments, entry.is_looked_at, entry.frame_or(self.frame))
        how = (self._within, self._level, self._missing, self._waits)
        ended = Ended(*whose, sinks, raw, seen, *how, *turn)
        entry.segments += 1
        self._start_ns = 0
        self._waits = ReportedWaits()
        if may_wait:
            self._waiting.add_ended(ended, self._looks)
        else:
            known = (self._waiting, self._looks, self._beyond, self._held)
            bill(ended, *known, pauses, self._ident, keep=keep)
