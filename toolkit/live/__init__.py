"""Live pictures between kernel and page: the player, messages, flow control, codecs, the way there.

    from toolkit import live
    player = live.Player(pipeline, source)
    endpoint = live.serve(player)

Names are loaded when they are first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.live.browser_camera import BrowserCamera as BrowserCamera
    from toolkit.live.comm import CommEndpoint as CommEndpoint
    from toolkit.live.comm import CommViewer as CommViewer
    from toolkit.live.credit import Credit as Credit
    from toolkit.live.display import Display as Display
    from toolkit.live.h264 import H264Decoder as H264Decoder
    from toolkit.live.h264 import H264Encoder as H264Encoder
    from toolkit.live.jpeg import decode_jpeg as decode_jpeg
    from toolkit.live.jpeg import encode_jpeg as encode_jpeg
    from toolkit.live.jpeg import jpeg_size as jpeg_size
    from toolkit.live.pace import Limits as Limits
    from toolkit.live.picture import CodecError as CodecError
    from toolkit.live.planes import NotAPicture as NotAPicture
    from toolkit.live.player import Player as Player
    from toolkit.live.recording import Recording as Recording
    from toolkit.live.transport import Audience as Audience
    from toolkit.live.transport import Endpoint as Endpoint
    from toolkit.live.transport import Viewer as Viewer
    from toolkit.live.transport import serve as serve
    from toolkit.live.wire import WireError as WireError

_HOMES = {
    "Audience": "transport",
    "BrowserCamera": "browser_camera",
    "CodecError": "picture",
    "CommEndpoint": "comm",
    "CommViewer": "comm",
    "Credit": "credit",
    "Display": "display",
    "Endpoint": "transport",
    "H264Decoder": "h264",
    "H264Encoder": "h264",
    "Limits": "pace",
    "NotAPicture": "planes",
    "Player": "player",
    "Recording": "recording",
    "Viewer": "transport",
    "WireError": "wire",
    "decode_jpeg": "jpeg",
    "encode_jpeg": "jpeg",
    "jpeg_size": "jpeg",
    "serve": "transport",
}

__all__ = [
    "Audience",
    "BrowserCamera",
    "CodecError",
    "CommEndpoint",
    "CommViewer",
    "Credit",
    "Display",
    "Endpoint",
    "H264Decoder",
    "H264Encoder",
    "Limits",
    "NotAPicture",
    "Player",
    "Recording",
    "Viewer",
    "WireError",
    "decode_jpeg",
    "encode_jpeg",
    "jpeg_size",
    "serve",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"toolkit.live.{_HOMES[name]}"), name)
    raise AttributeError(f"toolkit.live has no {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
