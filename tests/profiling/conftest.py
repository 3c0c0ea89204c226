"""A short run whose cost is known by hand, and a session of it."""

import gc
import os
import threading

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import hook, profile


def _play(frames=3, size=256):
    """Frames of three stages: double allocates once, copy clones, look only reports a wait."""
    picture = torch.ones(size)
    for index in range(frames):
        hooks.frame_begin(index)
        with hooks.scope("double", index, "demo"):
            doubled = torch.add(picture, picture)
        with hooks.scope("copy", index, "demo"):
            doubled.clone()
        with hooks.scope("look", index, "demo"):
            hooks.report("wait", duration_ns=2_000_000, op="queue")
        hooks.frame_end(index)


@pytest.fixture(autouse=True)
def no_collection_by_chance():
    """The garbage collector runs when a test asks for it: a pause of it is an event."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
def play():
    """The run, as a function of its number of frames and values."""
    return _play


@pytest.fixture
def session():
    """A session that keeps every event of three frames."""
    with profile(keep="all") as opened:
        _play()
    return opened


@pytest.fixture(params=["torch's profiler", "compiled hook"])
def each_way_of_counting(request, monkeypatch):
    """The test runs twice: as without a compiler, and through the compiled hook."""
    is_hooked = request.param == "compiled hook"
    one = hook.Hook(request.getfixturevalue("compiled_hook")) if is_hooked else None
    monkeypatch.setattr(hook, "_hook", one)
    monkeypatch.setattr(hook, "_is_looked_for", True)
    monkeypatch.delattr(torch, "emu", raising=False)  # while a device is emulated, nobody hooks


@pytest.fixture
def once_waiting():
    """Have another thread act when somebody waits for a condition: `once_waiting(condition, act)`.

    No session is carried to it. It is joined when the test is done.
    """
    threads = []

    def begin(condition, act):
        def watch():
            while not condition._waiters:
                os.sched_yield()
            act()

        threads.append(threading.Thread(target=watch))
        threads[-1].start()

    yield begin
    for thread in threads:
        thread.join()
