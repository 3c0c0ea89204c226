"""How much work is a quantum? Torch calls whose CPU time was measured, repeated until it is done.

A load says how many CPU-seconds come in a second, so each quantum has to cost what it says: not
wall time, which counts the neighbours in.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import torch

__all__ = ["Kernel", "convolution"]

_WARMUP_CALLS = 5
_ROUNDS = 10
_ROUND_NS = 2_000_000


class Kernel:
    """Something that torch computes on one core in far less than a quantum.

    Args:
        call: computes it once, without waiting for anything.

    Attributes:
        call: the same.
        call_ns: what one call costs, in ns of a core; see `measure`.
    """

    def __init__(self, call: Callable[[], object]) -> None:
        self.call = call
        self.call_ns = 1.0
        self.measure()

    def measure(self) -> None:
        """Measure `call_ns` anew, best of 10 rounds of 2 ms: processors change their speed."""
        measuring = threading.Thread(target=self._measure)  # leaves the caller's torch as it is
        measuring.start()
        measuring.join()

    def run(self, cost_ns: int) -> None:
        """Compute for about `cost_ns` of a core; once at least."""
        for _ in range(max(1, round(cost_ns / self.call_ns))):
            self.call()

    def _measure(self) -> None:
        torch.set_num_threads(1)
        for _ in range(_WARMUP_CALLS):
            self.call()
        calls = max(1, round(_ROUND_NS / self._mean_ns(_WARMUP_CALLS)))
        self.call_ns = min(self._mean_ns(calls) for _ in range(_ROUNDS))

    def _mean_ns(self, calls: int) -> float:
        begin_ns = time.thread_time_ns()
        for _ in range(calls):
            self.call()
        return max(1.0, (time.thread_time_ns() - begin_ns) / calls)


def convolution() -> Kernel:
    """A 3x3 convolution of 16 channels of 48x48 px: a fraction of a millisecond."""
    generator = torch.Generator().manual_seed(1)
    picture = torch.randn(1, 16, 48, 48, generator=generator)
    weights = torch.randn(16, 16, 3, 3, generator=generator)

    def convolve() -> torch.Tensor:
        with torch.inference_mode():
            return torch.nn.functional.conv2d(picture, weights, padding=1)

    return Kernel(convolve)
