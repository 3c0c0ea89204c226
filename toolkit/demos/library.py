"""Which long work is to be cut into quanta? A book that is indexed, beside a camera and a chat."""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence
from typing import Any

from toolkit.scheduler.arrivals import Arrival

__all__ = ["FPS", "Book", "library_load"]

FPS = 30
PAGE_MS = 3
_MS = 1_000_000
_WORDS = ("ring", "slot", "frame", "level", "lane", "miss")


class Book:
    """Sixty pages of three words each; it counts how many were read.

    Attributes:
        pages: how many pages it has.
        read_pages: how many were read so far, each time anew.
    """

    pages = 60

    def __init__(self) -> None:
        self.read_pages = 0

    def read(self, page: int) -> list[str]:
        """The words of a page."""
        self.read_pages += 1
        return random.Random(page).sample(_WORDS, 3)

    def run(self, steps: Generator[Any, Any, Any]) -> tuple[list[int], Any]:
        """Run a generator to its end: how many pages each quantum read, and what it returned."""
        quanta: list[int] = []
        while True:
            before = self.read_pages
            try:
                next(steps)
            except StopIteration as stop:
                quanta.append(self.read_pages - before)
                return [pages for pages in quanta if pages], stop.value
            quanta.append(self.read_pages - before)


def library_load(pages_per_quantum: Sequence[int], *, seconds: int, seed: int) -> list[Arrival]:
    """A camera, a chat, two books at a time, and two training runs, in order of release.

    Frames (kind `frame`) compute 6 ms and are due when the next one comes, `FPS` a second. Answers
    (`chat`) have 12 words of 8 ms and come 3 times a second, at random. Two books (`index`) come
    twice a second. Training (`train`) has quanta of 8 ms, and does not end.

    Args:
        pages_per_quantum: how many pages of a book each quantum reads; a page takes 3 ms.
        seconds: how long something comes.
        seed: of the moments at which somebody asks.
    """
    chance, period = random.Random(seed), 1_000_000_000 // FPS
    training = Arrival(0, "train", (8 * _MS,) * 6, repeats=True)
    reading = tuple(pages * PAGE_MS * _MS for pages in pages_per_quantum)
    frames = [number * period for number in range(FPS * seconds)]
    chats = [chance.randrange(1000 * seconds) * _MS for _ in range(3 * seconds)]
    books = [(3 + 500 * number) * _MS for number in range(2 * seconds) for _ in range(2)]
    arrivals = [training, training]
    arrivals += [Arrival(at, "frame", (6 * _MS,), at + period, key="frame") for at in frames]
    arrivals += [Arrival(at, "chat", (8 * _MS,) * 12) for at in chats]
    arrivals += [Arrival(at, "index", reading) for at in books]
    return sorted(arrivals, key=lambda arrival: arrival.release_ns)
