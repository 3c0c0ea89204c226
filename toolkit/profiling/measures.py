"""How many bytes did a call carry? Told from its arguments before, and from its result after.

Each measure answers for one kind of call: given the arguments, it gives a function of the result.
What cannot be told without reading or copying is 0 bytes.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias, cast

import numpy as np

__all__ = [
    "Measure",
    "array_loaded",
    "bytes_given",
    "bytes_left",
    "bytes_put",
    "bytes_returned",
    "from_inside",
]

# Called with the arguments before a call; gives what tells its bytes from its result. None: a call
# inside of it knows.
Measure: TypeAlias = Callable[[tuple[Any, ...], dict[str, Any]], Callable[[Any], "int | None"]]


def bytes_returned(_: tuple[Any, ...], __: dict[str, Any]) -> Callable[[Any], int | None]:
    """The result is the bytes or their number, or begins with it."""
    return _size


def bytes_given(place: int, name: str = "") -> Measure:
    """All bytes of one argument are carried."""
    return lambda args, kwargs: lambda _: _size(_argument(args, kwargs, place, name))


def bytes_put(place: int, name: str, suffix: str = "") -> Measure:
    """What one argument, a binary file or a path, has more when the call is done.

    Args:
        place: of the argument.
        name: of the argument.
        suffix: what the call puts behind a path that does not have it.
    """

    def measure(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[[Any], int | None]:
        file = _argument(args, kwargs, place, name)
        if isinstance(file, (str, os.PathLike)):
            path = str(cast("str | os.PathLike[str]", file))
            path = path if path.endswith(suffix) else path + suffix
            return lambda _: _size_at(path)
        begin = _position(file)
        return lambda _: max(_position(file) - begin, 0)

    return measure


def bytes_left(place: int, name: str) -> Measure:
    """What is in one argument, a binary file or a path, from its position to its end."""

    def measure(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Callable[[Any], int | None]:
        file = _argument(args, kwargs, place, name)
        left = _size_at(file) if isinstance(file, (str, os.PathLike)) else _left(file)
        return lambda _: left

    return measure


def from_inside(_: tuple[Any, ...], __: dict[str, Any]) -> Callable[[Any], int | None]:
    """Nothing can be told here; a call inside knows."""
    return lambda _: None


def array_loaded(_: tuple[Any, ...], __: dict[str, Any]) -> Callable[[Any], int | None]:
    """The result is an array in memory; one that is mapped, or an archive, was not read yet."""
    return lambda result: 0 if isinstance(result, np.memmap) else getattr(result, "nbytes", 0)


def _size(value: Any) -> int:
    if isinstance(value, tuple):  # bytes, and the address that they came from
        return _size(cast("tuple[Any, ...]", value)[0]) if value else 0
    if isinstance(value, int):
        return value
    if isinstance(value, str):
        return len(value)
    try:
        return memoryview(value).nbytes
    except TypeError:
        return 0


def _argument(args: tuple[Any, ...], kwargs: dict[str, Any], place: int, name: str) -> Any:
    return args[place] if len(args) > place else kwargs.get(name)


def _size_at(path: Any) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _position(file: Any) -> int:
    try:
        return file.tell()
    except (AttributeError, OSError, ValueError):
        return 0


def _left(file: Any) -> int:
    try:
        if isinstance(file, io.BytesIO):
            return file.getbuffer().nbytes - file.tell()
        return os.fstat(file.fileno()).st_size - file.tell()
    except (AttributeError, OSError, ValueError):
        return 0
