"""What does it cost to show a frame, beside the pipeline? From its result to bytes for a page.

Bar: the Python of it at most 1.5 ms a frame. That is what is left at 16x12 px, where there are no
pixels to speak of: the player's turn, the lookups, the calls of torch and of the encoder, messages
packed and read. What the pixels take is told beside it, at 640x480.

    python -m toolkit bench display         # or: python tests/benchmarks/bench_display.py --quick
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator
from typing import Any

import torch

from toolkit.demos.machine import describe_machine
from toolkit.demos.rivals import spread, take_turns
from toolkit.frame import Frame
from toolkit.live import wire
from toolkit.live.player import Player
from toolkit.pipeline import Pipeline
from toolkit.ring import FrameRing
from toolkit.stages import gray, rgb

BAR_MS = 1.5
FRAMES = 20  # in a turn
SMALL, WHOLE = (16, 12), (640, 480)
# What is shown, of pictures of which format; `pixels` as they are, others computed by a stage.
SHOWN = {
    "a camera's own pixels": ("pixels", "rgb"),
    "a film's own pixels": ("pixels", "i420"),
    "rgb": ("rgb", "i420"),
    "gray": ("gray", "i420"),
}


def run(quick: bool = False) -> dict[str, Any]:
    """CPU time of the player's thread for a frame, less what the same pipeline takes by itself."""
    torch.set_num_threads(1)
    rows = []
    python_ms: dict[str, float] = {}
    for name, (want, pixel_format) in SHOWN.items():
        rivals = {}
        for size in (SMALL, WHOLE):
            rivals[f"shown {size}"] = Shown(want, pixel_format, size)
            rivals[f"computed {size}"] = Computed(want, pixel_format, size)
        rounds = 10 if quick else 100
        times = take_turns(rivals, rounds=rounds, warmup=3, clock=time.thread_time_ns)
        for size in (SMALL, WHOLE):
            pairs = zip(times[f"shown {size}"], times[f"computed {size}"], strict=True)
            found = spread([(shown - computed) / FRAMES for shown, computed in pairs])
            rows.append({"case": f"{name}, {size[0]}x{size[1]}", **found})
            if size == SMALL:
                python_ms[name] = found["median_ms"]
    ratios = {
        f"Python to show {name} / {BAR_MS} ms": round(ms / BAR_MS, 4)
        for name, ms in python_ms.items()
    }
    return {
        "name": "display",
        "ratios": ratios,
        "machine": describe_machine(),
        "rows": rows,
        "bars": dict.fromkeys(ratios, 1.0),
    }


class Page:
    """A view whose messages are packed as for a socket, and that answers each picture."""

    transport = "websocket"

    def __init__(self) -> None:
        self.id = "view"
        self.newest = 0

    def send(self, header: dict[str, Any], payload: bytes | memoryview = b"") -> None:
        """Pack the message, as the server does."""
        if header["t"] == "frame":
            wire.pack(header, payload)
            self.newest = header["id"]


class Stepped(Player):
    """A player whose turns are called here, and not by a thread."""

    def _start(self) -> None:
        """No thread."""


class Shown:
    """Plays some frames to a page at each call."""

    def __init__(self, want: str, pixel_format: Any, size: tuple[int, int]) -> None:
        self.page = Page()
        self.source = Source(pixel_format, size)
        self.player = Stepped(Pipeline([rgb, gray]), self.source, want=want)
        self.player.joined(self.page, {"t": "hello", "view": "view", "visible": True})

    def __call__(self) -> None:
        """Turn until that many frames were shown, each answered as by a page."""
        end = self.player.shown + FRAMES
        while self.player.shown < end:
            self.player.turn()
            header, _ = wire.unpack(wire.pack_text({"t": "ack", "id": self.page.newest}))
            wire.check(header)
            self.player.received(self.page, header, memoryview(b""))


class Computed:
    """The same pipeline alone: its frames are read, and shown to nobody."""

    def __init__(self, want: str, pixel_format: Any, size: tuple[int, int]) -> None:
        self.want = want
        self.frames = Pipeline([rgb, gray]).run(Source(pixel_format, size))

    def __call__(self) -> None:
        """Read what is wanted of some frames."""
        for _ in range(FRAMES):
            frame = next(self.frames)
            frame.pixels if self.want == "pixels" else frame[self.want]


class Source:
    """Frames that cost nothing, as fast as they are taken."""

    is_live = True

    def __init__(self, pixel_format: Any, size: tuple[int, int]) -> None:
        self.ring = FrameRing(4, width=size[0], height=size[1], pixel_format=pixel_format)
        picture = torch.randint(16, 235, self.ring.spec.slot_shape, dtype=torch.uint8)
        for _ in range(self.ring.slots):
            frame = self.ring.copy_in(picture, pts_seconds=0.0)
            assert frame is not None
            frame.release()

    def __iter__(self) -> Iterator[Frame]:
        index = 0
        while True:
            slot = self.ring.acquire()
            assert slot is not None
            yield self.ring.publish(slot, pts_seconds=index / 60, index=index)
            index += 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds")
    print(json.dumps(run(parser.parse_args().quick), indent=1))  # noqa: T201 - its output
