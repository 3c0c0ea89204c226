"""What stops a thread, or carries bytes out of it, beside torch? What is heard, and what is not.

While a session is open, calls of Python's own libraries are heard on recorded threads:

- **waits** that really stopped the thread, by the name of the outermost call: `queue.Queue`, and of
  `threading` `Condition`, `Event`, `Semaphore`, `Barrier`, `Thread.join` and `Thread.start`;
  `concurrent.futures` results and `wait`; `time.sleep`; selectors, and so an event loop that has
  nothing to do; child processes; a socket that connects or accepts. A queue that had an item is no
  wait.
- **io**: system calls of files that `open` or `pathlib` opened since the session began, with their
  bytes; sockets, secured ones too; `os.read`, `os.write` and their like; `numpy.fromfile`.
- **serialize**: `pickle` and `json` functions, `numpy.save`, `savez` and `load`, `torch.save` and
  `torch.load`, with their bytes.
- **gc**: pauses of the garbage collector, see `toolkit.profiling.pauses`.

Not heard, because it has no seam: locks, `queue.SimpleQueue`, and `select.select`; files opened
before; memory maps; native libraries (FFmpeg, safetensors, torch's own writer); `Pickler` objects
used by themselves; functions that a module took by name before the session began
(`from time import sleep`). Their time is not lost: whatever the thread did not run, and no event
explains, is on the bill as time off the CPU without a name.

Nothing of this stays: attributes are replaced by the first session, and put back by the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from toolkit.profiling.reading import read_seams
from toolkit.profiling.replacing import Replaced, Seam
from toolkit.profiling.serialising import serialise_seams
from toolkit.profiling.shared import Shared
from toolkit.profiling.waiting import wait_seams

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["hearing_boundaries", "seams"]


def seams() -> Iterator[Seam]:
    """All places where calls are heard."""
    yield from wait_seams()
    yield from read_seams()
    yield from serialise_seams()


_replaced = Replaced(seams)
hearing_boundaries = Shared(_replaced.put, _replaced.take)
