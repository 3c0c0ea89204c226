"""A short run whose cost is known by hand, and a session of it."""

import pytest
import torch

from toolkit import hooks
from toolkit.profiling import profile


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
