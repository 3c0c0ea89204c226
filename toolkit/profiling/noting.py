"""Which tape takes notes for a thread? The compiled hook's own, where that keeps the stretches.

What was noted is played before anything else happens on the thread, and where somebody reads.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from toolkit.profiling.segments import is_even
from toolkit.profiling.tape import Tape, play

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.hooks import Scope
    from toolkit.profiling.allocator import AllocatorStream
    from toolkit.profiling.entries import Entry, Waiting
    from toolkit.profiling.hook import Hook
    from toolkit.profiling.looks import Looks
    from toolkit.profiling.segments import Sink
    from toolkit.profiling.tape import Note
    from toolkit.profiling.watch import Watch

__all__ = ["Noting"]


class Noting:
    """The tapes of one thread.

    Args:
        stream: the allocator's events.
        note: see `Tape`.
        is_quiet: see `Tape`.
        abandon: after an interrupt, gives up the stretches that are not counted.

    Attributes:
        tape: the one that takes notes, or did so last.
    """

    __slots__ = ("_abandon", "_hook", "_of_hook", "_own", "_sink", "_stream", "_unplayed", "tape")

    def __init__(
        self,
        stream: AllocatorStream,
        note: Callable[[Callable[[], object], list[Note], Note], None],
        is_quiet: Callable[[], bool],
        abandon: Callable[[], None],
    ) -> None:
        self._stream = stream
        self._abandon = abandon
        self.tape = self._own = self._of_hook = Tape(note, is_quiet)
        self._hook: Hook | None = None
        self._sink: Sink | None = None
        self._unplayed: deque[Note] = deque()

    def open(
        self, waiting: Waiting, looks: Looks, level: str, watch: Watch | None, until_ns: int
    ) -> None:
        """Note what comes in the plain stretch that began, where one session alone records it.

        Args:
            waiting: whose frame and sessions they are.
            looks: what is known of the thread's stages.
            level: of the stretch.
            watch: says what the modes saw of it, if they are worn.
            until_ns: when frames that are noted are to be counted.
        """
        tape = self._tape_for(watch)
        if tape is not self.tape or looks.has_asked:
            tape.forget()
            looks.has_asked = False
        self.tape = tape
        if len(waiting.sinks) == 1:
            (self._sink,) = waiting.sinks
            even = is_even(waiting.sinks, level)
            tape.open(self._sink, self._sink.plan, even, waiting.frame, until_ns)

    def _tape_for(self, watch: Watch | None) -> Tape:
        hook = self._stream.hook_in_turn
        if hook is None:
            self._own.turn, self._own.part = self._stream.turning(watch)
            return self._own
        if hook is not self._hook:
            self._hook, self._of_hook = hook, hook.tape()
        return self._of_hook

    def leave(self, scope: Scope) -> bool:
        """Whether it was noted that a scope was left, which was noted when it was entered."""
        return self._sink is not None and self.tape.leave(self._sink, scope)

    def play(self, entries: list[Entry], frames: list[int], waiting: Waiting, looks: Looks) -> None:
        """Have happen what was only noted; see `toolkit.profiling.tape.play`."""
        self._unplayed += self.tape.take()
        if not self._unplayed or self._sink is None:
            return
        try:
            play(self._unplayed, self._sink, entries, frames, waiting, looks)
        except BaseException:  # an interrupt: the rest happens too, and nobody counts it
            self._abandon()
            raise

    def settled(self, looks: Looks, until_ns: int) -> None:
        """What was noted is counted, and stages may have asked for a look."""
        self.tape.until_ns = until_ns
        if looks.has_asked:
            self.tape.forget()
            looks.has_asked = False
