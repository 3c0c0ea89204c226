"""A torch.profiler of the user's own, around a session or inside of one: it goes first."""

import pytest
import torch
from torch.autograd import profiler as autograd_profiler

from toolkit import hooks
from toolkit.profiling import profile
from toolkit.profiling.allocator import AllocatorStream
from toolkit.profiling.record import GAVE_WAY

pytestmark = pytest.mark.usefixtures("each_way_of_counting")


def kineto():
    return torch.profiler.profile(
        activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True
    )


def test_a_torch_profiler_inside_a_session_works_and_the_bill_says_what_is_missing():
    with profile() as session:
        with hooks.scope("before", 0):
            torch.ones(8)
        with hooks.scope("during", 0), kineto() as theirs:
            torch.ones(8)
        with hooks.scope("after", 0):
            torch.ones(8)
    bill = session.bill()
    assert any(event.name == "aten::ones" for event in theirs.events())
    assert bill.stage("before").total.allocations == 1
    assert bill.stage("during").total.allocations == 0
    assert bill.stage("during").total.time_ns > 0
    assert bill.stage("after").total.allocations == 1
    assert any(GAVE_WAY in note for note in bill.notes)


def test_a_session_inside_a_torch_profiler_leaves_it_alone():
    with kineto() as theirs, profile() as session, hooks.scope("stage", 0):
        torch.ones(8)
    assert any(event.name == "aten::ones" for event in theirs.events())
    assert session.bill().stage("stage").total.allocations == 0
    assert any(GAVE_WAY in note for note in session.bill().notes)


def test_a_torch_profiler_after_a_session_sees_operators_again():
    with profile() as session:
        for index in range(5):
            with hooks.scope("stage", index):
                torch.ones(8)
    with kineto() as theirs:
        torch.ones(8)
    assert session.bill().stage("stage").total.allocations == 5
    assert any(event.name == "aten::ones" for event in theirs.events())


def test_torch_is_left_as_it_was():
    before = autograd_profiler._run_on_profiler_start
    with profile(), profile():
        assert autograd_profiler._run_on_profiler_start is not before
    assert autograd_profiler._run_on_profiler_start is before


def test_the_stream_does_not_start_beside_another_profiler():
    first, second = AllocatorStream(), AllocatorStream()
    assert first.start()
    assert not second.start()
    assert second.stop() == []
    first.stop()
    assert second.start()
    second.stop()
