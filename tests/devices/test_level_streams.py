"""Does work that a task queues on a device go where its level says, and in order?"""

import pytest
import torch

from toolkit.devices import LevelStreams, emu
from toolkit.scheduler import Level, Scheduler


@pytest.fixture
def streams():
    emu.enable()
    return LevelStreams("emu")


def test_a_more_urgent_level_has_a_more_urgent_stream(streams):
    priorities = [stream.priority for stream in streams.streams]
    assert priorities == sorted(priorities)
    assert priorities[Level.CRITICAL] < priorities[Level.LOW]


def test_a_task_runs_in_the_stream_of_its_level_and_the_thread_has_its_own_back(streams):
    before = emu.current_stream()
    with Scheduler({"frame": "CRITICAL", "train": "LOW"}, workers=1, around=streams) as scheduler:
        frame = scheduler.submit(emu.current_stream, kind="frame")
        train = scheduler.submit(emu.current_stream, kind="train")
        assert frame.result() is streams.streams[Level.CRITICAL]
        assert train.result() is streams.streams[Level.LOW]
    assert emu.current_stream() is before


def test_a_task_follows_what_was_queued_before_it_was_submitted(streams):
    uploaded = torch.ones(256, 256).to("emu")
    product = uploaded @ uploaded
    queued_ns = emu.current_stream().queue.ready_ns
    streams.submitted(owner := Owner())
    with streams.quantum(owner, Level.HIGH):
        _ = product + 1
        assert emu.current_stream().queue.ready_ns > queued_ns


def test_who_uses_the_result_follows_the_task(streams):
    owner = Owner()
    streams.submitted(owner)
    picture = torch.ones(256, 256).to("emu")
    with streams.quantum(owner, Level.LOW):
        _ = picture @ picture
        done_ns = emu.current_stream().queue.ready_ns
    streams.wait(owner)
    assert emu.current_stream().queue.ready_ns >= done_ns


def test_a_task_that_changes_its_level_follows_itself(streams):
    owner = Owner()
    streams.submitted(owner)
    picture = torch.ones(256, 256).to("emu")
    with streams.quantum(owner, Level.LOW):
        _ = picture @ picture
        first_ns = emu.current_stream().queue.ready_ns
    with streams.quantum(owner, Level.CRITICAL):
        assert emu.current_stream().queue.ready_ns >= first_ns


def test_the_host_has_no_streams_and_nothing_is_done():
    streams = LevelStreams("cpu")
    assert streams.streams == ()
    streams.submitted(owner := Owner())
    with streams.quantum(owner, Level.HIGH):
        pass
    streams.wait(owner)


@pytest.mark.needs_cuda
def test_on_cuda_priorities_follow_levels():
    streams = LevelStreams("cuda")
    with Scheduler({"frame": "CRITICAL", "train": "LOW"}, workers=1, around=streams) as scheduler:
        frame = scheduler.submit(torch.cuda.current_stream, kind="frame").result()
        train = scheduler.submit(torch.cuda.current_stream, kind="train").result()
    assert frame.priority < train.priority


class Owner:
    """Something that stands for a task."""
