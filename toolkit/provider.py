"""When do two pipelines mean the same result? When the same function gets the same values."""

from __future__ import annotations

import threading
import weakref
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from collections.abc import Hashable

    from toolkit.stages.declare import Stage

__all__ = ["Provider"]

_lock = threading.RLock()


class Provider:
    """The identity of a computation: stage functions, parameter values, providers of the inputs.

    There is one object for each identity, so comparing two is comparing two references, and
    pipelines that agree on it share results on a common ring.
    """

    __slots__ = ("__weakref__", "_parts")
    _known: ClassVar[weakref.WeakValueDictionary[Hashable, Provider]]

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self._parts = parts

    @classmethod
    def of(
        cls,
        stage: Stage,
        values: dict[str, Any],
        inputs: tuple[Hashable, ...],
        history: object = None,
    ) -> Provider:
        """The provider with these parts; the same object whenever they are the same.

        Args:
            stage: whose functions compute.
            values: its parameters.
            inputs: key of each input.
            history: a token of the run, for stages whose results depend on earlier frames.
        """
        parts = (
            stage.apply,
            stage.prepare_constants,
            stage.provides,
            tuple(sorted(values.items())),
            inputs,
            history,
        )
        with _lock:
            return cls._known.setdefault(parts, cls(parts))

    @property
    def looks_back(self) -> bool:
        """Whether the result depends on earlier frames."""
        return self._parts[-1] is not None

    def __repr__(self) -> str:
        apply, _, provides, values, *_ = self._parts
        listed = ", ".join(f"{name}={value}" for name, value in values)
        return f"Provider({', '.join(provides)} by {apply.__module__}, {listed or 'no parameters'})"


Provider._known = weakref.WeakValueDictionary()
