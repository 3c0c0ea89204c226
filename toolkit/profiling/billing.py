"""What is handed out of a segment that is over? What was counted, with all that devices tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.profiling.held import HeldSegment
from toolkit.profiling.levels import LEVELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from toolkit.profiling.beyond_stream import BeyondStream
    from toolkit.profiling.ended import Ended
    from toolkit.profiling.entries import Waiting
    from toolkit.profiling.held import Held
    from toolkit.profiling.looks import Looks
    from toolkit.profiling.pauses import Pause

__all__ = ["bill"]


def bill(
    ended: Ended,
    waiting: Waiting,
    looks: Looks,
    beyond: BeyondStream,
    held: Held,
    pauses: Iterable[Pause],
    thread: int,
    *,
    keep: bool,
) -> None:
    """Count a segment, and hand it out, or hold it back until the driver has told its part.

    Args:
        ended: the segment.
        waiting: what knows when the one before it ended.
        looks: to learn copies from it, or to recall them.
        beyond: what the allocator's stream does not show.
        held: those that wait for the driver.
        pauses: of the garbage collector meanwhile.
        thread: that it ran on.
        keep: keep every event.
    """
    virtual = beyond.virtual()
    sinks, seen = ended.sinks, ended.seen
    is_held = held.is_open and seen is not None
    counts, copies_are = ended.count(looks, keep=keep, is_held=is_held)
    beyond.add_to(counts, has_lines=ended.level != LEVELS[0])
    segment = ended.bill(counts, copies_are, waiting.stopped_ns, thread, virtual)
    waiting.stopped_ns = ended.stop_ns
    for pause in pauses:
        event = pause.to_event(segment.stage, segment.frame)
        for sink in sinks:
            sink.add_event(event, segment.frame, segment.pipeline)
    if is_held and seen is not None:
        held.add(HeldSegment(segment, seen, ended.waits.windows, sinks, keep))
        return
    for sink in sinks:
        sink.add_segment(segment)
