"""When did the thread wait by an explicit call, and did a layer report that already?

A layer of the toolkit that synchronises reports a wait or a copy of its own; the explicit call
inside of it is the same act, and counts once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.hooks import Event
    from toolkit.profiling.told_apart import Sync, Window

__all__ = ["ReportedWaits"]


class ReportedWaits:
    """Of the segment that is open on one thread.

    Attributes:
        windows: when a layer copied or waited.
        copies: when one copied, in ns since the stream of the allocator was started, as far as it
            is known when that was.
        syncs: explicit waits that no layer reported.
    """

    def __init__(self) -> None:
        self.windows: list[Window] = []
        self.copies: list[Window] = []
        self.syncs: list[Sync] = []

    def hear(self, event: Event, started_ns: tuple[int, int]) -> None:
        """A layer reported an event.

        Args:
            event: it.
            started_ns: when the stream was started, and how much earlier it may have been.
        """
        if event.kind == "copy":
            latest_ns, slack_ns = started_ns
            begin = event.t_ns - latest_ns
            self.copies.append((begin, begin + event.duration_ns + slack_ns))
        if event.kind in ("copy", "sync", "wait"):
            self.tell((event.t_ns, event.t_ns + event.duration_ns))

    def tell(self, window: Window) -> None:
        """A layer copied or waited."""
        self.windows.append(window)
        self.syncs = [one for one in self.syncs if not _encloses(window, (one[3], sum(one[3:])))]

    def is_told(self, window: Window) -> bool:
        """Whether a layer told of what happened in `window`."""
        return any(_encloses(window, one) for one in self.windows)


def _encloses(window: Window, other: Window) -> bool:
    return window[0] <= other[0] and other[1] <= window[1]
