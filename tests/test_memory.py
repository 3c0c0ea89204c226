"""Tuning the C allocator, tested in child processes: what it is told, it keeps."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from toolkit import hooks, memory

ROOT = Path(__file__).resolve().parent.parent
is_glibc = sys.platform == "linux" and memory._glibc() is not None
needs_glibc = pytest.mark.skipif(not is_glibc, reason="the C library is not glibc")

FAULTS = """
import resource, statistics, sys, threading
import torch
from toolkit import memory
is_tuned, where = sys.argv[1] == "tuned", sys.argv[2]
state = memory.tune_allocator() if is_tuned else memory.allocator_state()
torch.set_num_threads(1)
faults = []

def work():
    picture = torch.rand(3, 720, 1280)
    for _ in range(40):  # where blocks land, and so how soon it settles, is another each time
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
        halves = [picture * 0.5 for _ in range(4)]
        torch.cat(halves)  # 44 MB in one block
        del halves
        faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

if where == "main":
    work()
else:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
print(statistics.median(faults[20:]))
"""


class Heard:
    def __init__(self):
        self.events = []

    def event(self, event):
        self.events.append(event)


def child(script, *arguments, **variables):
    environment = {name: value for name, value in os.environ.items() if "MALLOC_" not in name}
    environment.pop(memory.OPT_OUT, None)
    done = subprocess.run(
        [sys.executable, "-c", script, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=environment | variables | {"PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_importing_the_toolkit_tunes_nothing():
    script = "import toolkit.memory as m; print(m.allocator_state())"
    assert child(script) == "AllocatorState(not tuned: tune_allocator() was not called)"


@needs_glibc
def test_tuning_says_what_was_set_and_again_changes_nothing():
    script = (
        "from toolkit.memory import *; first = tune_allocator(); second = tune_allocator();"
        "print(first is second, first)"
    )
    said = child(script)
    assert said.startswith("True AllocatorState(tuned: M_MMAP_THRESHOLD=1073741824, ")
    assert "M_TRIM_THRESHOLD=2147483647" in said
    assert "M_ARENA_MAX=1" in said


@needs_glibc
@pytest.mark.parametrize("where", ["main", "worker"])
def test_a_tuned_process_faults_no_more_on_any_thread(where):
    untuned = float(child(FAULTS, "untuned", where))
    tuned = float(child(FAULTS, "tuned", where))
    assert untuned > 5000
    assert tuned < 50


@needs_glibc
def test_what_the_user_set_stays():
    script = "from toolkit.memory import *; print(tune_allocator())"
    said = child(script, MALLOC_ARENA_MAX="8")
    assert "MALLOC_ARENA_MAX=8 is yours and stays" in said
    assert "M_ARENA_MAX" not in said


def test_the_user_can_opt_out():
    script = "from toolkit.memory import *; print(tune_allocator())"
    said = child(script, DOWNHILL_TUNE_ALLOCATOR="0")
    assert said == "AllocatorState(not tuned: DOWNHILL_TUNE_ALLOCATOR=0 in the environment)"


def test_elsewhere_than_on_glibc_it_does_nothing_and_says_why(monkeypatch):
    monkeypatch.setattr(memory, "_glibc", lambda: None)
    monkeypatch.setattr(memory, "_state", None)
    state = memory.tune_allocator()
    assert not state.is_tuned
    assert "the C library is not glibc" in state.reason
    assert memory.trim() == 0


def test_another_allocator_is_left_alone(monkeypatch):
    monkeypatch.setenv("LD_PRELOAD", "/usr/lib/libjemalloc.so.2")
    monkeypatch.delenv(memory.OPT_OUT, raising=False)
    monkeypatch.setattr(memory, "_glibc", object)
    assert "jemalloc is preloaded" in memory._why_not()


@needs_glibc
def test_trimming_gives_memory_back_and_reports_it():
    script = """
import json, torch
from toolkit import hooks, memory
memory.tune_allocator()
class Heard:
    events = []
    def event(self, event): self.events.append(event)
hooks.listen(Heard())
blocks = [torch.ones(1_000_000) for _ in range(20)]
del blocks
back = memory.trim()
event = Heard.events[0]
print(json.dumps([back, event.kind, event.op, event.nbytes]))
"""
    back, kind, op, nbytes = json.loads(child(script))
    assert (kind, op, nbytes) == ("free", "malloc_trim", back)
    assert back > 60_000_000


@needs_glibc
def test_tuning_is_reported_once():
    script = """
from toolkit import hooks, memory
class Heard:
    events = []
    def event(self, event): self.events.append(event.op)
hooks.listen(Heard())
memory.tune_allocator(); memory.tune_allocator()
print(Heard.events)
"""
    assert child(script) == "['mallopt']"


def test_trimming_is_heard_here_too():
    heard = Heard()
    hooks.listen(heard)
    try:
        memory.trim()
    finally:
        hooks.unlisten(heard)
    assert all(event.op == "malloc_trim" for event in heard.events)
