"""Which line took it? The stack of Python, from the call into torch down to the user's own line.

A *source* is a chain such as
`kornia/filters/sobel.py:23 spatial_gradient < toolkit/stages/sobel.py:31 sobel < clip.py:12 main`:
innermost first, torch's own frames left out, of the toolkit those of stages alone, and it ends
at the first line that is in no library, which is the user's. Work on a thread that the toolkit
started has no such line; its chain ends where the thread begins.
"""

from __future__ import annotations

import dataclasses
import itertools
import sys
import sysconfig
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from toolkit.profiling.places import INSTALLED, TOOLKIT, short_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import CodeType, FrameType

    from toolkit.hooks import Event

__all__ = ["LOOKED_INTO", "SEPARATOR", "Call", "call", "chain", "chain_of", "located", "mark"]

SEPARATOR = " < "
LOOKED_INTO = "+"
DEEPEST = 12  # lines of one chain; of a deeper one those before the user's are left out
REMEMBERED = 50_000  # call sites and functions; a notebook makes new code with every run of a cell

_PASSED_OVER, _LIBRARY, _USER = range(3)

_TORCH = str(Path(torch.__file__).parent)
_WIDGETS = str(Path(TOOLKIT).parent / "widgets")
# Parts of the toolkit that compute; the rest of it calls them and is on every chain alike.
_COMPUTING = tuple(str(Path(TOOLKIT) / name) for name in ("stages", "plan", "thoughts", "avatar"))
_DEMOS = str(Path(TOOLKIT) / "demos")  # programs of their own, whose lines are as good as a user's
_REPORTING = (str(Path(TOOLKIT) / "profiling"), str(Path(TOOLKIT) / "hooks.py"))
_STANDARD = tuple(sysconfig.get_path(name) for name in ("stdlib", "platstdlib"))


@dataclass(frozen=True, slots=True)
class Call:
    """One call into torch from one place.

    Attributes:
        op: what was called, such as `"aten::mul"` or `"torch.nn.functional.pad"`.
        source: from where, as a chain of lines.
    """

    op: str
    source: str


_roles: dict[int, int] = {}
_kept: list[CodeType] = []  # so that no other code takes over the id of one that is known
_marks: dict[tuple[str | int, ...], str] = {}
_calls: dict[str, Call] = {}
_numbers = itertools.count()
# Entered again where a finalizer reports on a thread that holds it.
_lock = threading.RLock()


def mark(op: str, frame: FrameType | None, *, is_looked_into: bool = False) -> str:
    """The mark of the call of `op` that `frame` makes, the same for the same chain. About 2 us.

    That of a call that is looked into ends with `LOOKED_INTO`.
    """
    roles = _roles
    key: list[str | int] = [op, is_looked_into]
    at = frame
    while at is not None:
        code = at.f_code
        role = roles.get(id(code))
        if role is None:
            role = _learn(code)
        if role:
            key += (id(code), at.f_lasti)
            if role == _USER:
                break
        at = at.f_back
    known = _marks.get(tuple(key))
    return known if known is not None else _new_mark(tuple(key), op, frame, is_looked_into)


def call(name: str) -> Call | None:
    """The call that a mark stands for; None if `name` is none of ours."""
    return _calls.get(name)


def chain(frame: FrameType | None = None) -> str:
    """The source of what `frame` does: of the caller, where it is left out."""
    kept: list[str] = []
    passed_over = ""
    at = frame or sys._getframe(1)  # pyright: ignore[reportPrivateUsage]
    while at is not None:
        code = at.f_code
        role = _roles.get(id(code))
        if role is None:
            role = _learn(code)
        if role and (len(kept) < DEEPEST - 1 or role == _USER):
            kept.append(_line(at))
        elif not role and not passed_over and _is_layer(code.co_filename):
            passed_over = _line(at)
        if role == _USER:
            break
        at = at.f_back
    return SEPARATOR.join(kept) or passed_over


def chain_of(places: Iterable[tuple[str, int, str]]) -> str:
    """The source of a stack that somebody else took: path, line and function, innermost first."""
    kept: list[str] = []
    for path, number, name in places:
        role = _role(path)
        if role and (len(kept) < DEEPEST - 1 or role == _USER):
            kept.append(f"{short_name(path)}:{number} {name}")
        if role == _USER:
            break
    return SEPARATOR.join(kept)


def located(event: Event) -> Event:
    """The same event with the line of whoever calls, unless it has one."""
    return event if event.source else dataclasses.replace(event, source=chain())


def _is_layer(path: str) -> bool:
    """Whether it is a part of the toolkit that something is charged to."""
    return path.startswith(TOOLKIT) and not path.startswith(_REPORTING)


def _new_mark(
    key: tuple[str | int, ...], op: str, frame: FrameType | None, is_looked_into: bool
) -> str:
    source = chain(frame) if frame is not None else ""
    with _lock:
        if key in _marks:
            return _marks[key]
        name = f"@{next(_numbers)}{LOOKED_INTO if is_looked_into else ''}"
        _calls[name] = Call(op, source)
        if len(_kept) > REMEMBERED:
            # The codes may go now, so what is known by their ids goes first, this call included.
            _marks.clear()
            _roles.clear()
            _kept.clear()
        else:
            _marks[key] = name
    return name


def _learn(code: CodeType) -> int:
    role = _role(code.co_filename)
    with _lock:
        _kept.append(code)
        _roles[id(code)] = role
    return role


def _role(path: str) -> int:
    if path.startswith((_TORCH, "<frozen", "<__array_function__")):
        return _PASSED_OVER
    if path.startswith(_DEMOS):
        return _USER
    if path.startswith(TOOLKIT):
        return _LIBRARY if path.startswith(_COMPUTING) else _PASSED_OVER
    if path.startswith((*INSTALLED, _WIDGETS)):
        return _LIBRARY
    return _PASSED_OVER if path.startswith(_STANDARD) else _USER


def _line(frame: FrameType) -> str:
    code = frame.f_code
    return f"{short_name(code.co_filename)}:{frame.f_lineno} {code.co_name}"
