"""What did the caller mean: a file, a camera, a filter graph, or a stream on the network?

One string says it all, so that it fits a command line and a text field:

    clips/cup.mp4            a file, video or still image
    camera:0                 the first camera; also camera:/dev/video2 and camera:NAME
    lavfi:testsrc2=rate=30   a filter graph that makes its own pictures
    udp://... rtsp://...     a stream; http(s):// is one unless the server tells its length

Nothing is opened here. What can be known to be wrong is said here, before FFmpeg says it worse.
"""

from __future__ import annotations

import os
import re
import stat
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from toolkit.media.errors import MediaError

__all__ = ["SCHEMES", "Location", "locate"]

SCHEMES = ("http", "https", "rtmp", "rtmps", "rtp", "rtsp", "rtsps", "srt", "tcp", "udp")
"""Network protocols that are opened; others are refused by name."""

_URL = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://")
_LOW_DELAY = {
    "fflags": "nobuffer",
    "flags": "low_delay",
    "probesize": "65536",
    "analyzeduration": "500000",
}
_BY_SCHEME = {
    "udp": {"fifo_size": "50000", "overrun_nonfatal": "1"},
    "rtsp": {"rtsp_transport": "tcp"},
    "rtsps": {"rtsp_transport": "tcp"},
}


@dataclass(frozen=True, slots=True)
class Location:
    """Where the pictures come from.

    Attributes:
        name: what the caller wrote; every message says it.
        url: what FFmpeg opens.
        kind: `"file"`, `"camera"`, `"graph"` or `"network"`.
        format: the demuxer to use, or None to look at the bytes.
        is_live: the pictures come in their own time, whether or not they are read. None: to be
            seen once it is open.
        options: for the demuxer.
    """

    name: str
    url: str
    kind: Literal["file", "camera", "graph", "network"]
    format: str | None = None
    is_live: bool | None = False
    options: dict[str, str] = field(default_factory=dict)


def locate(source: object) -> Location:
    """Read `source`: a path, or a string as in the head of this module.

    Raises:
        MediaError: no such file or camera, an empty file, a folder, or an unknown protocol.
        TypeError: neither a string nor a path.
    """
    if not isinstance(source, (str, os.PathLike)):
        raise TypeError(
            f"a source is a path or a string such as 'camera:0', not {type(source).__name__}; "
            "pictures in memory become frames with Frame.from_image"
        )
    name = os.fsdecode(source)
    if name.startswith("camera:"):
        return _camera(name, name.removeprefix("camera:").strip() or "0")
    if name.startswith("lavfi:"):
        return _graph(name, name.removeprefix("lavfi:").strip())
    scheme = _URL.match(name)
    if scheme and scheme[1].lower() != "file":
        return _network(name, scheme[1].lower())
    return _file(name, Path(name[len("file://") :] if scheme else name))


def _file(name: str, path: Path) -> Location:
    try:
        status = path.stat()
    except (OSError, ValueError) as cause:
        reason = "no such file" if isinstance(cause, FileNotFoundError) else str(cause)
        raise MediaError(
            f"{name!r}: {reason} (looked in {Path.cwd()}). "
            "Other sources are written camera:0, lavfi:GRAPH or as an address.",
            path=name,
            cause=cause,
        ) from cause
    if stat.S_ISCHR(status.st_mode) and path.name.startswith("video"):
        return _camera(name, str(path))
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise MediaError(f"{name!r} is {kind}; give one file", path=name, cause=kind)
    if status.st_size == 0:
        raise MediaError(
            f"{name!r} is empty: 0 bytes. Copy or download it again.", path=name, cause="0 bytes"
        )
    # An absolute path is never taken for a protocol, nor "%03d" in it for a pattern.
    return Location(name, str(path.absolute()), "file", options={"pattern_type": "none"})


def _graph(name: str, graph: str) -> Location:
    if not graph:
        raise MediaError(
            f"{name!r} names no filter graph; write lavfi:testsrc2=size=640x480:rate=30",
            path=name,
            cause="no graph",
        )
    is_live = re.search(r"\brealtime\b", graph) is not None
    return Location(name, graph, "graph", "lavfi", is_live=is_live)


def _network(name: str, scheme: str) -> Location:
    if scheme not in SCHEMES:
        raise MediaError(
            f"{name!r}: protocol {scheme!r} is not opened; use one of {', '.join(SCHEMES)}, "
            "or copy the file here",
            path=name,
            cause=f"protocol {scheme!r}",
        )
    if scheme in ("http", "https"):
        return Location(name, name, "network", is_live=None)
    options = _LOW_DELAY | _BY_SCHEME.get(scheme, {})
    return Location(name, name, "network", is_live=True, options=options)


def _camera(name: str, which: str, platform: str | None = None) -> Location:
    platform = platform or sys.platform
    if platform == "darwin":
        url = f"{which}:none"  # no microphone
        return Location(name, url, "camera", "avfoundation", True, {"framerate": "30"})
    if platform == "win32":
        return Location(name, f"video={_windows_camera(name, which)}", "camera", "dshow", True)
    device = Path(f"/dev/video{which}" if which.isdecimal() else which)
    if not device.exists():
        there = ", ".join(sorted(str(path) for path in Path("/dev").glob("video*")))
        raise MediaError(
            f"{name!r}: there is no camera {device}; cameras here: {there or 'none'}. "
            "Without one, use a file or lavfi:testsrc2=size=640x480:rate=30,realtime",
            path=name,
            cause="no camera",
        )
    return Location(name, str(device), "camera", "v4l2", True)


def _windows_camera(name: str, which: str) -> str:
    """DirectShow knows cameras by name only."""
    if not which.isdecimal():
        return which
    from av.device import enumerate_input_devices

    cameras = [
        device.description or device.name
        for device in enumerate_input_devices("dshow")
        if "video" in device.media_types
    ]
    if int(which) >= len(cameras):
        raise MediaError(
            f"{name!r}: there is no camera {which}; cameras here: {', '.join(cameras) or 'none'}. "
            "Without one, use a file or lavfi:testsrc2=size=640x480:rate=30,realtime",
            path=name,
            cause="no camera",
        )
    return cameras[int(which)]
