"""What crosses the link is on the bill: once, with its bytes, its direction and its line."""

import re
from collections import Counter

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import allowed, budget, profile
from toolkit.profiling.overrun import OverBudget
from toolkit.profiling.reporters.text import plain

LEVELS = ("counts", "lines", "exact")
COUNT = 8  # a mask's number of true values comes down as an int64


def crossings(work, level="counts"):
    """Of a second run: copies by direction and bytes, and how many waits."""
    work()
    with profile(level, keep="all") as session:
        work()
    copies = [
        (one.direction, one.nbytes)
        for one in session.events
        if one.kind == "copy" and one.direction != "h2h"
    ]
    return Counter(copies), sum(one.kind == "sync" for one in session.events)


@pytest.fixture
def there(emu):
    return torch.arange(12.0).view(3, 4).to("emu")


def ctc_loss(one):
    """Of two sequences, with one step and one letter each."""
    ones = torch.ones(2, dtype=torch.long, device="emu")
    return torch.ops.aten._ctc_loss.Tensor(one.view(3, 2, 2), ones, ones, ones)


def gradient_of_ctc_loss(one):
    ones = torch.ones(2, dtype=torch.long, device="emu")
    values = one.view(3, 2, 2)
    loss, alpha = torch.ops.aten._ctc_loss.Tensor(values, ones, ones, ones)
    return torch.ops.aten._ctc_loss_backward.Tensor(loss, values, ones, ones, ones, loss, alpha, 0)


HERE = torch.ones(3, 4)
PINNED_SIZE = 48
SCENES = {
    "an upload": (lambda one: HERE.to("emu"), {("h2d", 48): 1}, 1),
    "a download": (lambda one: one.cpu(), {("d2h", 48): 1}, 1),
    "a download that converts": (lambda one: one.to("cpu", torch.uint8), {("d2h", 12): 1}, 1),
    "an upload that converts": (lambda one: HERE.to("emu", torch.float64), {("h2d", 96): 1}, 1),
    "a copy into": (lambda one: one.copy_(HERE), {("h2d", 48): 1}, 1),
    "a copy out of": (lambda one: torch.empty(3, 4).copy_(one), {("d2h", 48): 1}, 1),
    "a copy on the device": (lambda one: one.clone(), {("d2d", 48): 1}, 0),
    "contiguous": (lambda one: one.T.contiguous(), {("d2d", 48): 1}, 0),
    "item": (lambda one: one[0, 0].item(), {("d2h", 4): 1}, 1),
    "float": (lambda one: float(one.sum()), {("d2h", 4): 1}, 1),
    "a truth value": (lambda one: bool(one.any()), {("d2h", 1): 1}, 1),
    "tolist": (lambda one: one.tolist(), {("d2h", 48): 1}, 1),
    "printing": (lambda one: repr(one), {("d2h", 48): 1}, 1),
    "a tensor of values": (lambda one: torch.tensor([1.0, 2.0], device="emu"), {("h2d", 8): 1}, 1),
    "new_tensor": (lambda one: one.new_tensor([1.0, 2.0]), {("h2d", 8): 1}, 1),
    "a mask as index": (lambda one: one[one > 3], {("d2h", COUNT): 1}, 1),
    "nonzero": (lambda one: one.nonzero(), {("d2h", COUNT): 1}, 1),
    "masked_select": (lambda one: one.masked_select(one > 3), {("d2h", COUNT): 1}, 1),
    "a number put by a mask": (lambda one: one.__setitem__(one > 30, 1.0), {}, 0),
    "a list as index": (lambda one: one[[0, 2]], {("h2d", 16): 1}, 1),
    "an index on the host": (lambda one: one[torch.tensor([0, 2])], {("h2d", 16): 1}, 1),
    "unique": (lambda one: one.unique(), {("d2h", COUNT): 1}, 1),
    "equal": (lambda one: torch.equal(one, one), {("d2h", 1): 1}, 1),
    "allclose": (lambda one: torch.allclose(one, one), {("d2h", 1): 1}, 1),
    "a choice between numbers": (lambda one: torch.where(one > 3, 1.5, 1.0), {}, 0),
    "a choice with a number on the host": (
        lambda one: torch.where(one > 3, one, torch.tensor(0.5, dtype=torch.float64)),
        {("h2d", 4): 1},
        1,
    ),
    "a decomposition that checks": (
        lambda one: torch.linalg.svd(one),
        {("d2h", 1): 1},
        1,
    ),
    "least squares": (lambda one: torch.linalg.lstsq(one, one), {("d2h", 1): 1}, 1),
    "a CTC loss, of two lengths each": (ctc_loss, {("d2h", 2 * COUNT): 2}, 2),
    "its gradient, which reads them again": (gradient_of_ctc_loss, {("d2h", 2 * COUNT): 4}, 4),
    "arithmetic": (lambda one: (one * 2 + 1).clamp(0, 5).sum(), {}, 0),
    "views": (lambda one: one.T[1:].reshape(-1).unsqueeze(0), {("d2d", 36): 1}, 0),
    "a number on the host": (lambda one: one * torch.tensor(2.0), {}, 0),
    "synchronize": (lambda one: torch.emu.synchronize(), {}, 1),
}


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", SCENES)
def test_each_crossing_is_on_the_bill_once(there, name, level):
    work, copies, syncs = SCENES[name]
    assert crossings(lambda: work(there), level) == (Counter(copies), syncs)


