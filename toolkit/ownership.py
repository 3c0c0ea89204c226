"""In which ways can a frame be used wrongly? One error for each, and each names the way out."""

from __future__ import annotations

__all__ = [
    "AlreadyAttached",
    "FrameBusy",
    "FrameError",
    "FrameMoved",
    "FrameRecycled",
    "FrameReleased",
    "MissingAttachment",
]


class FrameError(RuntimeError):
    """A frame was used in a way that its owner has ruled out."""


class FrameMoved(FrameError):
    """The frame was handed on with `move()`; this name no longer owns it."""


class FrameReleased(FrameError):
    """The lease was given back; the slot may be written at any time."""


class FrameRecycled(FrameReleased):
    """The lease was given back and the slot holds another frame's pixels by now."""


class FrameBusy(FrameError):
    """Somebody else is overwriting the pixels."""


class AlreadyAttached(FrameError):
    """Results are attached once."""


class MissingAttachment(FrameError, KeyError):
    """Nothing of that name is attached, and nobody provides it."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""
