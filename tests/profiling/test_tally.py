"""Sums that add, and distributions of bounded size."""

import random
import statistics

import pytest

from toolkit.hooks import Event
from toolkit.profiling.tally import Distribution, Tally


def test_every_kind_of_event_has_its_place():
    tally = Tally()
    for event in (
        Event("alloc", 10),
        Event("free", 4),
        Event("copy", 8, direction="h2d"),
        Event("copy", 0, direction="h2h"),
        Event("convert", 6),
        Event("sync", duration_ns=5),
        Event("wait", duration_ns=7, off_cpu_ns=6),
        Event("io", 100, duration_ns=9, off_cpu_ns=2),
        Event("serialize", 50, duration_ns=4, off_cpu_ns=1),
        Event("gc", duration_ns=3),
        Event("drop"),
    ):
        tally.add_event(event)
    assert tally.to_dict() == {
        "allocations": 1,
        "allocated_bytes": 10,
        "frees": 1,
        "freed_bytes": 4,
        "unsized_copies": 1,
        "converts": 1,
        "converted_bytes": 6,
        "syncs": 1,
        "waits": 1,
        "wait_ns": 12,
        "io": 1,
        "io_bytes": 100,
        "io_ns": 9,
        "serialized": 1,
        "serialized_bytes": 50,
        "serialize_ns": 4,
        "gc_pauses": 1,
        "gc_ns": 3,
        "named_off_cpu_ns": 8,
        "drops": 1,
        "copies": {"h2d": [1, 8], "h2h": [1, 0]},
    }


def test_adding_sums_all_but_the_peaks():
    apart = ("copies", "peak_bytes", "device_peak_bytes")
    names = [name for name in Tally.__slots__ if name not in apart]
    ones = Tally(
        **dict.fromkeys(names, 1), peak_bytes=5, device_peak_bytes=4, copies={"h2h": [1, 2]}
    )
    total = Tally(peak_bytes=3, device_peak_bytes=9)
    total.add(ones)
    total.add(ones)
    assert [getattr(total, name) for name in names] == [2] * len(names)
    assert (total.peak_bytes, total.device_peak_bytes) == (5, 9)
    assert total.copies == {"h2h": [2, 4]}
    assert ones.copies == {"h2h": [1, 2]}


def test_a_tally_goes_to_plain_values_and_back():
    tally = Tally(calls=2, time_ns=5, copies={"d2h": [1, 9]})
    assert Tally.from_dict(tally.to_dict()) == tally


def test_a_median_of_few_values_is_exact():
    distribution = Distribution()
    for value in (3.0, 1.0, 2.0, 10.0):
        distribution.add(value)
    assert distribution.median() == 2.5
    assert distribution.quantile(0.95) == 10.0
    assert Distribution().median() == 0


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e9])
def test_a_median_of_many_values_is_within_a_percent(scale):
    values = [random.lognormvariate(0, 1) * scale for _ in range(20_000)]
    distribution = Distribution()
    for value in values:
        distribution.add(value)
    assert distribution.median() == pytest.approx(statistics.median(values), rel=0.015)
    assert len(distribution) == 20_000
    assert len(distribution.buckets) < 1000


def test_zeros_stay_zero_when_folded():
    distribution = Distribution()
    for _ in range(5000):
        distribution.add(0)
    assert distribution.median() == 0
    assert Distribution.from_dict(distribution.to_dict()) == distribution
