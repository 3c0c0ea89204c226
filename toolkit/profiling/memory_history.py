"""Who took the device memory that no operator shows? The ring of CUDA's allocator knows the lines.

torch can keep the newest allocations of CUDA memory with the stack of Python behind each, whatever
thread they were made on. At level `exact` it is switched on for the frame, and read only if the
counters show more than the streams did (see `cuda_memory.py`), for reading it walks all of the
allocator's memory. It is one switch for the whole process: where somebody else has it on, it is
left alone and neither read nor switched off, and the remainder stays without a line.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from toolkit.profiling.sources import chain_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["IN_USE", "NO_RING", "History", "Taken", "blocks_taken", "cuda_history", "unexplained"]

IN_USE = "somebody else records CUDA's memory history"
NO_RING = "this torch, or its allocator, keeps no history of CUDA memory"
ENTRIES = 20_000

_SMALLEST = 512  # blocks are multiples of it
_MOST_ABOVE = 1 << 20  # a block may be that much larger than asked for, when no smaller one is left

_core: Any = import_module("torch._C")
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Taken:
    """One block that the ring has.

    Attributes:
        nbytes: asked for; the block may be larger.
        at_ns: when, on the clock of `time.perf_counter_ns`; 0 where torch does not say.
        source: the lines of Python, from the innermost to the user's own; may be empty.
        stream: address of the CUDA stream that it was taken for.
    """

    nbytes: int
    at_ns: int
    source: str
    stream: int = 0


class History:
    """The switch of the ring, which one at a time may have."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._owner: object = None
        self._clock_offset_ns = 0
        self._is_missing = False

    def begin(self, owner: object) -> str:
        """Switch it on for `owner`. Answers why not, or an empty text. No sync."""
        with self._lock:
            if self._is_missing or not hasattr(_core, "_cuda_isHistoryEnabled"):
                return NO_RING
            if self._owner is not None or _core._cuda_isHistoryEnabled():
                return IN_USE
            try:
                _switch()("all", context="alloc", stacks="python", max_entries=ENTRIES)
            except (AttributeError, TypeError, RuntimeError):
                _log.exception("CUDA's memory history is left out: torch did not switch it on")
                self._is_missing = True
                return NO_RING
            self._owner = owner
            self._clock_offset_ns = time.perf_counter_ns() - time.time_ns()
            return ""

    def end(self, owner: object, *, is_wanted: bool) -> list[Taken]:
        """Switch it off, and read it first if that is wanted."""
        with self._lock:
            if self._owner is not owner:
                return []
            self._owner = None
            try:
                snapshot: Mapping[str, Any] = _memory()._snapshot() if is_wanted else {}
            finally:
                _switch()(None)
            return blocks_taken(snapshot, self._clock_offset_ns)


def blocks_taken(snapshot: Mapping[str, Any], clock_offset_ns: int = 0) -> list[Taken]:
    """The allocations in what `torch.cuda.memory._snapshot()` gives, in order of time.

    Args:
        snapshot: of it, only `device_traces` is read.
        clock_offset_ns: what to add to `time.time_ns()` to have `time.perf_counter_ns()`.
    """
    found: list[Taken] = []
    for entries in snapshot.get("device_traces", ()):
        for entry in entries:
            if entry["action"] == "alloc":
                at_us = int(entry.get("time_us", 0))
                at_ns = at_us * 1000 + clock_offset_ns if at_us else 0
                places = [
                    (one["filename"], one["line"], one["name"]) for one in entry.get("frames", ())
                ]
                source = chain_of(places)
                found.append(Taken(int(entry["size"]), at_ns, source, int(entry.get("stream", 0))))
    return sorted(found, key=lambda one: one.at_ns)


def unexplained(taken: Iterable[Taken], blocks: Sequence[int]) -> list[Taken]:
    """Those that the streams do not show.

    The ring has them in order, those of other threads in between, and so has the stream. An entry
    is taken to be the next block of the stream if it fits in it.

    Args:
        taken: in order of time.
        blocks: sizes in the stream, in order.
    """
    left: list[Taken] = []
    place = 0
    for one in taken:
        if place < len(blocks) and _fits(one.nbytes, blocks[place]):
            place += 1
        else:
            left.append(one)
    return left


def _fits(nbytes: int, block: int) -> bool:
    rounded = max(-(-nbytes // _SMALLEST) * _SMALLEST, _SMALLEST)
    return rounded <= block <= rounded + _MOST_ABOVE or nbytes == block


def _memory() -> Any:
    return import_module("torch.cuda.memory")


def _switch() -> Any:
    return _memory()._record_memory_history


cuda_history = History()
