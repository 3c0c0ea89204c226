"""Why does every frame fault its memory in again, and how is that stopped?

glibc hands large blocks back to the system when they are freed, and asks for them again on the next
frame: 50 000 page faults and half of the time of an eager 720p chain. `tune_allocator` tells
glibc to keep them. The price is memory that stays with the process: `trim` gives it back when
nothing runs.

Nothing here happens by import; whoever owns the process calls it, best before threads are started.
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from toolkit import hooks

__all__ = ["AllocatorState", "allocator_state", "trim", "tune_allocator"]

OPT_OUT = "DOWNHILL_TUNE_ALLOCATOR"

# name, number in malloc.h, value, environment variable by which a user sets it. mallopt takes C
# ints.
_SETTINGS = (
    # Blocks below this come from the heap, where they can stay; above, from mmap, which never
    # keeps.
    ("M_MMAP_THRESHOLD", -3, 1 << 30, "MALLOC_MMAP_THRESHOLD_"),
    # How much free memory at the heap's end is kept before it goes back to the system.
    ("M_TRIM_THRESHOLD", -1, (1 << 31) - 1, "MALLOC_TRIM_THRESHOLD_"),
    # Grow in large steps. Above 64 MB this also keeps glibc from unmapping a thread's own heap.
    ("M_TOP_PAD", -2, 64 << 20, "MALLOC_TOP_PAD_"),
    # Heaps of threads are 64 MB each, and larger blocks go around them to mmap: one heap for all.
    ("M_ARENA_MAX", -8, 1, "MALLOC_ARENA_MAX"),
)
_OTHER_ALLOCATORS = ("jemalloc", "mimalloc", "tcmalloc", "hoard", "snmalloc")

_lock = threading.Lock()
_state: AllocatorState | None = None


@dataclass(frozen=True, slots=True)
class AllocatorState:
    """What was asked of the C allocator.

    Attributes:
        is_tuned: whether large blocks are kept by the process now.
        settings: name and value of each setting that was accepted.
        reason: why it is so, in a sentence.
    """

    is_tuned: bool
    settings: tuple[tuple[str, int], ...] = ()
    reason: str = ""

    def __repr__(self) -> str:
        if not self.is_tuned:
            return f"AllocatorState(not tuned: {self.reason})"
        values = ", ".join(f"{name}={value}" for name, value in self.settings)
        return f"AllocatorState(tuned: {values}{'; ' + self.reason if self.reason else ''})"


def allocator_state() -> AllocatorState:
    """What `tune_allocator` did so far. Changes nothing."""
    return _state or AllocatorState(is_tuned=False, reason="tune_allocator() was not called")


def tune_allocator() -> AllocatorState:
    """Make glibc keep large freed blocks, on every thread. Calling it again changes nothing.

    Freed memory then stays with the process until `trim` is called: expect its resident size to
    stand at the highest use so far. A setting that the user made by environment
    (`MALLOC_ARENA_MAX` and the like) is left alone, and `DOWNHILL_TUNE_ALLOCATOR=0` leaves all of
    them alone. Where the C library is not glibc (musl, macOS, Windows) nothing is done, and the
    state says so.

    A thread that had allocated before this call keeps its own heap: blocks up to 64 MB stay
    there, too, larger ones go on faulting. Call it first.

    Source: mallopt(3), and glibc malloc/arena.c for the limit of a thread's heap.
    """
    global _state
    with _lock:
        if _state is None or not _state.is_tuned:
            _state = _tune()
            hooks.report("alloc", 0, op="mallopt", source=repr(_state))
        return _state


def trim() -> int:
    """Give free memory back to the system: bytes given back. Blocks for milliseconds.

    The next frames fault their memory in again. On the bill as kind "free", operation
    "malloc_trim". Elsewhere than on glibc it does nothing and answers 0.
    """
    libc = _glibc()
    if libc is None:
        return 0
    before = _resident_bytes()
    with hooks.timed("free", op="malloc_trim") as timing:
        libc.malloc_trim(ctypes.c_size_t(0))
        timing.nbytes = max(before - _resident_bytes(), 0)
    return timing.nbytes


def _tune() -> AllocatorState:
    reason = _why_not()
    libc = _glibc()
    if reason or libc is None:
        return AllocatorState(is_tuned=False, reason=reason)
    made: list[tuple[str, int]] = []
    left: list[str] = []
    for name, number, value, variable in _SETTINGS:
        if variable in os.environ:
            left.append(f"{variable}={os.environ[variable]} is yours and stays")
        elif libc.mallopt(ctypes.c_int(number), ctypes.c_int(value)) == 1:
            made.append((name, value))
        else:
            left.append(f"glibc refused {name}={value}")
    names = {name for name, _ in made}
    is_tuned = {"M_MMAP_THRESHOLD", "M_TRIM_THRESHOLD"} <= names
    return AllocatorState(is_tuned, tuple(made), "; ".join(left))


def _why_not() -> str:
    if os.environ.get(OPT_OUT, "") in {"0", "off", "false", "no"}:
        return f"{OPT_OUT}={os.environ[OPT_OUT]} in the environment"
    if _glibc() is None:
        return f"the C library is not glibc (platform {sys.platform!r}), which has other settings"
    preloaded = os.environ.get("LD_PRELOAD", "")
    for name in _OTHER_ALLOCATORS:
        if name in preloaded:
            return f"{name} is preloaded and serves the allocations instead of glibc"
    return ""


def _glibc() -> Any | None:
    """The C library if it is glibc, else None."""
    if not sys.platform.startswith("linux"):
        return None
    libc = ctypes.CDLL(None)
    return libc if hasattr(libc, "gnu_get_libc_version") else None


def _resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
