"""The compiled allocator hook: the same numbers, and never in the way where it cannot be had."""

import stat
import threading
import time

import pytest
import torch

from toolkit.profiling import HookWarning, build_hook, hook, hook_building, profile
from toolkit.profiling.allocator import AllocatorStream
from toolkit.profiling.hook_building import (
    HookBuildError,
    built_path,
    compile_hook,
    what_is_missing,
)
from toolkit.profiling.sums import sums_of

PICTURE = torch.rand(1, 3, 64, 64)


@pytest.fixture
def compiled(compiled_hook):
    """The hook, compiled once for all tests."""
    return compiled_hook


@pytest.fixture
def nothing_known(monkeypatch, tmp_path):
    """A process that has not looked for the hook, with an empty cache."""
    monkeypatch.setenv(hook_building.CACHE, str(tmp_path))
    monkeypatch.setattr(hook, "_hook", None)
    monkeypatch.setattr(hook, "_is_looked_for", False)
    return tmp_path


@pytest.fixture
def fake_compiler(monkeypatch, tmp_path):
    """Something that is called in the compiler's place."""

    def make(script):
        path = tmp_path / "c++"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("CXX", str(path))

    return make


def work():
    blurred = torch.nn.functional.avg_pool2d(PICTURE, 3)
    torch.cat([blurred, blurred]).sort()


def billed(one):
    """What a session counts, with the hook `one` or without any."""
    hook._hook, hook._is_looked_for = one, True

    def session():
        with profile() as session:
            for _ in range(4):  # the first ones are looked at operator by operator
                work()
                session.step()
        total = session.bill().whole.total
        names = ("allocations", "allocated_bytes", "frees", "freed_bytes", "peak_bytes", "copies")
        return {name: getattr(total, name) for name in names}

    found = []
    thread = threading.Thread(target=lambda: found.append(session()))  # a recorder of its own
    thread.start()
    thread.join()
    return found[0]


def test_the_numbers_are_those_of_torch_s_own_profiler(compiled, nothing_known, monkeypatch):
    monkeypatch.delattr(torch, "emu", raising=False)  # a device that is emulated needs marks
    assert billed(hook.Hook(compiled)) == billed(None)


def test_sizes_come_out_summed_as_python_sums_them(compiled):
    one = hook.Hook(compiled)
    assert one.start()
    kept = torch.empty(10)
    torch.empty(1000)
    assert one.stop() == sums_of([40, 4000, -4000])
    assert kept.numel() == 10


@pytest.mark.parametrize("is_hooked", [True, False], ids=["compiled hook", "torch's profiler"])
def test_stretches_are_kept_with_their_times_until_they_are_taken(
    compiled, nothing_known, monkeypatch, is_hooked
):
    monkeypatch.delattr(torch, "emu", raising=False)
    hook._hook, hook._is_looked_for = hook.Hook(compiled) if is_hooked else None, True
    stream = AllocatorStream()
    marks = []
    ran_before_ns = time.thread_time_ns()
    for size in range(1, 101):
        marks.append(stream.resume())
        torch.empty(size)
        stream.pause()
        marks.append(time.perf_counter_ns())
    ran_ns = time.thread_time_ns() - ran_before_ns
    stream.stop()
    found = stream.take()
    assert [sums_of([4 * size, -4 * size]) for size in range(1, 101)] == [one[4:] for one in found]
    assert [one[0] for one in found] == marks[::2]
    assert all(one[0] < one[1] <= end for one, end in zip(found, marks[1::2], strict=True))
    assert all(one[2] >= 0 for one in found)
    assert sum(one[2] for one in found) <= ran_ns
    assert stream.take() == []


@pytest.mark.parametrize("wanted", [{"operators": True}, {"operators": False, "marks": True}])
def test_events_come_in_the_order_of_torch_s_own_profiler(compiled, nothing_known, wanted):
    def listened(one):
        hook._hook, hook._is_looked_for = one, True
        stream = AllocatorStream()
        assert stream.start(**wanted)
        work()
        (events,) = stream.stop()
        columns = list(zip(events.names, events.sizes, strict=True))
        times = [events.at_us(place) for place in range(len(columns))]
        assert times == sorted(times)
        return columns

    work()
    assert listened(None) == listened(hook.Hook(compiled))


def test_operators_are_let_in_again_when_it_is_done(compiled, nothing_known):
    hook._hook, hook._is_looked_for = hook.Hook(compiled), True
    stream = AllocatorStream()
    stream.start(operators=False, marks=True)
    stream.stop()
    stream.start()
    torch.ones(3)
    (events,) = stream.stop()
    assert "aten::ones" in events.names


