"""What does one message between page and kernel look like? A small header, then bytes.

    uint32 little endian n | n bytes of JSON, blanks at its end | payload, from a multiple of 8 on

A message without a payload may be text instead: the JSON alone. The header is one object, whose
field `"t"` says what it is. What comes from outside is read here and nowhere else: whatever it is,
the only thing that `unpack` and `check` raise is `WireError`, with a sentence that says what was
wrong. No payload is copied or looked at.
"""

from __future__ import annotations

import json
import re
import struct
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LONGEST_HEADER", "WireError", "check", "pack", "pack_text", "unpack"]

LONGEST_HEADER = 1 << 16
"""Bytes of JSON that one header may have."""

_ALIGNMENT = 8
_LENGTH = struct.Struct("<I")
_LARGEST_SIZE = 16_384  # px, more than any canvas
_LARGEST_ID = 1 << 53  # what a number in JavaScript counts to without gaps
_VIEW = re.compile(r"[A-Za-z0-9_-]{1,64}")


class WireError(ValueError):
    """A message is not one of ours: cut off, too long, no JSON, or with a field that is wrong."""


def pack(header: dict[str, Any], payload: bytes | bytearray | memoryview = b"") -> bytes:
    """The binary message of `header` and `payload`. Copies the payload once.

    Raises:
        WireError: the header holds something that JSON cannot say, or is too long.
    """
    text = pack_text(header).encode()
    blanks = b" " * (-(_LENGTH.size + len(text)) % _ALIGNMENT)
    return b"".join((_LENGTH.pack(len(text) + len(blanks)), text, blanks, payload))


def pack_text(header: dict[str, Any]) -> str:
    """The text message of `header`.

    Raises:
        WireError: it holds something that JSON cannot say, or is too long.
    """
    try:
        text = json.dumps(header, separators=(",", ":"), allow_nan=False)
    except (TypeError, ValueError, RecursionError) as fault:
        raise WireError(f"the header {header!r:.200} cannot be sent: {fault}") from fault
    if len(text) > LONGEST_HEADER:
        raise WireError(f"a header of {len(text)} bytes; at most {LONGEST_HEADER} are sent")
    return text


def unpack(message: str | bytes | bytearray | memoryview) -> tuple[dict[str, Any], memoryview]:
    """Header and payload of a message. The payload is a view of it, not a copy.

    Raises:
        WireError: it is not one.
    """
    if isinstance(message, str):
        if len(message) > LONGEST_HEADER:
            raise WireError(f"a header of {len(message)} bytes; at most {LONGEST_HEADER} are read")
        return _read(message), memoryview(b"")
    view = memoryview(message).cast("B")
    if len(view) < _LENGTH.size:
        raise WireError(f"a message of {len(view)} bytes; the length of its header alone takes 4")
    (length,) = _LENGTH.unpack_from(view)
    if length > LONGEST_HEADER:
        raise WireError(f"a header of {length} bytes; at most {LONGEST_HEADER} are read")
    end = _LENGTH.size + length
    if end > len(view):
        raise WireError(f"a header of {length} bytes in a message of {len(view)}: it was cut off")
    if end % _ALIGNMENT:
        raise WireError(f"the payload starts at byte {end}, which is no multiple of {_ALIGNMENT}")
    try:
        text = str(view[_LENGTH.size : end], "utf-8")
    except UnicodeDecodeError as fault:
        raise WireError(f"the header is no UTF-8: {fault.reason} at byte {fault.start}") from fault
    return _read(text), view[end:]


def check(header: dict[str, Any]) -> None:
    """Whether a message of a page is well formed: its own fields, each of its type and range.

    A field that is not known is left alone, and so is a message of a kind that is not known.

    Raises:
        WireError: one is missing or wrong.
    """
    kind = header["t"]
    for name in _REQUIRED.get(kind, ()):
        if name not in header:
            raise WireError(f"{kind!r} without {name!r}")
    if kind not in _KINDS:
        return
    for name, value in header.items():
        if name in _FIELDS:
            is_right, wanted = _FIELDS[name]
            if not is_right(value):
                raise WireError(f"{name!r} of {kind!r} is {value!r:.60}; it must be {wanted}")


def _read(text: str) -> dict[str, Any]:
    try:
        header = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError) as fault:
        raise WireError(f"the header is no JSON: {fault}") from fault
    if not isinstance(header, dict):
        raise WireError(f"the header is {type(header).__name__}; it must be an object")
    kind = header.get("t")
    if not isinstance(kind, str) or not 0 < len(kind) <= 32:
        raise WireError(f"the header says 't': {kind!r:.60}; it must be a short name")
    return header


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON number")


def _integer(least: int, most: int) -> tuple[Callable[[Any], bool], str]:
    return lambda value: type(value) is int and least <= value <= most, f"{least} to {most}"


def _number(least: float, most: float) -> tuple[Callable[[Any], bool], str]:
    def is_right(value: Any) -> bool:
        return type(value) in (int, float) and least <= value <= most

    return is_right, f"a number from {least:g} to {most:g}"


def _one_of(*allowed: str) -> tuple[Callable[[Any], bool], str]:
    return lambda value: value in allowed and type(value) is str, " or ".join(map(repr, allowed))


def _is_name(value: Any) -> bool:
    is_text = isinstance(value, str) and 0 < len(value) <= 200 and value.isprintable()
    return value is None or is_text


_MILLISECONDS = _number(0, 1e16)
_SIZE = _integer(0, _LARGEST_SIZE)
_NAME = "a name of at most 200 letters, or null"
_FLAG = (lambda value: type(value) is bool, "true or false")
_FIELDS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "view": (
        lambda value: isinstance(value, str) and _VIEW.fullmatch(value) is not None,
        "1 to 64 letters, digits, - or _",
    ),
    "want": (_is_name, _NAME),
    "beside": (_is_name, _NAME),
    "codec": _one_of("jpeg", "h264"),
    "visible": _FLAG,
    "camera": _FLAG,
    "key": _FLAG,
    "width": _SIZE,
    "height": _SIZE,
    "w": _integer(1, _LARGEST_SIZE),
    "h": _integer(1, _LARGEST_SIZE),
    "id": _integer(0, _LARGEST_ID),
    "quality": _integer(1, 100),
    "bitrate": _integer(10_000, 100_000_000),
    "drawn_ms": _MILLISECONDS,
    "captured_ms": _MILLISECONDS,
    "sent_ms": _MILLISECONDS,
}
_REQUIRED = {
    "hello": ("view",),
    "ack": ("id",),
    "camera": ("id", "w", "h", "codec"),
    "ping": ("sent_ms",),
}
_KINDS = {*_REQUIRED, "see", "bye"}
