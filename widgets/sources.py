"""What can be played? A camera of the page, a path, a camera of the kernel, any iterable of frames.

`open_source` says who closes it: what was opened here is closed with the widget, what was handed
over belongs to whoever made it.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from toolkit import media
from toolkit.frame import Frame
from toolkit.live.browser_camera import BrowserCamera

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import torch

__all__ = ["Source", "open_source", "source_text"]

_SCENE_SLOTS = 8  # as many as a page's camera has


class Source(NamedTuple):
    """A source, and what to know of it.

    Attributes:
        frames: iterable of frames.
        text: what it is, the same in every run and on every machine.
        close: lets go of what was opened for it.
    """

    frames: Any
    text: str
    close: Callable[[], object]

    @property
    def has_poster(self) -> bool:
        """Whether its first frame can be taken without a camera, a wait, or losing it."""
        standing = isinstance(self.frames, BrowserCamera | Sequence) or hasattr(self.frames, "seek")
        return standing and not getattr(self.frames, "is_live", False)


class _Camera:
    """A camera of the kernel, or a stream: open only while somebody takes frames.

    Its light goes out, and its thread ends, with the iteration; the next one opens it again.

    Args:
        video: as it was opened first.
        reopen: opens it again.
    """

    is_live = True

    def __init__(self, video: media.Video, reopen: Callable[[], media.Video]) -> None:
        self._video: media.Video | None = video
        self._reopen = reopen
        self._is_closed = False

    @property
    def discontinuities(self) -> int:
        """Of the video that is open; a run of a pipeline never sees two."""
        return 0 if self._video is None else self._video.discontinuities

    def __iter__(self) -> Iterator[Frame]:
        if self._is_closed:
            return
        video = self._video = self._video or self._reopen()
        try:
            yield from video
        finally:
            self._video = None
            video.close()

    def close(self) -> None:
        """End the iteration, for good."""
        self._is_closed = True
        video = self._video
        if video is not None:
            video.close()


def open_source(source: object, *, device: str | torch.device = "cpu") -> Source:
    """The source that `source` names.

    Args:
        source: `"webcam"` or None for the page's camera, with a drawn scene until somebody switches
            it on; `"synthetic"` for that scene alone; a path or address that `toolkit.media.open`
            takes, such as `"camera:0"`; a frame; or an iterable of frames.
        device: where frames live that are opened here.

    Raises:
        MediaError: a path that cannot be opened.
        TypeError: something else.
    """
    if source is None or source == "webcam":
        scene = _open_scene(device)
        camera = BrowserCamera(scene, device=device)

        def close() -> None:
            camera.close()
            scene.close()

        return Source(camera, "webcam", close)
    if source == "synthetic":
        scene = _open_scene(device)
        return Source(scene, "synthetic scene", scene.close)
    if isinstance(source, str | os.PathLike):
        video = media.open(source, device=device)
        text = source_text(video.location.kind, os.fspath(source))
        frames = _Camera(video, lambda: media.open(source, device=device))
        return (
            Source(frames, text, frames.close)
            if video.is_live
            else Source(video, text, video.close)
        )
    if isinstance(source, Frame):
        return Source([source], "a picture", _nothing)
    if isinstance(source, Iterable):
        return Source(source, type(source).__name__, _nothing)
    raise TypeError(
        f"source={source!r} of type {type(source).__name__} gives no frames; give 'webcam', "
        "'synthetic', a path, 'camera:0', a frame, or an iterable of frames such as a Scene"
    )


def source_text(kind: str, name: str) -> str:
    """What a saved notebook may say: no folder of this machine, and no password of an address."""
    if kind == "network":
        address = urlsplit(name)
        return f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}"
    is_path = kind == "file" or PurePath(name).is_absolute()
    return PurePath(name).name if is_path else name


def _open_scene(device: str | torch.device) -> media.Video:
    """The drawn scene. A player holds two frames of it, so it needs no two seconds of slots."""
    return media.open(media.bundled_clip(), loop=True, device=device, slots=_SCENE_SLOTS)


def _nothing() -> None:
    """What was handed over is not ours to close."""
