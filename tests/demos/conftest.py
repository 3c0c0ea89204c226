"""Stages that stand in for the real ones: what is tested here is how they are evaluated."""

from typing import Annotated

import pytest
import torch

from toolkit import stages
from toolkit.parameters import Choice
from toolkit.stages.declare import Global, Gray, stage

_MODES = Annotated[str, Choice("fast", "balanced", "best")]
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
