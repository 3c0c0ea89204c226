"""Video, cameras, images and drawn scenes as frames; frames as video.

    from toolkit import media
    for frame in media.open("clip.mp4"): ...

Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.media.clip import bundled_clip as bundled_clip
    from toolkit.media.clip import bundled_clip_truth as bundled_clip_truth
    from toolkit.media.deck import VideoStats as VideoStats
    from toolkit.media.errors import MediaError as MediaError
    from toolkit.media.scenes import Scene as Scene
    from toolkit.media.truth import Truth as Truth
    from toolkit.media.video import Video as Video
    from toolkit.media.video import open_image as open_image
    from toolkit.media.video import open_video as open
    from toolkit.media.writer import VideoWriter as VideoWriter

_HOMES = {
    "MediaError": ("toolkit.media.errors", "MediaError"),
    "Scene": ("toolkit.media.scenes", "Scene"),
    "Truth": ("toolkit.media.truth", "Truth"),
    "Video": ("toolkit.media.video", "Video"),
    "VideoStats": ("toolkit.media.deck", "VideoStats"),
    "VideoWriter": ("toolkit.media.writer", "VideoWriter"),
    "bundled_clip": ("toolkit.media.clip", "bundled_clip"),
    "bundled_clip_truth": ("toolkit.media.clip", "bundled_clip_truth"),
    "open": ("toolkit.media.video", "open_video"),
    "open_image": ("toolkit.media.video", "open_image"),
}

__all__ = [
    "MediaError",
    "Scene",
    "Truth",
    "Video",
    "VideoStats",
    "VideoWriter",
    "bundled_clip",
    "bundled_clip_truth",
    "open",
    "open_image",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        module, attribute = _HOMES[name]
        return getattr(importlib.import_module(module), attribute)
    raise AttributeError(f"toolkit.media has no {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
