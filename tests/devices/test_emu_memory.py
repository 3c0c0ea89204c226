"""Memory of the emulated device: its statistics, its capacity, and that all of it comes back."""

import gc

import pytest
import torch

from toolkit.devices.emu.memory import Memory


def test_what_is_allocated_is_counted_and_given_back(emu):
    before = emu.memory_allocated()
    there = torch.ones(256, device="emu")
    assert emu.memory_allocated() - before == 1024
    del there
    assert emu.memory_allocated() == before


def test_a_view_keeps_its_block(emu):
    before = emu.memory_allocated()
    there = torch.ones(256, device="emu")
    part = there[:2]
    del there
    assert emu.memory_allocated() - before == 1024
    del part
    assert emu.memory_allocated() == before


def test_writing_in_place_allocates_nothing(emu):
    there = torch.ones(256, device="emu")
    before = emu.memory_stats()["allocation.all.allocated"]
    there.mul_(2).add_(1)
    torch.add(there, there, out=there)
    assert emu.memory_stats()["allocation.all.allocated"] == before


def test_the_peak_is_the_most_at_once(emu):
    there = torch.ones(256, device="emu")
    emu.reset_peak_memory_stats()
    base = emu.max_memory_allocated()
    for _ in range(3):
        there + 1
    assert emu.max_memory_allocated() - base == 1024


def test_gradients_and_graphs_give_all_back(emu):
    gc.collect()
    before = emu.memory_allocated()
    weights = torch.ones(16, 16, device="emu", requires_grad=True)
    (weights @ weights).sum().backward()
    del weights
    gc.collect()
    assert emu.memory_allocated() == before


def test_memory_that_is_resized_is_counted_anew(emu):
    before = emu.memory_allocated()
    there = torch.empty(4, device="emu")
    there.resize_(1000)
    assert emu.memory_allocated() - before == 4000
    del there
    assert emu.memory_allocated() == before


def test_what_does_not_fit_is_an_error_as_on_cuda(emu):
    gc.collect()
    emu.enable(capacity_bytes=emu.memory_allocated() + 1 << 20)
    room = torch.zeros(1000, device="emu")
    refused = emu.memory_stats()["num_ooms"]
    with pytest.raises(torch.OutOfMemoryError, match=r"Tried to allocate .* MiB.*total capacity"):
        torch.zeros(1 << 30, dtype=torch.uint8, device="emu")
    assert emu.memory_stats()["num_ooms"] == refused + 1
    assert room.sum().item() == 0


def test_a_result_that_did_not_fit_leaves_nothing_behind(emu):
    there = torch.ones(1 << 20, device="emu")
    before = emu.memory_allocated()
    emu.enable(capacity_bytes=before + 100)
    with pytest.raises(torch.OutOfMemoryError):
        there + 1
    assert emu.memory_allocated() == before


def test_a_capacity_below_zero_is_refused(emu):
    with pytest.raises(ValueError, match="capacity_bytes=-1 is no size"):
        emu.enable(capacity_bytes=-1)


def test_page_locked_memory_is_forgotten_with_its_last_tensor(emu):
    from toolkit.devices.emu import pinned

    before = dict(pinned._blocks)
    memory = torch.zeros(4, 6).pin_memory()
    part = memory[1]
    assert part.is_pinned()
    assert memory.pin_memory() is memory
    del memory, part
    gc.collect()
    assert pinned._blocks == before


def test_blocks_are_told_apart_by_their_storage():
    memory = Memory(capacity_bytes=100)
    one = torch.empty(10)
    key = memory.hold(one)
    assert memory.hold(one[2:]) == key
    assert (memory.allocated_bytes, memory.statistics()["allocation.all.current"]) == (40, 1)
    with pytest.raises(torch.OutOfMemoryError):
        memory.hold(torch.empty(100))
    memory.let_go(key)
    memory.let_go(key)
    assert memory.allocated_bytes == 0
