"""On a GPU: the scenarios of the host, and what the driver alone can tell.

Set FAIL_WITHOUT_CUDA=1 on a machine with one, and they fail instead of being skipped. Blocks on
CUDA are multiples of 512 bytes. A kernel that sleeps on the device stands for queued work: waits
are compared with it by what they are, and never by how long they take.
"""

import threading

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import OverBudget, allowed, budget, profile
from toolkit.profiling.held import NO_DRIVER, NO_LINES

pytestmark = pytest.mark.needs_cuda

CLOSE = ("lines", "exact")
LEVELS = ("counts", *CLOSE)
CYCLES = 50_000_000  # of the device's clock, some 30 ms


@pytest.fixture(autouse=True)
def _warm():
    """CUDA is in use, and its libraries are loaded."""
    one = torch.ones(8, 8, device="cuda")
    (one @ one).cpu()
    torch.cuda.synchronize()


def stage_of(session, name="stage"):
    return session.bill().stage(name).total


def events_of(session, kind):
    return [event for event in session.events if event.kind == kind]


# -- counts ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", LEVELS)
def test_allocations_and_bytes_are_counted_by_stage(level):
    with profile(level=level) as session:
        with hooks.scope("one", 0):
            torch.ones(1024, device="cuda")
        with hooks.scope("three", 0):
            for _ in range(3):
                torch.ones(256, device="cuda")
    one, three = stage_of(session, "one"), stage_of(session, "three")
    assert (one.allocations, one.allocated_bytes, one.frees) == (1, 4096, 1)
    assert (three.allocations, three.allocated_bytes, three.frees) == (3, 3072, 3)


@pytest.mark.parametrize("level", LEVELS)
def test_the_peak_of_the_device_stands_apart_from_the_hosts(level):
    with profile(level=level) as session, hooks.scope("stage", 0):
        there = torch.ones(1024, device="cuda")
        here = torch.ones(256)
        del there, here
    total = stage_of(session)
    assert (total.device_peak_bytes, total.peak_bytes) == (4096, 5120)


def test_counts_cause_no_synchronisation():
    picture = torch.ones(1024, device="cuda")
    torch.cuda.set_sync_debug_mode("error")
    try:
        with profile() as session:
            for index in range(3):
                hooks.frame_begin(index)
                with hooks.scope("stage", index):
                    picture + picture
                hooks.frame_end(index)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    total = stage_of(session)
    assert (total.allocations, total.syncs, total.waits) == (3, 0, 0)


