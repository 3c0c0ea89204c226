"""Which calls turn objects into bytes, or back? Those of pickle, json, numpy and torch.

Time inside of them is Python's and the processor's, so it is no wait; reads and writes that they
make are input and output besides.
"""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from toolkit import hooks
from toolkit.profiling.acts import carries
from toolkit.profiling.measures import (
    array_loaded,
    bytes_given,
    bytes_left,
    bytes_put,
    bytes_returned,
    from_inside,
)
from toolkit.profiling.replacing import Seam

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["serialise_seams"]


def serialise_seams() -> Iterator[Seam]:
    """The places where serialisation is heard."""
    for owner, name, measure in (
        (pickle, "dumps", bytes_returned),
        (pickle, "loads", bytes_given(0)),
        (pickle, "dump", bytes_put(1, "file")),
        (pickle, "load", _consumed),
        (json, "dumps", bytes_returned),
        (json, "loads", bytes_given(0, "s")),
        (json, "load", from_inside),
        (np, "save", bytes_put(0, "file", ".npy")),
        (np, "savez", bytes_put(0, "file", ".npz")),
        (np, "savez_compressed", bytes_put(0, "file", ".npz")),
        (np, "load", array_loaded),
        (torch, "save", bytes_put(1, "f")),
        (torch, "load", bytes_left(0, "f")),
    ):
        op = f"{owner.__name__}.{name}"
        yield Seam(owner, name, carries("serialize", op, measure))
    yield Seam(json, "dump", _dumps_text)
    archive = np.lib.npyio.NpzFile  # reads an array when it is asked for it
    yield Seam(archive, "__getitem__", carries("serialize", "numpy.load", array_loaded))


# What pickle reads of a file is what its position moves on.
_consumed = bytes_put(0, "file")


class _Counted:
    """A text file that counts what is written to it."""

    def __init__(self, file: Any) -> None:
        self._file = file
        self.nbytes = 0

    def write(self, text: str) -> None:
        """Pass it on."""
        self.nbytes += len(text)
        self._file.write(text)


def _written(args: tuple[Any, ...], _: dict[str, Any]) -> Callable[[Any], int | None]:
    return lambda _: args[1].nbytes


def _dumps_text(original: Callable[..., Any]) -> Callable[..., Any]:
    counted = carries("serialize", "json.dump", _written)(original)

    def heard(obj: Any, fp: Any, **options: Any) -> Any:
        if "event" not in hooks.table():
            return original(obj, fp, **options)
        return counted(obj, _Counted(fp), **options)

    return heard
