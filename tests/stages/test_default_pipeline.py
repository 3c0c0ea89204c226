"""The stages together, as most people meet them."""

import torch

from toolkit import stages
from toolkit.pipeline import Pipeline
from toolkit.ring import FrameRing
from toolkit.stages.declare import Stage


def frames_of_noise(width=160, height=96, count=3):
    ring = FrameRing(slots=4, width=width, height=height, pixel_format="i420")
    generator = torch.Generator().manual_seed(0)
    for index in range(count):
        pixels = torch.randint(0, 256, ring.spec.slot_shape, dtype=torch.uint8, generator=generator)
        yield ring.copy_in(pixels, pts_seconds=index / 30)


def test_a_frame_is_seen_from_pixels_to_corners():
    pipeline = Pipeline(
        [stages.rgb, stages.gray, stages.blur, stages.sobel, stages.edges, stages.corners]
    )
    seen = 0
    for frame in pipeline.run(frames_of_noise()):
        assert frame["edges"].shape == (1, 1, 96, 160)
        assert frame["corners"].xy.shape == (1, 256, 2)
        assert frame.get("rgb") is None  # nobody asked for colours
        seen += 1
    assert seen == 3


def test_edges_and_corners_take_the_gradient_that_is_attached():
    assert stages.edges.requires == stages.corners.requires == ("sobel",)
    assert stages.sobel.requires == ("blur",)


def test_a_parameter_changes_the_next_frame():
    pipeline = Pipeline([stages.gray, stages.blur, stages.sobel, stages.edges])
    counts = []
    for frame in pipeline.run(frames_of_noise()):
        counts.append(float((frame["edges"] > 0).sum()))
        pipeline.params["edges"].high = 0.5
        pipeline.params["edges"].low = 0.3
    assert counts[1] < counts[0]


def test_the_picture_with_what_was_found_is_drawn():
    pipeline = Pipeline([getattr(stages, name) for name in stages.__all__ if name in DRAWN])
    for frame in pipeline.run(frames_of_noise(count=1)):
        assert frame["overlay"].shape == (1, 3, 96, 160)


DRAWN = {"rgb", "gray", "blur", "sobel", "edges", "corners", "overlay"}


def test_every_name_is_a_stage_and_sorted():
    assert sorted(stages.__all__) == stages.__all__
    assert all(isinstance(getattr(stages, name), Stage) for name in stages.__all__)


def test_every_stage_is_among_those_that_all_stages_are_tested_with(cases):
    assert {case.stage.name for case in cases.values()} == set(stages.__all__)


def test_every_parameter_says_what_it_is():
    for name in stages.__all__:
        for parameter in getattr(stages, name).params:
            assert parameter.doc, f"{name}.{parameter.name} has no doc"
