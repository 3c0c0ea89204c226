"""Small clips that are encoded here, for tests that need no real footage."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest


def draw(index, width, height):
    """A gradient that moves, with a block that jumps: RGB, uint8, (H, W, 3)."""
    x = np.arange(width)[None, :] * 2 + index * 3
    y = np.arange(height)[:, None] * 2
    picture = np.stack(np.broadcast_arrays(x % 256, y % 256, (x + y) % 256), axis=-1)
    left = index * 7 % max(width - 8, 1)
    picture[: height // 2, left : left + 8] = (255, 40, 90)
    return picture.astype(np.uint8)


def encode(
    path,
    *,
    codec="libx264",
    layout="yuv420p",
    width=64,
    height=48,
    count=12,
    fps=25,
    ticks=None,
    unit=Fraction(1, 1000),
    gop=5,
    container=None,
    options=None,
):
    """Encode `count` pictures; `ticks` are their times in units of `unit` seconds."""
    with av.open(str(path), "w", format=container) as output:
        stream = output.add_stream(codec, rate=fps, options=options or {})
        stream.width, stream.height, stream.pix_fmt = width, height, layout
        stream.codec_context.gop_size = gop
        stream.codec_context.time_base = unit
        for index in range(count):
            frame = av.VideoFrame.from_ndarray(draw(index, width, height), format="rgb24")
            frame.time_base = unit
            frame.pts = ticks[index] if ticks else round(index / fps / unit)
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return Path(path)


@pytest.fixture
def make_clip(tmp_path):
    """`make_clip("name.mp4", **options)` encodes a clip in a fresh folder; see `encode`."""
    return lambda name, **options: encode(tmp_path / name, **options)