def test_work_of_two_recorded_threads_is_charged_once():
    def work():
        with hooks.using(listeners), hooks.scope("worker", 0):
            for _ in range(50):
                torch.ones(256, device="cuda")

    with profile() as session:
        listeners = hooks.table()
        threads = [threading.Thread(target=work) for _ in range(2)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert session.bill().whole.total.allocations == 100


@pytest.mark.parametrize("level", LEVELS)
def test_backward_runs_on_a_thread_of_its_own_and_is_counted(level):
    weight = torch.ones(64, 64, device="cuda", requires_grad=True)
    loss = (weight * 2).sum()
    before = torch.cuda.memory_stats()["allocation.all.allocated"]
    with profile(level=level) as session, hooks.scope("backward", 0):
        loss.backward()
    taken = torch.cuda.memory_stats()["allocation.all.allocated"] - before
    assert stage_of(session, "backward").allocations == taken > 0


# -- copies and waits -----------------------------------------------------------------------------


@pytest.mark.parametrize("level", CLOSE)
def test_uploads_and_downloads_have_direction_and_bytes(level):
    here = torch.ones(256)
    with profile(level=level, keep="all") as session, hooks.scope("stage", 0):
        there = here.to("cuda")
        there.clone()
        there.cpu()
    copies = stage_of(session).copies
    assert copies == {"h2d": [1, 1024], "d2d": [1, 1024], "d2h": [1, 1024]}
    name = " test_uploads_and_downloads_have_direction_and_bytes"
    assert all(event.source.endswith(name) for event in events_of(session, "copy"))


@pytest.mark.parametrize("level", CLOSE)
@pytest.mark.parametrize(
    ("read", "nbytes"),
    [
        (lambda one: one[0].item(), 4),
        (lambda one: one.tolist(), 32),
        (lambda one: bool(one.sum() > 3), 1),
        (lambda one: one.cpu(), 32),
    ],
)
def test_a_read_is_one_download_and_one_wait(level, read, nbytes):
    picture = torch.ones(8, device="cuda")
    with profile(level=level) as session, hooks.scope("stage", 0):
        read(picture)
    total = stage_of(session)
    assert total.copies["d2h"] == [1, nbytes]
    assert total.syncs == 1


@pytest.mark.parametrize("level", CLOSE)
def test_an_upload_of_python_values_is_seen(level):
    with profile(level=level) as session, hooks.scope("stage", 0):
        torch.tensor([1.0, 2.0, 3.0], device="cuda")
    assert stage_of(session).copies["h2d"] == [1, 12]


@pytest.mark.parametrize("level", CLOSE)
def test_a_mask_as_an_index_waits(level):
    picture = torch.ones(8, device="cuda")
    mask = picture > 0
    with profile(level=level) as session, hooks.scope("stage", 0):
        picture[mask]
    assert stage_of(session).syncs >= 1


@pytest.mark.parametrize("level", CLOSE)
def test_only_pinned_memory_lets_the_host_go_on(level):
    pageable, pinned = torch.ones(1 << 20), torch.ones(1 << 20).pin_memory()
    with profile(level=level) as session:
        with hooks.scope("pageable", 0):
            pageable.to("cuda", non_blocking=True)
        with hooks.scope("pinned", 0):
            pinned.to("cuda", non_blocking=True)
    assert stage_of(session, "pageable").syncs == 1
    assert stage_of(session, "pinned").syncs == 0


def test_a_budget_of_no_downloads_names_the_line():
    picture = torch.ones(8, device="cuda")
    with pytest.raises(OverBudget, match="test_cuda_sessions"), budget(d2h_bytes=0, syncs=0):
        picture.cpu()
    with budget(syncs=0), allowed("syncs"):
        torch.cuda.synchronize()


# -- what the driver tells ------------------------------------------------------------------------


def test_a_slow_download_is_waiting_and_copying():
    picture = torch.ones(1 << 20, device="cuda")
    with profile("exact", "all") as session:
        hooks.frame_begin(0)
        with hooks.scope("download", 0):
            torch.cuda._sleep(CYCLES)
            picture.cpu()
        hooks.frame_end(0)
    total = stage_of(session, "download")
    assert total.copies["d2h"] == [1, 4 << 20]
    assert total.syncs == 1
    assert total.wait_ns > total.copying_ns > 0
    (copy,) = events_of(session, "copy")
    (sync,) = events_of(session, "sync")
    assert 0 < copy.duration_ns < sync.duration_ns
    assert not any(note.startswith(NO_DRIVER[:20]) for note in session.bill().notes)


def test_pageable_copies_are_told_from_pinned_ones():
    pageable, pinned = torch.ones(1 << 20), torch.ones(1 << 20).pin_memory()
    with profile("exact") as session:
        with hooks.scope("pageable", 0):
            pageable.to("cuda", non_blocking=True)
        with hooks.scope("pinned", 0):
            pinned.to("cuda", non_blocking=True)
            torch.cuda.synchronize()
    assert stage_of(session, "pageable").pageable_bytes == 4 << 20
    assert stage_of(session, "pinned").pageable_bytes == 0
    assert session.bill().whole.total.copies["h2d"] == [2, 8 << 20]


def test_a_wait_that_no_operator_shows_is_on_the_bill():
    with profile("exact", "all") as session, hooks.scope("stage", 0):
        torch.cuda._sleep(CYCLES)
        torch.Stream("cuda").synchronize()  # built in, so that it cannot be wrapped
    assert [event.op for event in events_of(session, "sync")] == ["cudaStreamSynchronize"]


def test_levels_agree_on_copies_and_waits():
    def play(level):
        picture = torch.ones(64, 64, device="cuda")
        with profile(level=level) as session, hooks.scope("stage", 0):
            torch.linalg.svd(picture)
            picture.sum().item()
            picture.cpu()
        return stage_of(session)

    lines, exact = play("lines"), play("exact")
    assert exact.copies["d2h"][0] >= lines.copies["d2h"][0]
    assert exact.syncs >= lines.syncs


def test_a_torch_profiler_of_the_user_goes_first():
    activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
    with profile("exact") as session:
        with hooks.scope("before", 0):
            torch.ones(8).to("cuda")
        with torch.profiler.profile(activities=activities) as theirs:
            torch.ones(8).to("cuda")
        with hooks.scope("after", 0):
            torch.ones(8).to("cuda")
    assert any("Memcpy HtoD" in event.name for event in theirs.events())
    assert stage_of(session, "before").copies["h2d"] == [1, 32]
    assert stage_of(session, "after").copies["h2d"] == [1, 32]


def test_two_threads_at_exact_do_not_crash_and_one_says_so():
    together = threading.Barrier(2)

    def work(name):
        with hooks.using(listeners), hooks.scope(name, 0):
            together.wait()
            torch.ones(8).to("cuda")
            together.wait()

    with profile("exact") as session:
        listeners = hooks.table()
        threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert session.bill().whole.total.copies["h2d"] == [2, 64]
    assert any(note.startswith(NO_DRIVER[:20]) for note in session.bill().notes)


# -- memory that no stream shows ------------------------------------------------------------------


def test_memory_of_a_thread_that_is_not_recorded_has_its_line():
    def mine():
        return torch.ones(1 << 20, device="cuda")

    with profile("exact") as session, hooks.scope("stage", 0):
        thread = threading.Thread(target=mine)
        thread.start()
        thread.join()
    assert stage_of(session).allocated_bytes >= 4 << 20
    found = [row for row in session.lines() if row.source.endswith(" mine")]
    assert sum(row.counts.allocated_bytes for row in found) == 4 << 20


def test_the_ring_is_given_back():
    with profile("exact"):
        assert torch._C._cuda_isHistoryEnabled()
    assert not torch._C._cuda_isHistoryEnabled()


def test_a_ring_of_the_user_is_left_alone():
    torch.cuda.memory._record_memory_history(max_entries=100)
    try:
        with profile("exact") as session:
            torch.ones(8, device="cuda")
        assert torch._C._cuda_isHistoryEnabled()
        assert any(note.startswith(NO_LINES[:20]) for note in session.bill().notes)
    finally:
        torch.cuda.memory._record_memory_history(None)


@pytest.mark.parametrize("level", CLOSE)
def test_every_byte_of_a_matrix_product_has_a_line(level):
    picture = torch.ones(512, 512, device="cuda")
    with profile(level=level) as session, hooks.scope("stage", 0):
        picture @ picture
    assert session.lines().unattributed_bytes == 0
    assert session.lines().allocated_bytes == stage_of(session).allocated_bytes