def test_a_copy_from_page_locked_memory_need_not_wait(there):
    pinned = HERE.pin_memory()
    assert pinned.is_pinned()
    assert not HERE.is_pinned()
    assert crossings(lambda: there.copy_(pinned, non_blocking=True)) == ({("h2d", 48): 1}, 0)
    assert crossings(lambda: pinned.to("emu", non_blocking=True)) == ({("h2d", 48): 1}, 0)


def test_a_copy_that_shall_not_block_waits_all_the_same_for_pageable_memory(there):
    assert crossings(lambda: there.copy_(HERE, non_blocking=True)) == ({("h2d", 48): 1}, 1)


def test_a_download_that_need_not_block_comes_to_page_locked_memory(there):
    assert crossings(lambda: there.to("cpu", non_blocking=True)) == ({("d2h", 48): 1}, 0)
    assert there.to("cpu", non_blocking=True).is_pinned()


@pytest.mark.parametrize("level", LEVELS[1:])
def test_crossings_have_the_line_that_asked_for_them(there, level):
    with profile(level, keep="all") as session:
        there.sum().item()
    events = [one for one in session.events if one.kind in ("copy", "sync")]
    assert {one.source.partition(":")[0].rpartition("/")[2] for one in events} == {
        "test_emu_bill.py"
    }
    (row,) = [one for one in session.lines() if one.counts.syncs]
    assert (row.counts.copies, row.counts.copied_bytes, row.counts.syncs) == (1, 4, 1)


@pytest.mark.parametrize("level", LEVELS)
def test_memory_of_the_device_is_not_the_host_s(there, level):
    with profile(level, keep="all") as session:
        there + there
        HERE + HERE
    allocations = [(one.device, one.nbytes) for one in session.events if one.kind == "alloc"]
    assert allocations == [("emu:0", 48), ("cpu", 48)]
    frees = [one.device for one in session.events if one.kind == "free"]
    assert sorted(frees) == ["cpu", "emu:0"]
    total = session.bill().whole.total
    assert (total.device_allocations, total.device_allocated_bytes) == (1, 48)


def test_gradients_are_computed_in_memory_of_the_device_too(there):
    weights = torch.ones(4, 4, device="emu", requires_grad=True)

    def work():
        weights.grad = None
        (there @ weights).sum().backward()

    work()
    with profile() as session:
        work()
    total = session.bill().whole.total
    assert total.allocations == total.device_allocations > 0
    assert total.copies == {}


def test_the_bill_says_what_a_frame_would_take(there):
    with profile() as session:
        there.cpu()
    total = session.bill().whole.total
    assert total.virtual_ns == 6000 + 8000 + round(48 / 5)
    assert total.virtual_copy_wait_ns == 8000 + round(48 / 5)
    assert total.launches == 0
    said = " ".join(str(session.bill()).split())
    assert "On this link a frame would take 0.014 ms on average, 0.008 of them waiting" in said
    assert "(laptop: link 12 GB/s (5 pageable)" in said


def test_launches_and_virtual_time_belong_to_their_stage(there):
    from toolkit import hooks

    with profile() as session:
        with hooks.scope("first", 0):
            there + 1
        with hooks.scope("second", 0):
            there.cpu()
    bill = session.bill()
    assert bill.stage("first").total.launches == 1
    assert bill.stage("second").total.launches == 0
    assert bill.stage("second").total.virtual_wait_ns > 0


def test_a_budget_names_the_line_that_waits(there):
    with (
        pytest.raises(OverBudget, match=r"d2h_bytes 4 B, limit 0 B[\s\S]*test_emu_bill\.py"),
        budget(d2h_bytes=0, syncs=0),
    ):
        there.max().item()
    with budget(d2h_bytes=0, syncs=0), allowed("syncs", "d2h_bytes"):
        there.max().item()


def test_waits_are_shown_with_the_time_that_they_took_real_or_virtual(there, tmp_path):
    with profile() as session:
        with hooks.scope("down", 0):
            there.cpu()  # 8 us of latency, and 48 bytes
        with hooks.scope("queue", 0):
            hooks.report("wait", duration_ns=2_000_000, op="queue")
    text = plain(session.bill(), 200)
    assert re.search(r"down .* 1 · 0\.008 virtual ms", text)
    assert re.search(r"queue .* 1 · 2\.00 ms", text)
    assert re.search(r"whole frame .* 2 · 2\.00 ms \+ 0\.008 virtual ms", text)
    page = session.export_html(tmp_path / "page.html").read_text(encoding="utf-8")
    assert "virtual wait ms" in page


def test_a_session_that_is_saved_keeps_virtual_time(there, tmp_path):
    from toolkit.profiling import Session

    with profile() as session:
        there.cpu()
    session.save(tmp_path / "session.json")
    loaded = Session.load(tmp_path / "session.json")
    assert loaded.bill().whole.total.virtual_ns == session.bill().whole.total.virtual_ns
    assert loaded.machine["emu"] == str(torch.emu.cost())


@pytest.mark.parametrize("level", LEVELS)
def test_the_peak_of_the_device_stands_apart(emu, level):
    with profile(level) as session:
        there, here = torch.ones(1024, device="emu"), torch.ones(256)
        del there, here
        torch.ones(512, device="emu")
    total = session.bill().whole.total
    assert (total.peak_bytes, total.device_peak_bytes) == (5120, 4096)
