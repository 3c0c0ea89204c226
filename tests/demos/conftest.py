"""Stages that stand in for the real ones: what is tested here is how they are evaluated."""

from typing import Annotated, NamedTuple

import numpy as np
import pytest
import torch

from toolkit import stages
from toolkit.parameters import Choice
from toolkit.stages.declare import Global, Gray, Matrix, Pose, Tracks, stage

_MODES = Annotated[str, Choice("fast", "balanced", "best")]
_CAMERA = Annotated[tuple, Matrix(3, 3)]
_BACKENDS = Annotated[str, Choice("torch", "opencv")]


@pytest.fixture
def offer(monkeypatch):
    """Let a stage be one of the toolkit's for the length of a test."""

    def add(one):
        monkeypatch.setattr(stages, one.name, one, raising=False)
        monkeypatch.setattr(stages, "__all__", sorted({*stages.__all__, one.name}))
        return one

    return add


@pytest.fixture
def still_flow(offer):
    """A stage `flow` that says that nothing moves; returns what it was asked for."""
    asked = []

    def nothing(gray):
        return gray.new_zeros(1, 2, *gray.shape[-2:])

    @stage("flow", footprint=Global(), first=lambda gray: nothing(gray))
    def flow(gray: Gray, prev_gray: Gray, *, preset: str, backend: str) -> torch.Tensor:
        asked.append((preset, backend, torch.get_num_threads()))
        return nothing(gray)

    @flow.prepare
    def _(spec, *, preset: _MODES = "balanced", backend: _BACKENDS = "torch"):
        return {"preset": preset, "backend": backend}

    offer(flow)
    return asked


@pytest.fixture
def opencv_pose(offer):
    """A stage `pose` that OpenCV computes, and that calls degenerate what a homography explains."""
    cv2 = pytest.importorskip("cv2")

    @stage("pose", footprint=Global())
    def pose(tracks: Tracks, *, camera):
        before, after, _ = tracks.pairs
        points = before[0].double().numpy(), after[0].double().numpy()
        essential, mask = cv2.findEssentialMat(*points, camera, cv2.USAC_ACCURATE, 0.999, 1.0)
        _, rotation, translation, *_ = cv2.recoverPose(essential[:3], *points, camera, mask=mask)
        _, on_plane = cv2.findHomography(*points, cv2.RANSAC, 1.0)
        return Pose(
            torch.from_numpy(rotation).float()[None],
            torch.from_numpy(translation[:, 0]).float()[None],
            torch.from_numpy(mask[:, 0] > 0)[None],
            torch.tensor([True]),
            torch.tensor([bool(on_plane.sum() > 0.95 * mask.sum())]),
            torch.zeros(1),
        )

    @pose.prepare
    def _(spec, *, camera: _CAMERA = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))):
        return {"camera": np.array(camera)}

    return offer(pose)


class Way(NamedTuple):
    """What a stage of odometry says that is looked at."""

    rotation: torch.Tensor
    translation: torch.Tensor
    is_valid: torch.Tensor


@pytest.fixture
def circling(offer):
    """A stage `odometry` that goes round in a circle, knows nothing on its first frame, and turns.

    Returns the cameras that it was told.
    """
    told = []

    def way(count):
        angle = torch.tensor(0.2 * count)
        rotation = torch.tensor(
            [[angle.cos(), -angle.sin(), 0.0], [angle.sin(), angle.cos(), 0.0], [0.0, 0.0, 1.0]]
        )
        position = torch.stack([angle.cos(), angle.sin(), angle.sin() ** 2])
        return Way(rotation.T[None], -(rotation.T @ position)[None], torch.tensor([count > 0]))

    counted = iter(range(10_000))

    @stage("odometry", footprint=Global(), first=lambda gray: way(next(counted)))
    def odometry(gray: Gray, prev_gray: Gray, *, camera):
        told.append(camera)
        return way(next(counted))

    @odometry.prepare
    def _(spec, *, camera: _CAMERA = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))):
        return {"camera": camera}

    offer(odometry)
    return told
