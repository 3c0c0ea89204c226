import torch

from toolkit.pipeline import Pipeline
from toolkit.ring import FrameRing
from toolkit.stages import gray, motion


def test_what_changed_is_bright():
    before = torch.tensor([[0.1, 0.5, 0.9]])[None, None]
    now = torch.tensor([[0.1, 0.7, 0.4]])[None, None]
    assert torch.allclose(motion(now, before), torch.tensor([[[[0.0, 0.2, 0.5]]]]))


def test_it_looks_back():
    assert motion.requires == ("gray",)
    assert motion.history == ("gray",)


def test_the_first_frame_shows_no_motion_and_the_second_does():
    ring = FrameRing(slots=4, width=8, height=6, pixel_format="gray")

    def source():
        for index, value in enumerate((0, 51, 51)):
            yield ring.copy_in(
                torch.full((1, 6, 8), value, dtype=torch.uint8), pts_seconds=index / 30
            )

    pipeline = Pipeline([gray, motion])
    seen = [round(float(frame["motion"].max()), 4) for frame in pipeline.run(source())]
    assert seen == [0.0, 0.2, 0.0]
