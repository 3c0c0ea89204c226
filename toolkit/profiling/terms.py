"""What does a budget say? Limits by name, and what happens when one is exceeded.

Written as keywords in Python, and as a line of text in an ini file or behind a magic:
`allocations=0 syncs=0 peak_bytes=8MB`. Standard library only, so that a test runner can read and
check budgets before anything heavy is loaded.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from dataclasses import dataclass
from typing import Any

__all__ = ["ACTIONS", "LIMITS", "OPTIONS", "PERS", "Terms"]

LIMITS = (
    "allocations",
    "allocated_bytes",
    "peak_bytes",
    "h2d_bytes",
    "d2h_bytes",
    "h2h_bytes",
    "copies",
    "syncs",
    "waits",
)
OPTIONS = ("action", "per", "warmup")
ACTIONS = ("error", "warn", "off")
PERS = ("frame", "block")

_AMOUNT = re.compile(r"(\d[\d_]*(?:\.\d+)?)\s*([kMG]?)B?", re.ASCII)
_UNITS = {"": 1, "k": 1000, "M": 1000**2, "G": 1000**3}


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """A budget as plain data. A limit that is None is none: as much as wanted.

    Attributes:
        allocations: blocks taken from torch's allocators, or reported by a layer of the toolkit.
        allocated_bytes: their bytes in total, whether or not they were freed meanwhile.
        peak_bytes: how far the bytes alive at once may rise.
        h2d_bytes: bytes copied from the host to a device.
        d2h_bytes: bytes copied from a device to the host.
        h2h_bytes: bytes copied inside the host.
        copies: number of copies, in all directions.
        syncs: times that the host waits for a device to finish.
        waits: waits that stopped the thread: for a queue, another thread, a device, or for time.
        action: `"error"` raises, `"warn"` warns, `"off"` measures nothing.
        per: `"frame"`: each frame has the limits for itself; `"block"`: all of it together.
        warmup: so many frames or calls at the start are not counted.

    Raises:
        ValueError: a limit that is no count, or an option that does not exist.
    """

    allocations: int | None = None
    allocated_bytes: int | None = None
    peak_bytes: int | None = None
    h2d_bytes: int | None = None
    d2h_bytes: int | None = None
    h2h_bytes: int | None = None
    copies: int | None = None
    syncs: int | None = None
    waits: int | None = None
    action: str = "error"
    per: str = "frame"
    warmup: int = 0

    def __post_init__(self) -> None:
        for name in (*LIMITS, "warmup"):
            value: Any = getattr(self, name)
            if value is not None and (type(value) is not int or value < 0):
                raise ValueError(f"{name}={value!r} is no count: give a whole number from 0 on.")
        for name, known in (("action", ACTIONS), ("per", PERS)):
            if getattr(self, name) not in known:
                raise ValueError(
                    f"{name}={getattr(self, name)!r} does not exist; there is {', '.join(known)}."
                )

    @property
    def limits(self) -> dict[str, int]:
        """The limits that are set, by name."""
        values = ((name, getattr(self, name)) for name in LIMITS)
        return {name: value for name, value in values if value is not None}

    def changed(self, **values: Any) -> Terms:
        """The same terms with some of them different.

        Raises:
            ValueError: a name or a value that does not exist; the text lists those that do.
        """
        check_names(values, (*LIMITS, *OPTIONS))
        return dataclasses.replace(self, **values)

    @classmethod
    def read(cls, text: str) -> Terms:
        """Terms from text: `name=value`, with blanks or commas between; `none` lifts a limit.

        Raises:
            ValueError: as `changed`, or a piece that is not `name=value`.
        """
        return cls().changed(**read_values(text))


def check_names(given: Any, known: tuple[str, ...]) -> None:
    """Refuse a name that is not known, and say which one may have been meant.

    Raises:
        ValueError: the text lists the right names.
    """
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(str(name), known, n=1)
            meant = f" Did you mean {close[0]!r}?" if close else ""
            raise ValueError(f"{name!r} does not exist.{meant} There is {', '.join(known)}.")


def read_values(text: str) -> dict[str, Any]:
    """Names and values of a line of text, see `Terms.read`.

    Raises:
        ValueError: a piece that is not `name=value`, or a value that is no amount.
    """
    values: dict[str, Any] = {}
    for piece in re.split(r"[\s,]+", text.strip()):
        if not piece:
            continue
        name, equals, value = piece.partition("=")
        if not equals:
            raise ValueError(
                f"{piece!r} is not name=value; write for example allocations=0 syncs=0. "
                f"There is {', '.join((*LIMITS, *OPTIONS))}."
            )
        check_names([name], (*LIMITS, *OPTIONS))
        values[name] = value if name in ("action", "per") else _amount(name, value)
    return values


def _amount(name: str, text: str) -> int | None:
    if text.lower() == "none" and name != "warmup":
        return None
    match = _AMOUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"{name}={text} is no amount: write for example {name}=0 or {name}=8MB.")
    return round(float(match[1].replace("_", "")) * _UNITS[match[2]])
