"""Decisions, read off the trace with their reasons."""

from tests.scheduler.invented import MS, Told
from toolkit.scheduler.reasons import Reason
from toolkit.scheduler.shifts import (
    WHY,
    ContextShift,
    Miss,
    Shift,
    context_shifts,
    misses,
    shifts,
)
from toolkit.scheduler.trace import NO_LEVEL


def test_priorities_contexts_and_misses_are_told_with_their_reasons():
    told = Told()
    told("CONTEXT", 1, level=NO_LEVEL, value=1, reason="USER")
    told("LEVEL", 1, 0, "chat", level="CRITICAL", value=1, reason="CONTEXT")
    told("LEVEL", 2, 7, "train", level="HIGH", value=3, reason="INHERITANCE")
    told("MISS", 3, 7, "train", worker=1, reason="COMPUTING", value=2 * MS)
    recording = told.recording()
    assert shifts(recording) == [
        Shift(1 * MS, 0, 1, 1, 0, Reason.CONTEXT),
        Shift(2 * MS, 7, 2, 3, 1, Reason.INHERITANCE),
    ]
    assert context_shifts(recording) == [ContextShift(1 * MS, 1, Reason.USER)]
    assert misses(recording) == [Miss(3 * MS, 1, 7, 2, 2 * MS, Reason.COMPUTING)]


def test_every_reason_has_its_words():
    assert set(WHY) == set(Reason) - {Reason.NONE}
