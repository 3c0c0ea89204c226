"""Scopes and frames as NVTX ranges, taken by a stand-in that writes them down."""

import threading

import pytest
import torch

from toolkit import hooks
from toolkit.profiling.nvtx import NoNvtx, nvtx_ranges


class Notes:
    """Takes ranges as `torch.cuda.nvtx` does."""

    def __init__(self):
        self.calls = []

    def range_push(self, msg):
        self.calls.append(msg)

    def range_pop(self):
        self.calls.append("pop")


def test_frames_and_stages_are_nested_ranges_under_our_name():
    notes = Notes()
    with nvtx_ranges(notes):
        hooks.frame_begin(12)
        with hooks.scope("edges", 12, "demo"):
            pass
        hooks.frame_end(12)
    assert notes.calls == ["downhill: frame 12", "downhill: demo/edges, frame 12", "pop", "pop"]


def test_a_scope_without_frame_or_pipeline_has_its_name_alone():
    notes = Notes()
    with nvtx_ranges(notes), hooks.scope("decode"):
        pass
    assert notes.calls == ["downhill: decode", "pop"]


def test_a_stage_that_raises_ends_its_range():
    notes = Notes()
    with nvtx_ranges(notes), pytest.raises(ZeroDivisionError), hooks.scope("broken"):
        raise ZeroDivisionError
    assert notes.calls == ["downhill: broken", "pop"]


def test_a_frame_that_was_cut_short_ends_with_the_block():
    notes = Notes()
    with nvtx_ranges(notes):
        hooks.frame_begin(3)
    assert notes.calls == ["downhill: frame 3", "pop"]


def test_a_frame_that_began_before_is_not_ended():
    notes = Notes()
    with nvtx_ranges(notes):
        hooks.frame_end(3)
    assert notes.calls == []


def test_each_thread_has_a_stack_of_its_own():
    notes = Notes()

    def work(table):
        with hooks.using(table):
            hooks.frame_end(5)  # begun by the other thread, and still open there

    with nvtx_ranges(notes):
        hooks.frame_begin(5)
        thread = threading.Thread(target=work, args=(hooks.table(),))
        thread.start()
        thread.join()
        assert notes.calls == ["downhill: frame 5"]
        hooks.frame_end(5)
    assert notes.calls == ["downhill: frame 5", "pop"]


def test_nobody_listens_after_the_block():
    with nvtx_ranges(Notes()):
        assert hooks.is_listening()
    assert not hooks.is_listening()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_without_cuda_it_says_so_and_what_there_is_instead():
    sentence = r"no CUDA device here\. session\.export_chrome_trace"
    with pytest.raises(NoNvtx, match=sentence), nvtx_ranges():
        pass


@pytest.mark.needs_cuda
def test_torch_takes_the_ranges_where_there_is_cuda():
    with nvtx_ranges(), hooks.scope("edges", 1):
        torch.ones(8, device="cuda")
