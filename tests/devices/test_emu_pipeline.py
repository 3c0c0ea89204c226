"""Frames, rings and pipelines on the emulated device: as on the host, with the link between."""

import pytest
import torch

from toolkit import Frame, FrameRing, Pipeline, media
from toolkit.profiling import budget, profile
from toolkit.stages import blur, corners, edges, gray, rgb, sobel

STAGES = (rgb, gray, blur, sobel, edges, corners)
FRAMES = 4


def results(device, stages=STAGES):
    pipeline = Pipeline(stages)
    found = []
    source = media.open(media.bundled_clip(), device=device)
    for frame in pipeline.run(source):
        found.append((frame["rgb"].cpu(), frame["edges"].cpu(), frame["corners"].xy.cpu()))
        if len(found) == FRAMES:
            return found
    return found


def test_the_default_pipeline_gives_the_host_s_results(emu):
    for here, there in zip(results("cpu"), results("emu"), strict=True):
        assert all(torch.equal(one, other) for one, other in zip(here, there, strict=True))


def test_a_frame_goes_up_once_and_nothing_comes_down(emu):
    pipeline = Pipeline(STAGES)
    with profile(keep="all") as session:
        for frame in pipeline.run(media.open(media.bundled_clip(), device="emu")):
            _ = frame["rgb"], frame["edges"], frame["corners"]
            nbytes = frame.spec.nbytes
            if frame.index == FRAMES:
                break
    steady = [one for one in session.events if one.frame in range(2, FRAMES)]
    crossing = [
        (one.frame, one.direction, one.nbytes, one.op)
        for one in steady
        if one.kind == "copy" and one.direction in ("h2d", "d2h")
    ]
    assert crossing == [(index, "h2d", nbytes, "upload") for index in range(2, FRAMES)]
    assert [one for one in steady if one.kind == "sync"] == []


def test_stages_keep_a_budget_of_no_syncs_and_no_downloads(emu):
    pipeline = Pipeline(STAGES)
    first, second = (
        pipeline.bind(Frame.from_image(torch.rand(3, 48, 64), device="emu")) for _ in range(2)
    )
    _ = first["edges"], first["corners"]  # constants go up once
    with budget(syncs=0, d2h_bytes=0, h2d_bytes=0):
        _ = second["edges"], second["corners"]


def test_a_ring_lives_there_and_its_slots_carry_events(emu):
    ring = FrameRing(3, width=4, height=2, pixel_format="rgb", device="emu")
    frame = ring.copy_in(torch.full((3, 2, 4), 7, dtype=torch.uint8), pts_seconds=0.0)
    assert frame.device == torch.device("emu", 0)
    assert frame.pixels.cpu().unique().tolist() == [7]
    frame.release()
    assert emu.memory_allocated() > 0


def test_pixels_there_are_no_array(emu):
    frame = Frame.from_image(torch.zeros(1, 2, 2, dtype=torch.uint8), device="emu")
    with pytest.raises(TypeError, match="the pixels live on emu:0"):
        frame.__array__()
    assert "on emu:0" in repr(frame)
