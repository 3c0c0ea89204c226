"""What happened to a task, and why? The words that events, statistics and pictures share."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["CAUSES", "Happening", "Reason"]


class Happening(IntEnum):
    """What an event of the trace says; the meaning of its `value` stands beside each."""

    SUBMIT = 1  # value: deadline in ns on the scheduler's clock, or NEVER
    START = 2  # a worker took it; value: ns that it was queued for this quantum
    YIELD = 3  # a quantum ended and it is queued again; value: ns that the quantum took
    BLOCK = 4  # it awaits; value: number of the awaited task, 0 for what is no task
    WAKE = 5  # what it awaited is there, it is queued again; value: ns that it was blocked
    DONE = 6  # value: ns after its deadline; negative when early, 0 without a deadline
    FAIL = 7  # its code raised; value as for DONE
    CANCEL = 8  # it was cancelled; value: 0
    SHED = 9  # it was dropped before it began; value: 0
    LEVEL = 10  # its level changed, or with task 0 that of its kind; value: the level before
    STEAL = 11  # taken from another worker's queue; value: number of that worker
    MISS = 12  # it ended after its deadline, and the reason is the cause; value: ns too late
    CONTEXT = 13  # another context holds; task 0; value: its number
    GUARD = 14  # a worker stays free for a release; task 0; value: ns until it looks again
    QUANTUM = 15  # a quantum ended and the next one follows at once; value: ns that it took


class Reason(IntEnum):
    """Why a priority moved, work was dropped, a worker was given up or a deadline was missed."""

    NONE = 0
    CONTEXT = 1  # another context
    DEADLINE = 2  # its kind missed deadlines and asks for more
    INHERITANCE = 3  # somebody more urgent awaits it
    AGING = 4  # it waited longest, and the share for such work is not used up
    PREDICTION = 5  # it will probably be needed next
    RETURNED = 6  # what had raised it is over
    NEWEST = 7  # a newer one with the same key came
    LATE = 8  # optional, and its deadline could not be met any more
    FULL = 9  # optional, and its kind's queue was full
    SHUTDOWN = 10
    PREEMPTED = 11  # more urgent work waited
    GUARD = 12  # the next quantum would have overrun a release
    ROUND = 13  # others of its level wait, too
    LANE = 14  # a more important lane needs the core
    USER = 15  # somebody asked for it
    # causes of a missed deadline: where most of the task's time went
    QUEUED = 16
    COMPUTING = 17
    COPYING = 18
    WAITING = 19
    HELD_UP = 20  # it held a worker, and the operating system ran something else


CAUSES = (Reason.QUEUED, Reason.COMPUTING, Reason.COPYING, Reason.WAITING, Reason.HELD_UP)
