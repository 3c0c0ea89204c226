"""How far off is odometry after a round of 300 frames, from pictures, without closing the loop?"""

import numpy as np
import pytest

from toolkit.evaluation import Trajectory, align, associate
from toolkit.media.scenes import Scene
from toolkit.pipeline import Pipeline
from toolkit.stages import blur, corners, gray, odometry, pyramid, sobel, tracks
from toolkit.stages.journey import Journey

FRAMES = 300


@pytest.fixture(scope="module")
def ways():
    """The camera's way, its part that was found, and what was found, laid onto it by Sim(3)."""
    scene = Scene(
        "room", motion="loop", width=320, height=240, frames=FRAMES, seed=1, supersample=1
    )
    pipeline = Pipeline([gray, blur, sobel, corners, pyramid, tracks, odometry])
    pipeline.params["odometry"].camera = scene.intrinsics
    journey = Journey()
    for frame in pipeline.run(scene, want=("odometry",)):
        journey.add(frame.pts_seconds, frame["odometry"])
    truth = _true_way(scene)
    there, estimate = associate(truth, Trajectory(*journey.read()))
    found, _ = align(there, estimate, with_scale=True)
    return truth, there, found


def _true_way(scene):
    poses = [[one.numpy() for one in scene.pose(index)] for index in range(FRAMES)]
    return Trajectory(
        np.arange(FRAMES) / scene.fps,
        np.stack([turn.T for turn, _ in poses]),
        np.stack([-turn.T @ shift for turn, shift in poses]),
    )


def test_the_round_is_found_from_the_first_map_to_its_end(ways):
    truth, there, _ = ways
    assert len(there) >= 0.8 * FRAMES
    assert there.pts_seconds[-1] == truth.pts_seconds[-1]


def test_it_ends_and_stays_within_two_percent_of_the_way_s_length(ways, record_property):
    truth, there, found = ways
    off = np.linalg.norm(found.positions - there.positions, axis=1)
    at_end, at_most = off[-1] / truth.length_metres, off.max() / truth.length_metres
    record_property("of the way's length at the end, at most", f"{at_end:.4f} {at_most:.4f}")
    assert at_end <= 0.02
    assert at_most <= 0.02
