"""Which reads and writes are heard? Those of files that `open` gives meanwhile, and of sockets.

Python's files are made in C and have no seam. So `open` gives, in a context that listens, the same
file with another bottom: a `FileIO` that times each system call. What a buffer answers is not
input: counted is what the system was asked for, and when. A file that outlives the session keeps
its bottom, which then costs one look-up for each system call.
"""

from __future__ import annotations

import builtins
import io
import os
import socket
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit import hooks
from toolkit.profiling.acts import carries, waits
from toolkit.profiling.measures import array_loaded, bytes_given, bytes_returned
from toolkit.profiling.replacing import Seam

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["HeardFile", "read_seams"]

_SYSTEM = ("read", "write", "pread", "pwrite", "sendfile", "copy_file_range")
_RECEIVES = ("recv", "recvfrom", "recvmsg", "recv_into", "recvfrom_into")
_SENDS = ("send", "sendto", "sendmsg", "sendfile")


def read_seams() -> Iterator[Seam]:
    """The places where reads and writes are heard."""
    yield Seam(builtins, "open", _opens)
    yield Seam(io, "open", _opens)
    shell = sys.modules.get("IPython.core.interactiveshell")
    if hasattr(shell, "io_open"):
        yield Seam(shell, "io_open", _opens)  # what the cells of a notebook open files with
    for name in _SYSTEM:
        if hasattr(os, name):
            yield Seam(os, name, carries("io", f"os.{name}", bytes_returned))
    for name in (*_RECEIVES, *_SENDS):
        if hasattr(socket.socket, name):
            yield Seam(socket.socket, name, carries("io", f"socket.{name}", bytes_returned))
    yield Seam(socket.socket, "sendall", carries("io", "socket.sendall", bytes_given(1)))
    for name in ("accept", "connect"):
        yield Seam(socket.socket, name, waits(f"socket.{name}", _may_stop))
    ssl = sys.modules.get("ssl")
    if ssl is not None:
        for name in ("read", "send"):
            yield Seam(ssl.SSLSocket, name, carries("io", f"SSLSocket.{name}", bytes_returned))
    yield Seam(np, "fromfile", carries("io", "numpy.fromfile", array_loaded))


def _may_stop(one: socket.socket, *_: Any) -> bool:
    return one.gettimeout() != 0


class HeardFile(io.FileIO):
    """The bottom of a file: each system call is reported, in contexts that listen."""

    read = carries("io", "file.read", bytes_returned)(io.FileIO.read)
    readall = carries("io", "file.read", bytes_returned)(io.FileIO.readall)
    readinto = carries("io", "file.read", bytes_returned)(io.FileIO.readinto)
    write = carries("io", "file.write", bytes_returned)(io.FileIO.write)


def _opens(original: Callable[..., Any]) -> Callable[..., Any]:
    def heard(
        file: Any,
        mode: str = "r",
        buffering: int = -1,
        encoding: str | None = None,
        errors: str | None = None,
        newline: str | None = None,
        closefd: bool = True,
        opener: Any = None,
    ) -> Any:
        text = (encoding, errors, newline)
        if "event" not in hooks.table() or not _is_sound(mode, buffering, text):
            return original(file, mode, buffering, *text, closefd, opener)
        place = file if isinstance(file, int) else _path(file)
        raw = HeardFile(place, mode.replace("b", "").replace("t", ""), closefd, opener)
        try:
            return _put_on(raw, mode, buffering, text)
        except BaseException:
            raw.close()
            raise

    return heard


def _path(file: os.PathLike[str]) -> str:
    return os.fspath(file)


def _is_sound(mode: Any, buffering: Any, text: tuple[str | None, ...]) -> bool:
    """Whether this is a file like any other; for what is wrong, the original has its words."""
    if not isinstance(mode, str) or not isinstance(buffering, int):
        return False
    main = [letter for letter in mode if letter in "rwxa"]
    rest = [letter for letter in mode if letter not in "rwxa"]
    if len(main) != 1 or sorted(rest) not in ([], ["+"], ["b"], ["t"], ["+", "b"], ["+", "t"]):
        return False
    if "b" in mode:
        return text == (None, None, None) and buffering != 1
    return buffering != 0


def _put_on(raw: HeardFile, mode: str, buffering: int, text: tuple[str | None, ...]) -> Any:
    """The buffer, and the text on it, that `open` makes."""
    if buffering == 0:
        return raw
    is_by_line = buffering == 1 or (buffering < 0 and raw.isatty())
    size = buffering if buffering > 1 else getattr(raw, "_blksize", io.DEFAULT_BUFFER_SIZE)
    kind = io.BufferedReader if "r" in mode else io.BufferedWriter
    buffer: Any = (io.BufferedRandom if "+" in mode else kind)(raw, size)
    if "b" in mode:
        return buffer
    file: Any = io.TextIOWrapper(buffer, *text, line_buffering=is_by_line)
    file.mode = mode
    return file
