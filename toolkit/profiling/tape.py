"""What is done where a plain stretch ends, between two stages or frames? Only a note is taken.

Between two stages the caches are full of their pixels, and whatever runs there runs cold, several
times slower than it does a second time. So scopes and frames that begin and end are only noted
down, and looked into later, those of several frames together, one after the other.

The compiled hook has a tape of its own, with the same methods, that runs no Python; see `native`.
"""

from __future__ import annotations

import time
from functools import partial
from typing import TYPE_CHECKING

from toolkit.hooks import Event, Scope
from toolkit.profiling.entries import Entry

if TYPE_CHECKING:
    from collections import deque
    from collections.abc import Callable

    from toolkit.profiling.entries import Waiting
    from toolkit.profiling.frames import StageKey
    from toolkit.profiling.levels import Plan
    from toolkit.profiling.looks import Looks
    from toolkit.profiling.segments import Sink

__all__ = ["LONGEST", "Note", "Tape", "charged_to", "mend", "play"]

LONGEST = 256

# A scope that was entered; None, where the innermost one was left; a frame that began; below 0, the
# complement of one that ended; or what a layer reported.
Note = Scope | int | Event | None


class Tape:
    """Scopes and frames of one thread and one session, as they began and ended.

    Args:
        note: calls its first argument, and puts the third into the second; so that nothing comes
            in between.
        is_quiet: whether nothing came up in the stretch under way.

    Attributes:
        turn: ends a stretch, and begins the next, inside of a frame.
        part: the same at its border, where the system is asked.
        until_ns: when the frames that are noted are to be counted.
    """

    __slots__ = (
        "_changes",
        "_frame",
        "_is_even",
        "_is_quiet",
        "_left",
        "_note",
        "_notes",
        "_opened",
        "_plan",
        "_sink",
        "part",
        "turn",
        "until_ns",
    )

    def __init__(
        self,
        note: Callable[[Callable[[], object], list[Note], Note], None],
        is_quiet: Callable[[], bool],
    ) -> None:
        self._note = note
        self._is_quiet = is_quiet
        self._sink: Sink | None = None
        self._plan: Plan | None = None
        self._is_even = False
        self._changes = 0
        self._frame = -1
        self._notes: list[Note] = []
        self._opened: list[Scope] = []
        self._left: dict[StageKey, int] = {}
        self.turn: Callable[[], object] = int
        self.part: Callable[[], object] = int
        self.until_ns = 0

    def open(self, sink: Sink, plan: Plan, is_even: bool, frame: int, until_ns: int, /) -> None:
        """From now on take scopes of `frame` that `sink` is told of, and frames that follow it.

        Args:
            sink: who alone records here.
            plan: of it.
            is_even: the next frame is like this one, unless the plan changes.
            frame: the one under way, or -1.
            until_ns: when those that are noted are to be counted.
        """
        self._sink = sink
        self._plan = plan
        self._is_even = is_even
        self._changes = plan.changes
        self._frame = frame
        self.until_ns = until_ns

    def close(self) -> None:
        """Take no more. What was noted stays until it is taken."""
        self._sink = None

    def allow(self, pipeline: str, stage: str, entries: int, /) -> None:
        """So many entries of a stage may be noted; the next one is to be looked at."""
        self._left[pipeline, stage] = entries

    def forget(self) -> None:
        """Allow none."""
        self._left.clear()

    def take(self) -> list[Note]:
        """What was noted since. Scopes that are open still are no longer the tape's."""
        notes, self._notes = self._notes, []
        self._opened.clear()
        return notes

    # -- noting: each answers whether it did ------------------------------------------------------

    def enter(self, sink: Sink, scope: Scope, /) -> bool:
        """A scope was entered."""
        if sink is not self._sink or not scope.frame == self._frame >= 0:
            return False
        key = (scope.pipeline, scope.stage)
        left = self._left.get(key, 0)
        if not left or not self._has_room():
            return False
        self._left[key] = left - 1
        self._opened.append(scope)
        self._note(self.turn, self._notes, scope)
        return True

    def leave(self, sink: Sink, scope: Scope, /) -> bool:
        """The innermost scope was left."""
        opened = self._opened
        if sink is not self._sink or not opened or opened[-1] is not scope or not self._is_quiet():
            return False
        self._note(self.turn, self._notes, None)
        opened.pop()
        return True

    def begin(self, sink: Sink, index: int) -> bool:
        """A frame began."""
        left = self._left.get(("", ""), 0)
        if not (left and index >= 0 and self._goes_on(sink, -1)):
            return False
        self._left["", ""] = left - 1
        self._note(self.part, self._notes, index)
        self._frame = index
        return True

    def end(self, sink: Sink, index: int) -> bool:
        """A frame ended."""
        if not self._goes_on(sink, index) or time.perf_counter_ns() > self.until_ns:
            return False
        self._note(self.part, self._notes, ~index)
        self._frame = -1
        return True

    def hear(self, sink: Sink, event: Event, /) -> bool:
        """A layer reported an event: the one note at which no stretch ends."""
        if sink is not self._sink or len(self._notes) >= LONGEST:
            return False
        self._notes.append(event)
        return True

    def _goes_on(self, sink: Sink, frame: int) -> bool:
        """Whether the next frame is like this one."""
        is_ours = sink is self._sink and frame == self._frame and not self._opened
        if not (is_ours and self._is_even and self._plan is not None):
            return False
        return self._plan.changes == self._changes and self._has_room()

    def _has_room(self) -> bool:
        return len(self._notes) < LONGEST and self._is_quiet()


