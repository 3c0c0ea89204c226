"""Two widgets on one pipeline: how often does it run? Once, where they play the same source.

The first widget makes the player, those after it join it, and the last one that leaves closes it.
Playing, speed and loop are the player's, so they are the same in all of them.
"""

from __future__ import annotations

import os
import weakref
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.live.player import Player
from widgets.routes import publishing_context
from widgets.sources import open_source

if TYPE_CHECKING:
    import torch

    from toolkit.pipeline import Pipeline

__all__ = ["Follower", "Shared"]

_open: weakref.WeakValueDictionary[tuple[Any, ...], Shared] = weakref.WeakValueDictionary()


class Follower(Protocol):
    """A widget that shows a player."""

    def follow(self) -> None:
        """The player changed, on any thread."""
        ...

    def idle(self) -> None:
        """Nobody looks at any widget of this player: called on its thread, before that ends."""
        ...


class Shared:
    """A player with its source, for all widgets that show one pipeline on one source.

    Attributes:
        player: the engine.
        source: what it plays.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        source: object,
        *,
        want: str,
        loop: bool,
        device: str | torch.device,
    ) -> None:
        self.source = open_source(source, device=device)
        self.player = Player(
            pipeline, self.source.frames, want=want, loop=loop, context=publishing_context
        )
        self.player.on_change = self._follow
        self.player.on_idle = self._idle
        self._followers: list[weakref.ref[Follower]] = []

    @classmethod
    def find(
        cls,
        pipeline: Pipeline,
        source: object,
        *,
        want: str,
        loop: bool,
        device: str | torch.device,
    ) -> Shared:
        """The one that plays `source` through `pipeline` already, or a new one.

        Raises:
            MediaError: a path that cannot be opened.
            TypeError: something that gives no frames.
        """
        key = (id(pipeline), _name_of(source), str(device))  # all live as long as the player
        found = _open.get(key)
        if found is None:
            found = cls(pipeline, source, want=want, loop=loop, device=device)
            _open[key] = found
        return found

    def join(self, follower: Follower) -> None:
        """`follower` shows it from now on."""
        self._followers.append(weakref.ref(follower))

    def leave(self, follower: Follower) -> None:
        """`follower` does not show it any more. The last one closes player and source."""
        self._followers = [one for one in self._followers if one() not in (None, follower)]
        if not self._followers:
            for key in [key for key, one in _open.items() if one is self]:
                del _open[key]
            self.player.close()
            self.source.close()

    def _follow(self) -> None:
        for reference in list(self._followers):
            if (follower := reference()) is not None:
                follower.follow()

    def _idle(self) -> None:
        for reference in list(self._followers):
            if (follower := reference()) is not None:
                follower.idle()


def _name_of(source: object) -> str | int:
    """What tells one source from another: of a file where it lies, whatever folder we are in."""
    if source is None:
        return "webcam"
    if not isinstance(source, str | os.PathLike):
        return id(source)
    name = os.fspath(source)
    has_no_place = name in ("webcam", "synthetic") or ":" in name
    return name if has_no_place else str(Path(name).absolute())
