"""What do the sizes in a stream add up to, where no operator is of interest? Seven numbers.

The compiled hook hands them out ready made; of the stream of torch's own profiler they are made
here, by functions that run in C. Both give the same numbers.
"""

from __future__ import annotations

from array import array
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple
from zlib import crc32

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Sums", "SumsBetween", "signature_of", "sums_of"]


class Sums(NamedTuple):
    """Allocations and frees of one stretch, in the order in which `native` writes them.

    Attributes:
        net_bytes: allocated less freed.
        peak_bytes: the highest that this difference stood at.
        signature: of the sizes allocated, in order; those of several threads are added.
    """

    allocations: int
    allocated_bytes: int
    frees: int
    freed_bytes: int
    net_bytes: int
    peak_bytes: int
    signature: int


# A stretch of a thread from `resume` to `pause` of `AllocatorStream`, in the order of `native`:
# when it began and ended on the clock of `time.perf_counter_ns`, how many ns of that the thread
# ran, minor page faults of the process or -1 where the system does not say, and then the `Sums`.
SumsBetween = tuple[int, ...]

_NOTHING = Sums(0, 0, 0, 0, 0, 0, 0)


def signature_of(sizes: Sequence[int]) -> int:
    """What tells stretches apart that allocate differently; 0 where nothing is allocated."""
    return crc32(array("q", sizes))


def sums_of(sizes: Sequence[int]) -> Sums:
    """Sum up bytes allocated, and negative ones that are freed. 0.1 us for each."""
    allocated = [nbytes for nbytes in sizes if nbytes > 0]
    allocated_bytes, net_bytes = sum(allocated), sum(sizes)
    frees = len(sizes) - len(allocated) - sizes.count(0)
    return Sums(
        len(allocated),
        allocated_bytes,
        frees,
        allocated_bytes - net_bytes,
        net_bytes,
        max(accumulate(sizes, initial=0)),
        signature_of(allocated),
    )


def joined(threads: Sequence[Sums]) -> Sums:
    """The sums of all threads: of others after the own one, since nobody knows the order."""
    result = threads[0] if threads else _NOTHING
    for one in threads[1:]:
        peak_bytes = max(result.peak_bytes, result.net_bytes + one.peak_bytes)
        result = Sums(*map(int.__add__, result, one))._replace(peak_bytes=peak_bytes)
    return result