def play(
    notes: deque[Note],
    sink: Sink,
    entries: list[Entry],
    frames: list[int],
    waiting: Waiting,
    looks: Looks,
) -> None:
    """Have the stretches wait that were noted, and the scopes and frames begin and end.

    Args:
        notes: in order. They are taken out; an interrupt leaves those that come after it.
        sink: who recorded.
        entries: of the thread, the innermost last.
        frames: that it works on.
        waiting: what it has that is not counted yet.
        looks: what is known of its stages.
    """
    # An interrupt comes after a call. So what changes the scopes and frames is the first call after
    # a note was taken out: either both happen, or none.
    bottom = entries[0]
    while notes:
        note, top = notes[0], entries[-1]
        if isinstance(note, Scope):
            entry = Entry(note, [sink], is_looked_at=False)
            del notes[0]
            entries.append(entry)
            waiting.append(top)
            looks.pass_over(entry.key)
        elif isinstance(note, Event):
            whose = charged_to(note, entries, frames)
            del notes[0]
            waiting.call(partial(sink.add_event, note, *whose))
            continue
        elif note is not None and note >= 0:
            del notes[0]
            frames.append(note)
            waiting.append(top)
            waiting.call(partial(sink.begin_frame, note))
            bottom.begin_frame(waiting)
            looks.pass_over(bottom.key)
        elif note is not None:
            del notes[0]
            if ~note in frames:
                frames.remove(~note)
            waiting.append(top)
            waiting.call(lambda index=~note: sink.end_frame(index, bottom.peak_bytes))
        elif top is bottom:  # an interrupt took the note of its beginning
            del notes[0]
            waiting.append(top)
        else:
            del notes[0]
            entries.pop()
            waiting.append(top)
            waiting.leave(top, entries[-1])
        waiting.frame = entries[-1].frame_or(_newest(frames))


def charged_to(event: Event, entries: list[Entry], frames: list[int]) -> tuple[int, str]:
    """The frame and the pipeline that a reported event is charged to, as things are."""
    scope = entries[-1].scope
    pipeline = scope.pipeline if scope is not None and scope.stage == event.stage else ""
    return (event.frame if event.frame >= 0 else _newest(frames)), pipeline


def _newest(frames: list[int]) -> int:
    return frames[-1] if frames else -1


def mend(notes: list[Note], note: Note, length: int) -> None:
    """An interrupt came while `note` was taken: what began did not, and what ended did.

    Args:
        notes: with or without it.
        note: that was to be taken.
        length: of the notes before.
    """
    is_end = note is None or (isinstance(note, int) and note < 0)
    if is_end and len(notes) == length:
        notes.append(note)
    elif not is_end:
        del notes[length:]
