"""Waiting told apart from copying, on traces made by hand. Times are nanoseconds, kept small."""

import pytest

from toolkit.profiling.driver_trace import DriverTrace, HostCall, Transfer
from toolkit.profiling.told_apart import tell_apart

STRETCH = (0, 10_000)


def call(name, begin, end, number=0):
    return HostCall(name, begin, end, 1, number)


def transfer(direction, begin, end, number=0, *, pageable=True, nbytes=64):
    sides = {"h2d": ("HtoD", "{} -> Device"), "d2h": ("DtoH", "Device -> {}")}
    sides["d2d"] = ("DtoD", "Device -> Device")
    kind, path = sides[direction]
    name = f"Memcpy {kind} ({path.format('Pageable' if pageable else 'Pinned')})"
    return Transfer(name, direction, nbytes, pageable, begin, end, "cuda:0", number)


def trace(*parts):
    calls = tuple(one for one in parts if isinstance(one, HostCall))
    return DriverTrace(calls, tuple(one for one in parts if isinstance(one, Transfer)))


def test_a_blocking_download_splits_into_queued_kernels_and_the_copy():
    driver = trace(
        call("cudaMemcpyAsync", 100, 1100, 1),
        transfer("d2h", 900, 1090, 1),
        call("cudaStreamSynchronize", 1110, 1120),
    )
    apart = tell_apart(
        driver,
        STRETCH,
        [("@1", "aten::_to_copy", "cuda:0", 50, 1200)],
        copies=[(50, 1250)],
    )
    assert apart.syncs == [("@1", "aten::_to_copy", "cuda:0", 50, 810 + 10)]
    assert apart.copying_ns == 190
    assert apart.unseen == []
    assert apart.copies == list(driver.transfers)


def test_with_pinned_memory_the_call_that_waits_is_the_synchronisation():
    driver = trace(
        call("cudaMemcpyAsync", 100, 110, 1),
        transfer("d2h", 500, 700, 1, pageable=False),
        call("cudaStreamSynchronize", 115, 715),
    )
    apart = tell_apart(driver, STRETCH, [("", "op", "cuda:0", 90, 700)], copies=[(90, 790)])
    assert [one[4] for one in apart.syncs] == [400]
    assert apart.copying_ns == 200
    assert apart.pageable_copies == 0


def test_a_copy_from_pageable_memory_waits_though_it_was_asked_not_to():
    driver = trace(call("cudaMemcpyAsync", 100, 400, 1), transfer("h2d", 250, 390, 1))
    apart = tell_apart(driver, STRETCH, [("", "op", "cuda:0", 90, 330)], copies=[(90, 420)])
    assert [one[4] for one in apart.syncs] == [160]
    assert (apart.copying_ns, apart.pageable_copies, apart.pageable_bytes) == (140, 1, 64)


def test_a_small_one_that_returned_before_the_device_began_waited_for_nothing():
    driver = trace(call("cudaMemcpyAsync", 100, 105, 1), transfer("h2d", 250, 260, 1))
    apart = tell_apart(driver, STRETCH, [("", "op", "cuda:0", 90, 30)], copies=[(90, 120)])
    assert [one[4] for one in apart.syncs] == [0]
    assert apart.copying_ns == 0


def test_a_copy_from_pinned_memory_that_does_not_block_is_no_wait():
    driver = trace(
        call("cudaMemcpyAsync", 100, 400, 1), transfer("h2d", 150, 390, 1, pageable=False)
    )
    apart = tell_apart(driver, STRETCH, copies=[(90, 420)])
    assert (apart.syncs, apart.copying_ns) == ([], 0)


def test_an_explicit_synchronisation_that_waits_for_a_copy_was_copying_meanwhile():
    driver = trace(
        call("cudaMemcpyAsync", 100, 105, 1),
        transfer("d2h", 300, 700, 1, pageable=False),
        call("cudaDeviceSynchronize", 200, 900),
    )
    explicit = ("@2", "torch.cuda.synchronize", "cuda", 195, 710)
    apart = tell_apart(driver, STRETCH, [explicit], copies=[(90, 120)])
    assert apart.syncs == [(*explicit[:4], 300)]
    assert apart.copying_ns == 400


def test_copies_that_overlap_are_time_once():
    driver = trace(
        call("cudaMemcpyAsync", 10, 12, 1),
        call("cudaMemcpyAsync", 12, 14, 2),
        transfer("h2d", 100, 300, 1, pageable=False),
        transfer("d2h", 200, 400, 2, pageable=False),
        call("cudaStreamSynchronize", 50, 500),
    )
    assert tell_apart(driver, STRETCH).copying_ns == 300


def test_a_wait_inside_a_library_is_added_with_the_line_of_the_call():
    driver = trace(call("cudaStreamSynchronize", 500, 900))
    apart = tell_apart(driver, STRETCH, calls=[(100, 950, "@outer"), (400, 940, "@inner")])
    assert apart.syncs == [("@inner", "cudaStreamSynchronize", "cuda", 500, 400)]


def test_outside_of_any_call_it_has_no_line():
    driver = trace(call("cudaEventSynchronize", 500, 900))
    apart = tell_apart(driver, STRETCH, calls=[(100, 450, "@before")])
    assert apart.syncs == [("", "cudaEventSynchronize", "cuda", 500, 400)]


def test_a_copy_inside_a_kernel_is_added_with_the_drivers_name():
    driver = trace(call("cudaMemcpyAsync", 500, 520, 3), transfer("d2h", 515, 518, 3, nbytes=4))
    apart = tell_apart(driver, STRETCH, calls=[(400, 600, "@svd")])
    ((mark, found),) = apart.unseen
    assert (mark, found.name) == ("@svd", "Memcpy DtoH (Device -> Pageable)")
    assert [one[1] for one in apart.syncs] == ["cudaMemcpyAsync"]


def test_what_a_layer_reported_by_itself_is_not_counted_again():
    driver = trace(
        call("cudaMemcpyAsync", 500, 520, 3),
        transfer("h2d", 515, 518, 3),
        call("cudaEventSynchronize", 600, 700),
    )
    apart = tell_apart(driver, STRETCH, told=[(490, 530), (590, 710)])
    assert (apart.syncs, apart.unseen) == ([], [])
    assert apart.pageable_copies == 1


def test_copies_on_the_device_are_left_to_the_operators():
    driver = trace(call("cudaMemcpyAsync", 500, 520, 3), transfer("d2d", 515, 518, 3))
    apart = tell_apart(driver, STRETCH)
    assert (apart.syncs, apart.unseen, apart.copies) == ([], [], [])


@pytest.mark.parametrize("stretch", [(0, 500), (600, 1000)])
def test_calls_outside_of_the_stretch_are_somebody_elses(stretch):
    driver = trace(call("cudaStreamSynchronize", 500, 600))
    assert tell_apart(driver, stretch).syncs == []


def test_a_wait_that_the_driver_did_not_see_keeps_its_time():
    known = ("", "aten::equal", "cuda:0", 100, 300)
    assert tell_apart(DriverTrace(), STRETCH, [known]).syncs == [known]