def test_there_is_room_for_one_in_a_thread(compiled):
    one, other = hook.Hook(compiled), hook.Hook(compiled)
    assert one.start(operators=True)
    assert not other.start()
    assert not one.is_free()
    assert len(one.stop_events()) == 0
    assert other.start()
    other.stop()


def test_it_gives_way_to_a_torch_profiler_and_lets_one_start(compiled):
    one = hook.Hook(compiled)
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]):
        assert not one.start()
    assert one.start()
    one.stop()
    assert one.is_free()
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as theirs:
        work()
    assert any(row.key == "aten::sort" for row in theirs.key_averages())


def test_threads_do_not_count_each_other(compiled):
    one = hook.Hook(compiled)
    assert one.start()
    other = threading.Thread(target=work)
    other.start()
    other.join()
    assert one.stop().allocations == 0


def test_memory_of_threads_that_compute_gradients_is_counted(compiled):
    weights = torch.rand(8, 8, requires_grad=True)
    one = hook.Hook(compiled)
    assert one.start()
    (weights @ weights).sum().backward()
    assert one.stop().allocations >= 4


def test_a_built_hook_is_found_by_the_next_process(compiled, nothing_known):
    path = built_path()
    path.write_bytes(compiled.read_bytes())
    hook.use_built_hook()
    assert hook.loaded_hook() is not None


def test_builds_at_the_same_time_are_in_nobody_s_way(compiled, nothing_known, fake_compiler):
    fake_compiler(f'while [ "$1" != "-o" ]; do shift; done; cat "{compiled}" > "$2"')
    together = threading.Barrier(4)
    paths = []

    def build():
        together.wait()
        paths.append(compile_hook())

    threads = [threading.Thread(target=build) for _ in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert set(paths) == {built_path()}
    assert len(paths) == 4
    assert built_path().read_bytes() == compiled.read_bytes()
    assert {path.name for path in nothing_known.iterdir()} == {"c++", built_path().name}


def test_nothing_is_compiled_unasked(nothing_known, fake_compiler):
    fake_compiler(f"touch {nothing_known}/called")
    hook.use_built_hook()
    with profile():
        work()
    assert hook.loaded_hook() is None
    assert not (nothing_known / "called").exists()


def test_a_compiler_that_fails_is_quoted_and_sessions_go_on(nothing_known, fake_compiler):
    fake_compiler("echo no such header >&2; exit 3")
    with pytest.warns(HookWarning, match=r"ended with 3[\s\S]*no such header[\s\S]*same numbers"):
        assert build_hook() is None
    with profile() as session:
        work()
    assert session.bill().whole.total.allocations > 0
    assert [path.name for path in nothing_known.iterdir()] == ["c++"]  # no half file is left


def test_without_a_compiler_it_says_how_to_get_one(nothing_known, monkeypatch):
    monkeypatch.setattr(hook_building, "find_compiler", lambda: None)
    with pytest.raises(HookBuildError, match=r"no C\+\+ compiler was found: apt install"):
        compile_hook()


def test_without_the_headers_of_python_it_says_how_to_get_them(
    nothing_known, fake_compiler, monkeypatch, tmp_path
):
    fake_compiler("exit 3")
    monkeypatch.setattr(hook_building, "_headers", lambda: tmp_path)
    with pytest.raises(HookBuildError, match=r"has no Python\.h: apt install python3-dev"):
        compile_hook()


def test_a_folder_that_cannot_be_written_is_named(monkeypatch, tmp_path):
    if what_is_missing():
        pytest.skip("no C++ compiler")
    file = tmp_path / "file"
    file.write_text("")
    monkeypatch.setenv(hook_building.CACHE, str(file / "inside"))
    with pytest.raises(HookBuildError, match=r"cannot be written .* name another folder with"):
        compile_hook()


def test_a_file_that_is_something_else_is_not_used(nothing_known):
    built_path().write_bytes(b"not a library")
    with pytest.warns(HookWarning, match="does not load: .* Build it anew"):
        hook.use_built_hook()
    assert hook.loaded_hook() is None


def test_sums_are_those_of_a_stream_worked_out_by_hand():
    sums = sums_of([100, 50, -100, 0, 30, -50])
    assert sums[:6] == (3, 180, 2, 150, 30, 150)
    assert sums.signature != sums_of([50, 100, 30]).signature
    assert sums.signature == sums_of([100, 50, 30]).signature
