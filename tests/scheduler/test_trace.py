"""Three words an event, in a ring: what is read is what was noted, and what was lost is counted."""

import pytest

from toolkit.scheduler.levels import NEVER
from toolkit.scheduler.trace import NBYTES, NO_LEVEL, NO_WORKER, Record, Trace, records


def test_an_event_is_read_as_it_was_noted():
    trace = Trace(4)
    trace.note(5, 2, 3, 4, 254, 20, 2**32 - 1, -NEVER)
    trace.note(6, 13, value=NEVER)
    delta = trace.since()
    assert (delta.cursor, delta.lost, len(delta.data)) == (2, 0, 2 * NBYTES)
    assert records(delta.data) == [
        Record(5, 2, 3, 4, 254, 20, 2**32 - 1, -NEVER),
        Record(6, 13, NO_WORKER, NO_LEVEL, 0, 0, 0, NEVER),
    ]


def test_the_words_stand_where_the_page_looks_for_them():
    trace = Trace(1)
    trace.note(1, 15, 255, 7, 255, 255, 7, 9)
    t_ns, head, value = memoryview(trace.since().data).cast("q")
    assert (t_ns, value) == (1, 9)
    assert head == 15 << 59 | 255 << 51 | 7 << 48 | 255 << 40 | 255 << 32 | 7


def test_a_reader_takes_what_came_since_and_is_told_what_it_lost():
    trace = Trace(4)
    for number in range(3):
        trace.note(number, 1)
    cursor = trace.since().cursor
    assert trace.since(cursor).data == b""
    for number in range(3, 9):
        trace.note(number, 1)
    delta = trace.since(cursor)
    assert (delta.cursor, delta.lost) == (9, 2)
    assert [event.t_ns for event in records(delta.data)] == [5, 6, 7, 8]


def test_slots_are_a_power_of_two():
    assert Trace(8).slots == 8
    with pytest.raises(ValueError, match=r"slots=6 is no power of two; take 8\."):
        Trace(6)
