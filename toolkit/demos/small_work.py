"""What do we schedule in lessons? A filtered picture, a word of an answer, a step of training.

Real kernels of torch, each of some milliseconds on one core. None looks at the clock, so that two
schedulers that run them do the same.
"""

from __future__ import annotations

import torch
import torch.nn.functional as tnf
from torch import Tensor, nn

__all__ = ["Filter", "Learner", "Talker"]

_CELLS_PER_WORD = 24


class Filter:
    """Blurs the same picture, (1, 3, 180, 320) float32, each time it is called. Allocates."""

    def __init__(self) -> None:
        self._picture = torch.rand(1, 3, 180, 320)
        self._weights = torch.full((3, 1, 5, 5), 1 / 25)

    def __call__(self) -> Tensor:
        """The blurred picture, of the same shape. No gradients are needed for it."""
        return tnf.conv2d(self._picture, self._weights, padding=2, groups=3)


class Talker:
    """A recurrent network that says nothing in particular, word by word."""

    def __init__(self) -> None:
        self._cell = nn.GRUCell(512, 512)

    def begin(self) -> Tensor:
        """What it knows before the first word: (1, 512)."""
        return torch.zeros(1, 512)

    @torch.inference_mode()
    def word(self, state: Tensor) -> Tensor:
        """What it knows after one word more: (1, 512)."""
        for _ in range(_CELLS_PER_WORD):
            state = self._cell(state, state)
        return state


class Learner:
    """Learns to give back what it got. Not for two threads at once."""

    def __init__(self) -> None:
        self._inputs = torch.rand(256, 256)
        self._model = nn.Sequential(nn.Linear(256, 512), nn.ReLU(), nn.Linear(512, 256))
        self._optimizer = torch.optim.SGD(self._model.parameters(), lr=0.01)

    def step(self) -> Tensor:
        """One step of training, with gradients; the loss before it, a scalar without gradient."""
        self._optimizer.zero_grad()
        loss = (self._model(self._inputs) - self._inputs).pow(2).mean()
        loss.backward()
        self._optimizer.step()
        return loss.detach()
