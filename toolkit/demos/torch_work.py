"""What do the tasks of the workload compute? A few lines of torch for each kind, seeded.

Each is a step that takes less than a millisecond of a core; a quantum is as many as its cost holds.
Nothing is downloaded: the models are small, and what they say is noise.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from toolkit.demos.kernels import Kernel

__all__ = ["TinyLanguageModel", "TorchWork"]

_WORDS, _WINDOW, _WIDTH = 256, 32, 64


class TinyLanguageModel(nn.Module):
    """Two causal layers over a window of tokens; about 118 000 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(_WORDS, _WIDTH)
        self.place = nn.Parameter(0.1 * torch.randn(_WINDOW, _WIDTH))
        layer = nn.TransformerEncoderLayer(
            _WIDTH, nhead=4, dim_feedforward=4 * _WIDTH, dropout=0.0, batch_first=True
        )
        self.layers = nn.TransformerEncoder(layer, num_layers=2, enable_nested_tensor=False)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(_WINDOW))

    def forward(self, tokens: Tensor) -> Tensor:
        """The scores of the next token, (B, 256), after `tokens`, (B, 32) int64."""
        hidden = self.embedding(tokens) + self.place  # (B, 32, 64)
        hidden = self.layers(hidden, mask=self.mask, is_causal=True)
        return hidden[:, -1] @ self.embedding.weight.T


class TorchWork:
    """Does the work of quanta, of the cost that the load says. Measures it at construction.

    Args:
        seed: of models and inputs.

    Attributes:
        kernels: what is computed, by kind.
    """

    def __init__(self, seed: int = 0) -> None:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            steps = _steps()
        self.kernels = {kind: Kernel(step) for kind, step in steps.items()}
        self.kernels["frame30"] = self.kernels["frame"]

    def __call__(self, kind: str, cost_ns: int) -> None:
        """Compute for about `cost_ns` of a core."""
        self.kernels[kind].run(cost_ns)


def _steps() -> dict[str, Callable[[], object]]:
    model = TinyLanguageModel().eval()
    learner = nn.Sequential(nn.Linear(64, 128), nn.GELU(), nn.Linear(128, 64))
    return {
        "frame": _without_gradients(_blur()),
        "audio": _without_gradients(_filter()),
        "overlay": _without_gradients(_blend()),
        "chat": _without_gradients(_talk(model)),
        "embed": _without_gradients(_embed()),
        "index": _without_gradients(_look_up()),
        "train": _learn(learner),
        "consolidate": _without_gradients(_average(learner)),
        "clean": _without_gradients(_deduplicate()),
        "speculate": _without_gradients(_talk(model)),
    }


def _without_gradients(step: Callable[[], object]) -> Callable[[], object]:
    def compute() -> object:
        with torch.no_grad():
            return step()

    return compute


def _blur() -> Callable[[], Tensor]:
    """A Gaussian blur of a camera's picture."""
    picture, weights = torch.rand(1, 3, 90, 160), torch.full((3, 1, 5, 5), 1 / 25)
    return lambda: functional.conv2d(picture, weights, padding=2, groups=3)


def _filter() -> Callable[[], Tensor]:
    """A low pass over a block of sound."""
    block, response = torch.randn(2, 960), torch.linspace(1, 0, 481)
    return lambda: torch.fft.irfft(torch.fft.rfft(block) * response)


def _blend() -> Callable[[], Tensor]:
    """A drawing over a picture."""
    picture, drawing, alpha = torch.rand(3, 180, 320), torch.rand(3, 180, 320), torch.rand(180, 320)
    return lambda: torch.lerp(picture, drawing, alpha)


def _talk(model: TinyLanguageModel) -> Callable[[], Tensor]:
    """The next token of a text; each thread writes one of its own."""
    texts = threading.local()

    def token() -> Tensor:
        text = getattr(texts, "tokens", None)
        if text is None:
            text = torch.arange(_WINDOW)[None]
        following = model(text).argmax(-1, keepdim=True)
        texts.tokens = torch.cat([text[:, 1:], following], dim=1)
        return following

    return token


def _embed() -> Callable[[], Tensor]:
    """Unit vectors of 32 passages."""
    passages, encoder = torch.randn(32, 256), nn.Sequential(nn.Linear(256, 256), nn.GELU())
    return lambda: functional.normalize(encoder(passages), dim=-1)


def _look_up() -> Callable[[], object]:
    """The nearest neighbours of 16 vectors among 2048."""
    index, queries = torch.randn(2048, 64), torch.randn(16, 64)
    return lambda: (queries @ index.T).topk(8, dim=-1)


def _learn(learner: nn.Module) -> Callable[[], Tensor]:
    """A step of an optimiser."""
    optimiser = torch.optim.SGD(learner.parameters(), lr=1e-3, momentum=0.9)
    inputs, targets = torch.randn(64, 64), torch.randn(64, 64)

    def step() -> Tensor:
        with torch.enable_grad():
            optimiser.zero_grad()
            loss = functional.mse_loss(learner(inputs), targets)
            loss.backward()
        optimiser.step()
        return loss.detach()

    return step


def _average(learner: nn.Module) -> Callable[[], None]:
    """A slow average of what was learned."""
    kept = [one.detach().clone() for one in learner.parameters()]

    def step() -> None:
        for slow, fast in zip(kept, learner.parameters(), strict=True):
            slow.lerp_(fast, 0.01)

    return step


def _deduplicate() -> Callable[[], Tensor]:
    """What is left of keys when each counts once."""
    keys = torch.randint(0, 1024, (4096,))
    return lambda: keys.unique()
