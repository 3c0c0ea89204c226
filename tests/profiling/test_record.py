"""The recorder: segments, nested scopes, live bytes, reported copies."""

import mmap
import threading

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import profile
from toolkit.profiling.allocator import AllocatorStream, StreamMissingError

pytestmark = pytest.mark.usefixtures("each_way_of_counting")


def test_an_inner_scope_suspends_the_outer_one():
    with profile() as session, hooks.scope("outer", 0):
        torch.ones(10)
        with hooks.scope("inner", 0):
            torch.ones(100)
        torch.ones(1)
    bill = session.bill()
    assert bill.stage("outer").total.allocated_bytes == 44
    assert bill.stage("inner").total.allocated_bytes == 400
    assert (bill.stage("outer").calls, bill.stage("inner").calls) == (1, 1)


def test_the_peak_is_what_lives_at_once_and_the_total_is_all():
    with profile() as session, hooks.scope("stage", 0):
        for _ in range(3):
            torch.ones(1000)
    total = session.bill().stage("stage").total
    assert (total.allocated_bytes, total.peak_bytes, total.frees) == (12_000, 4000, 3)


def test_the_peak_of_an_outer_scope_holds_what_the_inner_one_left_alive():
    with profile() as session, hooks.scope("outer", 0):
        first = torch.ones(1000)
        with hooks.scope("inner", 0):
            second = torch.ones(500)
        third = torch.ones(100)
    del first, second, third
    bill = session.bill()
    assert bill.stage("inner").total.peak_bytes == 2000
    assert bill.stage("outer").total.peak_bytes == 6400


def test_time_is_charged_once():
    with profile() as session:
        hooks.frame_begin(0)
        with hooks.scope("outer", 0), hooks.scope("inner", 0):
            torch.ones(100_000).sort()
        hooks.frame_end(0)
    bill = session.bill()
    assert sum(one.total.time_ns for one in bill.stages) == bill.whole.total.time_ns
    assert sum(one.share for one in bill.stages) == pytest.approx(1)
    inner, outer = (bill.stage(name).total for name in ("inner", "outer"))
    assert inner.time_ns - inner.off_cpu_ns > outer.time_ns - outer.off_cpu_ns


def test_a_copy_that_the_toolkit_reports_is_counted_once():
    source, target = torch.ones(256), torch.zeros(256)
    with profile(keep="all") as session, hooks.scope("upload", 0):
        with hooks.timed("copy", 1024, direction="h2h", op="ring"):
            target.copy_(source)
        target.copy_(source)
    total = session.bill().stage("upload").total
    assert total.copies["h2h"] == [2, 1024]
    assert total.unsized_copies == 1
    assert [event.op for event in session.events if event.kind == "copy"] == ["ring", "aten::copy_"]


def test_copies_inside_torch_have_their_size_where_the_result_is_new():
    picture = torch.ones(2, 3)
    with profile() as session:
        with hooks.scope("clone", 0):
            picture.clone()
        with hooks.scope("contiguous", 0):
            picture.t().contiguous()
        with hooks.scope("to", 0):
            picture.to(torch.float64)
        with hooks.scope("repeat", 0):
            picture.repeat(2, 1)
    bill = session.bill()
    sizes = [
        bill.stage(name).total.copies["h2h"] for name in ("clone", "contiguous", "to", "repeat")
    ]
    assert sizes == [[1, 24], [1, 24], [1, 48], [1, 48]]


def test_copies_are_known_on_frames_that_were_not_looked_at():
    picture = torch.ones(256)
    with profile() as session:
        for index in range(200):
            hooks.frame_begin(index)
            with hooks.scope("copy", index):
                picture.clone()
            hooks.frame_end(index)
    assert session.bill().stage("copy").copies["h2h"] == {"count": 200, "bytes": 200 * 1024}
    assert session.looks["looked at"] < session.looks["recalled"] / 10


def test_a_stage_that_allocates_anew_is_looked_at_again():
    picture = torch.ones(256)
    with profile() as session:
        for index in range(40):
            with hooks.scope("stage", index):
                picture.clone() if index < 20 else picture[:100].clone()
    copies = session.bill().stage("stage").copies["h2h"]
    assert copies["count"] == 40
    assert session.looks["guessed"] == 1


def test_a_user_s_own_record_function_does_no_harm():
    with profile() as session, torch.profiler.record_function("mine"), hooks.scope("stage", 0):
        torch.ones(8)
    assert session.bill().stage("stage").total.allocations == 1


def test_what_lies_between_frames_is_paid_by_the_next_one():
    with profile() as session:
        for index in range(3):
            with hooks.scope("decode"):
                torch.ones(256)
            hooks.frame_begin(index)
            hooks.frame_end(index)
    assert [frame.stages["", "decode"].allocations for frame in session.frames] == [1, 1, 1]


def test_a_single_block_that_another_thread_takes_for_this_one_is_counted():
    def elsewhere(values: torch.Tensor) -> torch.Tensor:
        return torch.jit.wait(torch.jit.fork(torch.relu, values))

    forked, values = torch.jit.script(elsewhere), torch.ones(1000)
    with profile() as session:
        for index in range(3):  # the first two are looked at operator by operator
            with hooks.scope("stage", index):
                forked(values)
    total = session.bill().stage("stage").total
    assert (total.allocations, total.allocated_bytes) == (3, 12_000)


class Scoped(torch.autograd.Function):
    """Enters a scope when its gradient is computed."""

    @staticmethod
    def forward(ctx, values):
        return values.clone()

    @staticmethod
    def backward(ctx, gradient):
        with hooks.scope("inner", 0):
            torch.ones(1000)
        return gradient


def test_a_scope_inside_of_a_backward_pass_disturbs_no_later_session():
    counted = []

    def work():
        values = torch.ones(2, requires_grad=True)
        with profile() as first, hooks.scope("train", 0):
            Scoped.apply(values).sum().backward()
        with profile() as second:
            torch.ones(8).clone()
        counted.append([stage.name for stage in first.bill().stages if stage.calls])
        counted.append(second.bill().whole.copies["h2h"])

    thread = threading.Thread(target=work)  # what is left behind would stay with its thread
    thread.start()
    thread.join()
    assert counted == [["train"], {"count": 1, "bytes": 32}]


def test_page_faults_are_on_the_bill():
    resource = pytest.importorskip("resource")
    with profile() as session, hooks.scope("fresh", 0):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        fresh = mmap.mmap(-1, 40_000_000)  # no allocator keeps these pages
        fresh[::4096] = bytes(len(range(0, 40_000_000, 4096)))
        faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before
    assert session.bill().stage("fresh").total.page_faults >= faults > 0


def test_a_torch_without_the_stream_is_told_apart(monkeypatch):
    monkeypatch.delattr(torch._C._autograd, "_enable_profiler_legacy")
    with pytest.raises(StreamMissingError, match=r"tested are torch 2.6 to 2.13"):
        AllocatorStream()


@pytest.mark.needs_cuda
def test_allocations_on_a_cuda_device_are_counted():
    torch.ones(1, device="cuda")
    with profile(keep="all") as session, hooks.scope("stage", 0):
        torch.ones(1_000_000, device="cuda")
    events = [event for event in session.events if event.kind == "alloc"]
    assert [event.device for event in events] == ["cuda"]
    assert session.bill().stage("stage").total.allocations == 1
