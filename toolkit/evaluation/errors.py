"""What goes wrong with ground truth? A file or folder is not what its format promises."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["BadData"]


class BadData(ValueError):
    """A file or folder that was given for evaluation cannot be used as it is.

    The message names it, what was found there, what was expected, and what to do.

    Attributes:
        path: the file or folder, as the caller wrote it; None for values that came from no file.
    """

    def __init__(self, message: str, *, path: str | Path | None = None) -> None:
        super().__init__(f"{path}: {message}" if path is not None else message)
        self.path = path
