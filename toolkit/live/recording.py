"""How does a live picture become a film? Each frame as it is shown, in its time, without gaps.

The times of a live picture jump: at a seek, a loop, a pause. In the film they go on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from torch import Tensor

__all__ = ["Recording", "Writer"]

_LONGEST_GAP_SECONDS = 2.0
_STEP_SECONDS = 1 / 30


class Writer(Protocol):
    """What takes pictures, such as `toolkit.media.VideoWriter`."""

    def write(self, picture: Tensor, pts_seconds: float) -> None:
        """Append one picture, (C, H, W) uint8 on the host."""
        ...

    def close(self) -> None:
        """Finish the file."""
        ...


class Recording:
    """Writes pictures to a writer that is opened with the first one. It belongs to one thread.

    Args:
        name: of the result that is recorded.
        open_writer: called with width and height.
        on_close: called with how many pictures were written.
    """

    def __init__(
        self,
        name: str,
        open_writer: Callable[[int, int], Writer],
        on_close: Callable[[int], object],
    ) -> None:
        self.name = name
        self.frames = 0
        self._open_writer = open_writer
        self._on_close = on_close
        self._writer: Writer | None = None
        self._last_pts = 0.0
        self._time = 0.0
        self._step = _STEP_SECONDS

    def write(self, picture: np.ndarray[Any, Any], pts_seconds: float) -> None:
        """Append (H, W, 3) or (H, W) uint8. Blocks for the encoder.

        Raises:
            Exception: what the writer raised, such as another size than that of the first.
        """
        height, width = picture.shape[:2]
        if self._writer is None:
            self._writer = self._open_writer(width, height)
        else:
            gap = pts_seconds - self._last_pts
            self._step = gap if 0 < gap < _LONGEST_GAP_SECONDS else self._step
            self._time += self._step
        self._last_pts = pts_seconds
        planes = torch.from_numpy(picture.reshape(height, width, -1)).permute(2, 0, 1)
        self._writer.write(planes, self._time)
        self.frames += 1

    def close(self) -> None:
        """Finish the file.

        Raises:
            Exception: what the writer raised.
        """
        writer, self._writer = self._writer, None
        try:
            if writer is not None:
                writer.close()
        finally:
            self._on_close(self.frames)
