"""What is done where a plain stretch ends inside of a frame? As little as can be: a note.

Between two stages the caches are full of their pixels, and whatever runs there runs cold, several
times slower than it does a second time. So scopes that are entered and left are only noted down,
and looked into when the frame ends, all of them one after the other.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.profiling.entries import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from toolkit.hooks import Scope
    from toolkit.profiling.entries import Waiting
    from toolkit.profiling.segments import Sink

__all__ = ["Tape"]

LONGEST = 128


class Tape:
    """Scopes of one frame and one session that were entered and left, in order.

    Attributes:
        opened: of those noted, the ones that were not left, the innermost last.
    """

    __slots__ = ("_frame", "_notes", "_sink", "_turn", "opened")

    def __init__(self) -> None:
        self._sink: Sink | None = None
        self._frame = -1
        self._notes: list[Scope | None] = []
        self._turn: Callable[[], object] = int
        self.opened: list[Scope] = []

    def open_for(self, sinks: Sequence[Sink], frame: int, turn: Callable[[], object]) -> None:
        """From now on take scopes of `frame`, where one session alone records it.

        Args:
            sinks: all that record it.
            frame: its index.
            turn: ends a stretch, and begins the next.
        """
        self._sink = sinks[0] if len(sinks) == 1 and frame >= 0 else None
        self._frame = frame
        self._turn = turn

    def close(self) -> None:
        """Take none."""
        self._sink = None
        self._notes.clear()
        self.opened.clear()

    def is_for(self, sink: Sink, scope: Scope) -> bool:
        """Whether it takes `scope`, which `sink` was told of."""
        return sink is self._sink and scope.frame == self._frame and len(self._notes) < LONGEST

    def note(self, scope: Scope | None) -> None:
        """A scope was entered; or, with None, the innermost one was left. A stretch ends here."""
        self._turn()
        self._notes.append(scope)
        if scope is None:
            self.opened.pop()
        else:
            self.opened.append(scope)

    def play(self, entries: list[Entry], waiting: Waiting) -> None:
        """Have the stretches wait that were only noted, and the scopes be entered and left.

        What is open stays so, and is no longer the tape's.

        Args:
            entries: of the thread, the innermost last.
            waiting: what it has that is not counted yet.
        """
        if not self._notes:
            return
        notes, self._notes = self._notes, []
        self.opened.clear()
        for scope in notes:
            top = entries[-1]
            waiting.append(top)
            if scope is None:
                entries.pop()
                waiting.leave(top, entries[-1])
            else:
                entries.append(Entry(scope, list(top.sinks), is_looked_at=False))
