"""Whose is this part of the stream? Marks say which call, and what was taken by looking at it.

Four things stand in the allocator's stream beside operators and memory. `@7` and `@7+` are calls
into torch, `+` one that a dispatch mode looked into. `~@7` says that a call which was under way at
the start returned into that one, `~` that it was the outermost. `#2` is an operator whose copy that
mode saw as number 2. `PythonDispatchMode` is torch's own word for handing an operator to a mode,
which calls it again inside: what is allocated there directly was taken for the mode's arguments.
"""

from __future__ import annotations

from toolkit.profiling import sources

__all__ = ["RETURNED", "Marks", "named"]

RETURNED = "~"
_HANDED_OVER = "PythonDispatchMode"


def named(called: str, mark: str) -> tuple[str, str]:
    """Operator and source: the operator that the stream shows, else what Python called."""
    call = sources.call(mark) if mark else None
    if call is None:
        return called, ""
    return called or call.op, call.source


class Marks:
    """The marks of one thread's stream, as they open and close.

    Attributes:
        mark: of the call that is under way, or empty. With `is_quiet` the stream leaves out the
            operators of calls that were not looked into.
        number: of the copy that the dispatch mode saw and that is under way, or -1.
    """

    __slots__ = ("_again_at", "_calls", "_is_quiet", "_names", "_numbers", "_own", "mark", "number")

    def __init__(self, names: list[str], within: str = "", *, is_quiet: bool = False) -> None:
        self._names = names
        self._is_quiet = is_quiet
        self._calls: list[tuple[int, str]] = []
        self._numbers: list[int] = []
        self._again_at: list[int] = []  # where an operator was handed to our dispatch mode
        self._own: list[int] = []  # sizes taken for its arguments
        self.mark = within
        self.number = -1

    def begin(self, place: int, name: str) -> bool:
        """A mark, or something else that is no operator, begins.

        Answers whether the operator that is open is handed to our mode here, which calls it again.
        """
        if name[0] == "@":
            self._calls.append((place, self.mark))
            self.mark = name
        elif name[0] == RETURNED:
            self.mark = name[1:]
        elif name[0] == "#":
            self._numbers.append(place)
            self.number = int(name[1:])
        elif name == _HANDED_OVER:
            # Inside of a first one, it is somebody else's mode that it is handed to.
            is_ours = not self._again_at and self.mark.endswith(sources.LOOKED_INTO)
            if is_ours:
                self._again_at.append(place)
            return is_ours
        return False

    def end(self, place: int) -> None:
        """What began at `place` ends."""
        if self._calls and self._calls[-1][0] == place:
            self.mark = self._calls.pop()[1]
        elif self._numbers and self._numbers[-1] == place:
            self._numbers.pop()
            self.number = int(self._names[self._numbers[-1]][1:]) if self._numbers else -1
        elif self._again_at and self._again_at[-1] == place:
            self._again_at.pop()

    def is_own_memory(self, open_at: list[int], nbytes: int) -> bool:
        """Whether memory was taken, or is given back, by looking."""
        if not self._again_at:
            return False
        here = open_at[-1]
        if here != self._again_at[-1] and (not self._numbers or here != self._numbers[-1]):
            return False
        if nbytes > 0:
            self._own.append(nbytes)
            return True
        if -nbytes in self._own:
            self._own.remove(-nbytes)
            return True
        return False

    def stands_for_operator(self, name: str) -> bool:
        """Whether a mark is all that the stream has of a call: it was not looked into."""
        return self._is_quiet and name[0] == "@" and name[-1] != sources.LOOKED_INTO

    def op_of(self, name: str) -> str:
        """The operator that begins with `name`."""
        call = sources.call(name) if name[0] == "@" else None
        return call.op if call else name
