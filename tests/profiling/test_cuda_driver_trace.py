"""Kineto's trace of CUDA, as it writes it, read into calls and copies."""

import pytest

from toolkit.profiling.driver_trace import (
    DriverTrace,
    HostCall,
    names_of_thread,
    read_trace,
)

BASE_NS = 1_790_857_026_000_000_000


def event(category, name, ts, dur, tid=4711, **args):
    """One slice, in the words of libkineto's output_json.cpp."""
    return {"ph": "X", "cat": category, "name": name, "pid": 1, "tid": tid} | {
        "ts": ts,
        "dur": dur,
        "args": args,
    }


# x.cpu() after a slow kernel, then an upload that was asked not to block, from ordinary memory.
DOCUMENT = {
    "schemaVersion": 1,
    "baseTimeNanoseconds": BASE_NS,
    "displayTimeUnit": "ms",
    "traceEvents": [
        {"ph": "M", "name": "process_name", "ts": 1.0, "pid": 1, "tid": 0, "args": {}},
        event("cuda_runtime", "cudaLaunchKernel", 100.0, 5.0, cbid=211, correlation=7),
        event("kernel", "sgemm", 106.0, 900.0, tid=7, device=0, stream=7, correlation=7),
        event("cuda_runtime", "cudaMemcpyAsync", 110.0, 1000.5, cbid=41, correlation=8),
        event(
            "gpu_memcpy",
            "Memcpy DtoH (Device -> Pageable)",
            1006.0,
            100.0,
            tid=7,
            device=0,
            context=1,
            stream=7,
            correlation=8,
            bytes=4096,
        ),
        event("cuda_runtime", "cudaStreamSynchronize", 1111.0, 2.0, cbid=131, correlation=9),
        event("cuda_runtime", "cudaMemcpyAsync", 1200.0, 20.0, cbid=41, correlation=10),
        event(
            "gpu_memcpy",
            "Memcpy HtoD (Pageable -> Device)",
            1205.123,
            10.0,
            tid=7,
            device=1,
            correlation=10,
            bytes=512,
        ),
        event("cuda_runtime", "cudaDeviceSynchronize", 1300.0, 3.0, tid=99, correlation=11),
        {"ph": "i", "cat": "", "name": "Record Window End", "s": "g", "pid": "", "ts": 1400.0},
    ],
}


@pytest.fixture
def trace():
    return read_trace(DOCUMENT, -BASE_NS)


def test_calls_of_the_host_are_read_with_thread_and_correlation(trace):
    first = trace.calls[0]
    assert first == HostCall("cudaLaunchKernel", 100_000, 105_000, 4711, 7)
    assert [call.name for call in trace.calls if call.is_sync] == [
        "cudaStreamSynchronize",
        "cudaDeviceSynchronize",
    ]


def test_a_copy_has_direction_bytes_device_and_whether_it_is_pageable(trace):
    down, up = trace.transfers
    assert (down.direction, down.nbytes, down.device) == ("d2h", 4096, "cuda:0")
    assert (up.direction, up.nbytes, up.device) == ("h2d", 512, "cuda:1")
    assert down.is_pageable
    assert (down.begin_ns, down.end_ns) == (1_006_000, 1_106_000)
    assert up.begin_ns == 1_205_123


@pytest.mark.parametrize(
    ("name", "direction", "is_pageable", "crosses"),
    [
        ("Memcpy HtoD (Pinned -> Device)", "h2d", False, True),
        ("Memcpy DtoH (Device -> Pinned)", "d2h", False, True),
        ("Memcpy DtoD (Device -> Device)", "d2d", False, False),
        ("Memcpy PtoP (Device -> Device)", "d2d", False, False),
        ("Memcpy HtoH (Pageable -> Pinned)", "h2h", True, False),
        ("Memcpy HtoA (Pinned -> Array)", "?", False, False),
        ("Memcpy <unknown> (Unknown -> Device)", "?", False, False),
    ],
)
def test_every_kind_of_copy_that_cupti_names_is_told(name, direction, is_pageable, crosses):
    copy = event("gpu_memcpy", name, 1.0, 1.0, bytes=8, correlation=1)
    (found,) = read_trace({"traceEvents": [copy]}, 0).transfers
    assert (found.direction, found.is_pageable, found.crosses) == (direction, is_pageable, crosses)


def test_calls_that_only_queue_are_no_waits():
    names = ("cudaMemcpyAsync", "cudaStreamWaitEvent", "cudaEventRecord", "cuLaunchKernel")
    calls = [HostCall(name, 0, 1, 1, 1) for name in names]
    assert not any(call.is_sync or call.is_blocking_copy for call in calls)
    assert HostCall("cudaMemcpy", 0, 1, 1, 1).is_blocking_copy
    assert HostCall("cudaEventSynchronize", 0, 1, 1, 1).is_sync


def test_one_thread_has_its_calls_and_what_they_queued(trace):
    mine = trace.of_thread({4711})
    assert len(mine.calls) == 4
    assert len(mine.transfers) == 2
    other = trace.of_thread({99})
    assert ([call.name for call in other.calls], other.transfers) == (
        ["cudaDeviceSynchronize"],
        (),
    )


def test_a_thread_that_kineto_has_not_met_goes_by_the_low_half_of_its_pthread():
    assert names_of_thread(0x7F12_9000_0010, 4711) == {4711, 0x9000_0010, 0x6FFF_FFF0}
    assert names_of_thread(0x7F12_1000_0010, 4711) == {4711, 0x1000_0010}


def test_an_empty_trace_is_one():
    assert read_trace({}, 0) == DriverTrace()
