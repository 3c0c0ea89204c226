"""Does a session stay small however long it runs? What a hundred thousand frames leave."""

import gc
import sys
import types

from toolkit.profiling import Session
from toolkit.profiling.counting import Counts, OperatorCounts
from toolkit.profiling.ledger import Ledger
from toolkit.profiling.levels import Plan
from toolkit.profiling.looks import LOOKED
from toolkit.profiling.segments import Segment
from toolkit.profiling.session import HISTORY

FRAMES = 100_000
LARGEST = 100_000_000  # bytes
_NOT_DATA = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType)


def held_bytes(*roots):
    """Bytes of everything that can be reached from the roots."""
    seen = {}
    left = list(roots)
    while left:
        one = left.pop()
        if id(one) not in seen and not isinstance(one, _NOT_DATA):
            seen[id(one)] = sys.getsizeof(one)
            left += gc.get_referents(one)
    return sum(seen.values())


def segment(stage, frame):
    """Work that differs from frame to frame in every number."""
    nbytes = 4096 + frame * 13 % 9973
    operators = {"aten::add": OperatorCounts(1, 1000 + frame % 977, 1, nbytes)}
    return Segment(
        stage=stage,
        pipeline="demo",
        frame=frame,
        thread=1,
        start_ns=frame * 33_000_000,
        duration_ns=1000 + frame * 7919 % 9_999_991,
        own_ns=10,
        is_entry=True,
        counts=Counts(allocations=1 + frame % 7, allocated_bytes=nbytes, operators=operators),
        peak_bytes=nbytes,
        page_faults=frame % 5,
        copies_are=LOOKED,
    )


def test_a_hundred_thousand_frames_are_folded_into_a_few_megabytes():
    session = Session("counts", "fold")
    ledger = Ledger(session, Plan("counts"))
    early = 0
    for frame in range(FRAMES):
        ledger.begin_frame(frame)
        ledger.add_segment(segment("edges", frame))
        ledger.end_frame(frame, frame)
        if frame == FRAMES // 10:
            early = held_bytes(session, ledger)
    late = held_bytes(session, ledger)
    assert session.frame_count == session.bill().frames == FRAMES
    assert session.bill().stage("edges").calls == FRAMES
    assert len(session.frames) == HISTORY
    assert late < LARGEST
    assert 100_000 < late < 1.1 * early
