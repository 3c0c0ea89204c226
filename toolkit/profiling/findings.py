"""What does the bill say, in plain words? Sentences for people who do not read tables first.

What is said of a frame is the mean over all frames, unless the sentence calls it the median.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.profiling.units import format_bytes, format_count, format_ms

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit.profiling.processors import Bill, StageBill

__all__ = ["TUNED", "findings"]

MANY_FAULTS = 100  # per frame; fewer are noise of the process
TUNED = "The C allocator was tuned"
WORTH_SAYING = 0.15  # share of the frame
WORTH_KNOWING = 0.05  # of what should cost next to nothing


def findings(bill: Bill) -> list[str]:
    """The bill in sentences, most important first. Pure: the same bill gives the same sentences."""
    if not bill.frames:
        return ["No frame was finished."]
    found = [_time(bill), _allocations(bill), *_warm_up(bill), *_copies(bill), _virtual(bill)]
    found += [*_waits(bill), *_off_cpu(bill), *_bottlenecks(bill)]
    return [line for line in (*found, *_faults(bill), *_drops(bill)) if line]


def _largest(bill: Bill, amount: Callable[[StageBill], float]) -> tuple[StageBill | None, float]:
    """The stage with the largest amount, and its share of all of them."""
    total = sum(amount(one) for one in bill.stages)
    if not total:
        return None, 0.0
    largest = max(bill.stages, key=amount)
    return largest, amount(largest) / total


def _time(bill: Bill) -> str:
    stage, share = _largest(bill, lambda one: one.total.time_ns)
    whole = f"A frame takes {format_ms(bill.whole.ms_median)} ms (median)"
    return f"{whole}; {share:.0%} of the time is {stage.name}." if stage else f"{whole}."


def _allocations(bill: Bill) -> str:
    stage, share = _largest(bill, lambda one: one.total.allocated_bytes)
    if stage is None:
        return "Nothing is allocated."
    whole = bill.whole
    return (
        f"{stage.name} makes {share:.0%} of the bytes. A frame takes "
        f"{format_bytes(whole.allocated_bytes_per_frame)} in "
        f"{format_count(whole.allocations_per_frame)} allocations on average."
    )


def _virtual(bill: Bill) -> str:
    total = bill.whole.total
    if not total.virtual_ns:
        return ""
    whole, waited, copying, kernels = (
        format_ms(nanoseconds / 1e6 / bill.frames)
        for nanoseconds in (
            total.virtual_ns,
            total.virtual_wait_ns,
            total.virtual_copy_wait_ns,
            total.virtual_kernel_ns,
        )
    )
    return (
        f"On this link a frame would take {whole} ms on average, {waited} of them waiting, of "
        f"which {copying} for copies; the device would compute for {kernels} ms in "
        f"{format_count(total.launches / bill.frames)} launches. This is virtual time, without "
        f"what the host computes by itself ({bill.machine.get('emu', 'prices unknown')})."
    )


def _warm_up(bill: Bill) -> list[str]:
    lines: list[str] = []
    for stage in bill.stages:
        extra = stage.total.allocations - stage.allocations_median * stage.frames
        if stage.calls and not stage.allocations_median and extra > 0:
            lines.append(
                f"{stage.name} allocates on its first frames only ({format_count(extra)} in all)."
            )
    return lines


def _copies(bill: Bill) -> list[str]:
    frames = bill.frames
    lines: list[str] = []
    for side, name in (
        ("h2d", "from the host to the device"),
        ("d2h", "from the device to the host"),
        ("d2d", "inside the device"),
        ("h2h", "inside the host"),
    ):
        entry = bill.whole.copies.get(side, {"count": 0, "bytes": 0})
        if entry["count"]:
            stage, share = _largest(bill, lambda one, side=side: one.copies[side]["count"])
            most = f", {share:.0%} of them by {stage.name}" if stage and frames else ""
            lines.append(
                f"{format_count(entry['count'] / frames)} copies a frame run {name} "
                f"({format_bytes(entry['bytes'] / frames)}){most}."
            )
    return lines


def _waits(bill: Bill) -> list[str]:
    wait_ns, time_ns = bill.whole.total.wait_ns, bill.whole.total.time_ns
    if not time_ns or wait_ns < WORTH_SAYING * time_ns:
        return []
    stage, _ = _largest(bill, lambda one: one.total.wait_ns)
    where = f", most of it in {stage.name}" if stage else ""
    longest = _longest(bill, "wait")
    most = f" The longest: {longest}." if longest else ""
    return [f"{wait_ns / time_ns:.0%} of the time is spent waiting{where}.{most}"]


def _off_cpu(bill: Bill) -> list[str]:
    """What is left when all that has a name is taken off."""
    total = bill.whole.total
    if not total.time_ns or total.unnamed_off_cpu_ns < WORTH_SAYING * total.time_ns:
        return []
    whole, off, named = (
        format_ms(ns / 1e6 / bill.frames)
        for ns in (total.time_ns, total.off_cpu_ns, total.off_cpu_ns - total.unnamed_off_cpu_ns)
    )
    return [
        f"Of {whole} ms a frame on average {off} were spent off the CPU, {named} of them in waits, "
        "reads and writes that are named. The rest is locks, waits inside C, or others who had the "
        "processor."
    ]


def _bottlenecks(bill: Bill) -> list[str]:
    total, frames = bill.whole.total, bill.frames
    lines: list[str] = []
    for kind, ns, said in (
        ("gc", total.gc_ns, f"The garbage collector paused {{}} ms a frame{_pauses(bill)}"),
        (
            "io",
            total.io_ns,
            f"Reading and writing {format_bytes(total.io_bytes / frames)} takes {{}} ms a frame",
        ),
        (
            "serialize",
            total.serialize_ns,
            "Turning objects into bytes or back takes {} ms a frame "
            f"({format_bytes(total.serialized_bytes / frames)})",
        ),
    ):
        if ns and ns >= WORTH_KNOWING * total.time_ns:
            longest = _longest(bill, kind)
            most = f", most of it in {longest}" if longest else ""
            lines.append(f"{said.format(format_ms(ns / 1e6 / frames))}{most}.")
    return lines


def _pauses(bill: Bill) -> str:
    number = bill.whole.total.gc_pauses / bill.frames
    return ", in 1 pause" if number == 1 else f", in {format_count(round(number, 2))} pauses"


def _longest(bill: Bill, kind: str) -> str:
    """Which boundary took longest, on which line, in which stage."""
    row = next((one for one in bill.bottlenecks if one.kind == kind), None)
    if row is None:
        return ""
    ms = format_ms(row.counts.duration_ns / 1e6 / bill.frames)
    where = f" at {row.line}" if row.line else f" in {row.stage}"
    return f"{row.op}{where}, {ms} ms a frame"


def _faults(bill: Bill) -> list[str]:
    faults = bill.whole.page_faults_median
    if faults < MANY_FAULTS:
        return []
    said = (
        f"{faults:.0f} page faults a frame (median): freed memory goes back to the system, and is "
        "asked for again"
    )
    if any(TUNED in note for note in bill.notes):
        return [f"{said}, although the allocator is tuned: see which stage it is."]
    return [f"{said}. toolkit.memory.tune_allocator() stops that where the C library is glibc."]


def _drops(bill: Bill) -> list[str]:
    return [f"{bill.dropped} frames were dropped."] if bill.dropped else []
