"""What goes wrong with a file or a camera, and where in it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["MediaError"]


class MediaError(RuntimeError):
    """A file, camera or stream could not be opened, read or written to its end.

    Frames that were decoded before the fault have been delivered when it is raised.

    Attributes:
        path: what was opened, as the caller wrote it.
        packet: number of the packet at fault, counted from 1 in the stream; None where the fault
            has no place in it.
        cause: the error or the reason underneath.
    """

    def __init__(
        self,
        message: str,
        *,
        path: str | Path | None = None,
        packet: int | None = None,
        cause: BaseException | str | None = None,
    ) -> None:
        super().__init__(message)
        self.path = path
        self.packet = packet
        self.cause = cause
