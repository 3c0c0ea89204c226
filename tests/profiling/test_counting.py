"""Counting raw events, on columns written by hand."""

from toolkit.profiling.counting import NOT_ATTRIBUTED, Counts, RawEvents, add_unseen, count

# A clone of 12 bytes, an in-place copy, and the free of the clone.
NAMES = ["", "aten::clone", "aten::empty", "", "", "aten::copy_", "", "", "aten::copy_", "", "", ""]
SIZES = [0, 0, 0, 12, 0, 0, 0, 0, 0, 0, -12, 0]


def raw(names=NAMES, sizes=SIZES, devices=None, is_host_only=True):
    return RawEvents(names, sizes, devices or {}, float, is_host_only)


def test_allocations_are_charged_to_the_operator_that_was_called():
    counts = count([raw()])
    assert (counts.allocations, counts.allocated_bytes) == (1, 12)
    assert (counts.frees, counts.freed_bytes) == (1, 12)
    assert list(counts.operators) == ["aten::clone", "aten::copy_"]
    clone = counts.operators["aten::clone"]
    assert (clone.calls, clone.allocations, clone.copies, clone.copied_bytes) == (1, 1, 1, 12)
    assert clone.time_ns == 6000


def test_a_copy_into_memory_that_was_there_has_no_size():
    counts = count([raw()])
    assert counts.copies == {"h2h": [2, 12]}
    assert counts.unsized_copies == 1


def test_a_copy_that_was_reported_is_left_out():
    assert count([raw()], windows=[(7500, 8500)]).copies == {"h2h": [1, 12]}


def test_events_are_kept_on_demand():
    assert count([raw()]).events == []
    kept = count([raw()], keep=True).events
    assert kept == [
        ("alloc", 12, "cpu", "", "aten::clone", "", 3000, 0),
        ("copy", 12, "cpu", "h2h", "aten::clone", "", 5000, 0),
        ("copy", 0, "cpu", "h2h", "aten::copy_", "", 8000, 0),
        ("free", 12, "cpu", "", "", "", 10000, 0),
    ]


def test_the_peak_is_the_highest_sum():
    sizes = [0, 10, 20, -10, 5, -25, 0]
    counts = count([raw([""] * 7, sizes)])
    assert (counts.peak_bytes, counts.net_bytes) == (30, 0)


def test_memory_outside_of_operators_is_charged_to_none():
    counts = count([raw(["", "", ""], [0, 8, 0])])
    assert counts.operators[""].allocated_bytes == 8


def test_a_name_of_the_user_s_own_is_no_operator():
    names = ["", "my step", "aten::ones", "", "", "", ""]
    counts = count([raw(names, [0, 0, 0, 4, 0, 0, 0])])
    assert list(counts.operators) == ["aten::ones"]


def test_an_operator_that_began_before_the_stream_is_passed_over():
    counts = count([raw(["", "", "aten::ones", "", "", ""], [0, 0, 0, 4, 0, 0])])
    assert counts.operators["aten::ones"].calls == 1


def test_the_order_of_sizes_is_in_the_signature():
    one = count([raw(["", "", "", ""], [0, 1, 2, 0])]).signature
    two = count([raw(["", "", "", ""], [0, 2, 1, 0])]).signature
    again = count([raw(["", "", "", "", ""], [0, 1, -1, 2, 0])]).signature
    assert one != two
    assert one == again


def test_the_side_of_a_copy_is_known_for_a_clone_on_a_device_and_else_is_not():
    counts = count([raw(devices={3: "cuda"}, is_host_only=False)])
    assert counts.copies == {"d2d": [1, 12], "?": [1, 0]}
    assert counts.on_device == (1, 12, 0, 0)


def test_what_cuda_counted_beyond_the_stream_is_added_unattributed():
    counts = Counts(allocations=1, allocated_bytes=12, on_cuda=(1, 12, 0, 0))
    add_unseen(counts, (2, 88, 1, 12))
    assert (counts.allocations, counts.allocated_bytes) == (3, 100)
    assert (counts.frees, counts.freed_bytes) == (1, 12)
    assert counts.operators[NOT_ATTRIBUTED].allocated_bytes == 88
    assert counts.lines == {}


def test_with_lines_it_has_the_empty_one():
    counts = Counts()
    add_unseen(counts, (2, 88, 1, 12), has_lines=True)
    assert counts.lines[NOT_ATTRIBUTED, ""].allocated_bytes == 88


def test_nothing_is_added_where_the_stream_saw_all():
    counts = Counts(allocations=1, allocated_bytes=12, on_cuda=(1, 12, 0, 0))
    add_unseen(counts, (0, 0, 0, 0), has_lines=True)
    assert counts.operators == {}
    assert counts.lines == {}
    assert counts.allocations == 1


def test_the_peak_of_a_device_stands_apart_from_the_peak_of_all():
    sizes = [0, 100, 7, 40, -100, -7, 0]
    counts = count([raw([""] * 7, sizes, devices={1: "cuda", 3: "cuda", 4: "cuda"})])
    assert (counts.peak_bytes, counts.device_peak_bytes) == (147, 140)
    assert (counts.net_bytes, counts.device_net_bytes) == (40, 40)
    assert counts.device_blocks == [100, 40]
