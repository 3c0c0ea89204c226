"""The virtual clock: charged by a stated cost model, and the same on every machine."""

import pytest
import torch

from toolkit.devices.emu.clock import Clock, Queue
from toolkit.devices.emu.cost import LAPTOP, SERVER, CostModel

# Round numbers, worked out by hand below: 1 GB/s is one byte a nanosecond.
COST = CostModel(
    name="round",
    launch_us=1,
    kernel_us=2,
    memory_gb_per_s=1,
    link_gb_per_s=0.5,
    pageable_gb_per_s=0.25,
    link_us=3,
)


@pytest.fixture
def clock():
    return Clock(COST)


def test_the_host_pays_for_launches_and_the_device_for_bytes(clock):
    queue = Queue()
    clock.launch(queue, 10_000)  # runs from 1 us to 11 us
    clock.launch(queue, 100)  # the floor: 2 us more
    counters = clock.counters()
    assert (counters.host_ns, counters.now_ns) == (2_000, 13_000)
    assert (counters.kernel_ns, counters.launches, counters.wait_ns) == (12_000, 2, 0)


def test_the_difference_of_two_readings_is_what_lies_between_them(clock):
    queue = Queue()
    clock.launch(queue, 10_000)
    before = clock.counters()
    clock.launch(queue, 100)
    assert clock.counters().since(before)[:2] == (2_000, 1_000)  # on the device, and on the host
    assert before.since(None) == before


def test_a_copy_that_waits_takes_the_host_to_its_end(clock):
    queue = Queue()
    clock.launch(queue, 10_000)  # until 11 us
    waited = clock.copy(queue, 500, is_pinned=True, waits=True)  # 3 us and 500 B at 0.5 B/ns
    counters = clock.counters()
    assert waited == 15_000 - 2_000
    assert (counters.host_ns, counters.now_ns) == (15_000, 15_000)
    assert counters.copy_wait_ns == 4_000  # the rest of the wait was for the kernel
    assert counters.copy_ns == 4_000


def test_memory_that_is_not_page_locked_is_slower(clock):
    clock.copy(Queue(), 500, is_pinned=False, waits=True)
    assert clock.counters().copy_ns == 3_000 + 2_000


def test_waiting_for_what_is_done_takes_nothing(clock):
    queue = Queue()
    clock.copy(queue, 500, is_pinned=True, waits=True)
    assert clock.wait(queue) == 0


def test_two_streams_overlap(clock):
    copies, kernels = Queue(), Queue()
    clock.copy(copies, 5_000, is_pinned=True, waits=False)  # from 1 us to 14 us
    clock.launch(kernels, 9_000)  # from 2 us to 11 us
    clock.wait(copies)
    clock.wait(kernels)
    assert clock.counters().now_ns == 14_000


def test_a_stream_that_waits_for_another_starts_after_it(clock):
    copies, kernels = Queue(), Queue()
    clock.copy(copies, 5_000, is_pinned=True, waits=False)
    clock.hold(kernels, copies.ready_ns)
    clock.launch(kernels, 9_000)
    assert kernels.ready_ns == 14_000 + 9_000


@pytest.mark.parametrize("name", ["memory_gb_per_s", "link_gb_per_s", "pageable_gb_per_s"])
def test_a_bandwidth_of_nothing_is_refused(name):
    with pytest.raises(ValueError, match=f"{name}=0 is no bandwidth; give one above 0"):
        CostModel(**{name: 0})


def test_a_negative_time_is_refused():
    with pytest.raises(ValueError, match="launch_us=-1 is no time; give 0 or more"):
        CostModel(launch_us=-1)


def test_prices_are_said_in_words():
    assert str(LAPTOP).startswith("laptop: link 12 GB/s (5 pageable) and 8 us")
    assert SERVER.copy_ns(10**9, is_pinned=True) < LAPTOP.copy_ns(10**9, is_pinned=True)


# -- on the device ---------------------------------------------------------------------------------


def charged(emu, work):
    before = emu.counters()
    work()
    return emu.counters().since(before)


def test_the_same_work_takes_the_same_virtual_time(emu):
    there = torch.ones(100, 100, device="emu")
    emu.synchronize()

    def work():
        (there + there).sum().item()

    assert charged(emu, work) == charged(emu, work)


def test_prices_can_be_changed(emu):
    emu.enable(COST)
    there = torch.ones(250, device="emu")
    emu.synchronize()
    host_and_wait = charged(emu, lambda: (there + there, emu.synchronize()))
    assert host_and_wait[0] == 1_000 + 3_000  # a launch, and 3 x 1000 bytes at 1 B/ns


def test_views_and_empty_tensors_are_not_launched(emu):
    there = torch.ones(4, 4, device="emu")
    assert charged(emu, lambda: (there.T[1:], torch.empty(5, device="emu")))[-1] == 0


def test_work_goes_to_the_stream_that_is_chosen(emu):
    side = emu.Stream()
    there = torch.ones(1000, device="emu")
    emu.synchronize()
    with emu.stream(side):
        assert emu.current_stream() is side
        there + 1
    assert emu.current_stream() is emu.default_stream()
    assert not side.query()
    assert emu.default_stream().query()
    side.synchronize()
    assert side.query()


def test_events_mark_points_and_measure_virtual_time(emu):
    emu.enable(COST)
    there = torch.ones(250, device="emu")
    emu.synchronize()
    begin, end = emu.Event(enable_timing=True), emu.Event(enable_timing=True)
    begin.record()
    there + there
    end.record()
    assert not end.query()
    end.synchronize()
    assert end.query()
    assert begin.elapsed_time(end) == pytest.approx((1_000 + 3_000) / 1e6)


def test_an_event_that_was_not_recorded_measures_nothing(emu):
    with pytest.raises(RuntimeError, match=r"call record\(\)"):
        emu.Event().elapsed_time(emu.Event())


def test_a_stream_waits_for_an_event_of_another(emu):
    emu.enable(COST)
    first, second = emu.Stream(), emu.Stream()
    there = torch.ones(1000, device="emu")
    emu.synchronize()
    with emu.stream(first):
        there + there
    second.wait_event(first.record_event())
    with emu.stream(second):
        there + there
    assert second.queue.ready_ns == first.queue.ready_ns + 12_000
    third = emu.Stream()
    third.wait_stream(second)
    assert third.queue.ready_ns == second.queue.ready_ns
