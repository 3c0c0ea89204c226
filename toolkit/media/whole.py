"""Is the file all there? Containers say how long they are; a shorter file was cut off.

FFmpeg plays what is left of a cut file and ends without a word. Here the few bytes are read that
tell. Where a container does not say its length, such as MPEG-TS, nothing is claimed.

Source: ISO/IEC 14496-12 section 4.2 (boxes), RFC 8794 section 4-6 (EBML), Microsoft RIFF 1.0,
ISO/IEC 10918-1 annex B (JPEG markers), GIF89a section 27 (trailer).
"""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import BinaryIO

__all__ = ["missing_part"]

_EBML_HEADER = b"\x1a\x45\xdf\xa3"
_EBML_SEGMENT = b"\x18\x53\x80\x67"
_MOST_BOXES = 100_000


def missing_part(path: Path) -> str:
    """What is missing at the end of the file, in words, or "" where nothing is known to be.

    Reads headers only, except for JPEG, whose last marker is looked for in the whole file.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(16)
        if head[4:8] in (b"ftyp", b"moov", b"mdat", b"styp", b"free", b"wide", b"skip"):
            end = _end_of_boxes(file, size)
        elif head[:4] == _EBML_HEADER:
            end = _end_of_segment(file)
        elif head[:4] == b"RIFF":
            end = 8 + int.from_bytes(head[4:8], "little")
        elif head[:2] == b"\xff\xd8":
            return "" if _has_end_of_image(file) else "the JPEG has no end marker"
        elif head[:4] == b"GIF8":
            file.seek(-1, 2)
            return "" if b"\x3b" in file.read(1) else "the GIF has no trailer"
        else:
            end = 0
    return f"it ends at byte {size} of {end} that its header claims" if end > size else ""


def _end_of_boxes(file: BinaryIO, size: int) -> int:
    """Where the last top-level box of an MP4 or QuickTime file ends; 0 where it cannot be told."""
    at = 0
    for _ in range(_MOST_BOXES):
        if at >= size:
            break
        file.seek(at)
        head = file.read(16)
        length = int.from_bytes(head[:4], "big")
        if length == 1:
            length = int.from_bytes(head[8:16], "big")
        is_box = length >= 8 and head[4:8].isalnum()
        if not is_box:
            return 0  # padding, a box up to the end, or no box at all
        at += length
    return at


def _end_of_segment(file: BinaryIO) -> int:
    """Where the Segment of a Matroska file ends; 0 where its size is unknown, as in recordings."""
    file.seek(4)
    header = _read_vint(file)
    if header is None:
        return 0
    file.seek(header, 1)
    if file.read(4) != _EBML_SEGMENT:
        return 0
    length = _read_vint(file)
    return 0 if length is None else file.tell() + length


def _read_vint(file: BinaryIO) -> int | None:
    """A number of variable length; None where all its bits are set, which means unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    width = 9 - first[0].bit_length()
    raw = first + file.read(width - 1)
    mask = (1 << (7 * width)) - 1
    value = int.from_bytes(raw, "big") & mask
    return None if value == mask else value


def _has_end_of_image(file: BinaryIO) -> bool:
    """Whether an end marker follows the last start of a scan."""
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return content.rfind(b"\xff\xd9") > content.rfind(b"\xff\xda")
