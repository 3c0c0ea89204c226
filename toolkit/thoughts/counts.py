"""What became of the frames? Counts that several threads change, and one look at them."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["AnnotatorCounts", "Counter", "FeedCounts"]

Counts = TypeVar("Counts", bound="AnnotatorCounts | FeedCounts")


@dataclass(frozen=True, slots=True)
class AnnotatorCounts:
    """What became of the frames that an annotator was offered.

    Each of them is skipped, attached, dropped or failed in the end.

    Attributes:
        offered: frames that it was asked about, without those that `every` passes over.
        skipped: not thought about, or not to the end: a newer one came, the scheduler shed it, it
            was cancelled, or the frame had such a result already.
        thought: thoughts that came to their end.
        attached: of them, those that were attached to their frame.
        dropped: frames that had gone when the thought was ready, or before it began.
        failed: frames on which it failed.
        last_age_seconds: age of the frame when the last thought was attached; 0 before the first.
        total_age_seconds: the sum of these ages.
    """

    offered: int = 0
    skipped: int = 0
    thought: int = 0
    attached: int = 0
    dropped: int = 0
    failed: int = 0
    last_age_seconds: float = 0.0
    total_age_seconds: float = 0.0

    @property
    def mean_age_seconds(self) -> float:
        """Mean age of the frames when their thoughts were attached; 0 before the first."""
        return self.total_age_seconds / max(self.attached, 1)

    def with_thought(self, age_seconds: float, *, is_attached: bool) -> AnnotatorCounts:
        """With one more thought, which was attached to its frame or dropped."""
        if not is_attached:
            return replace(self, thought=self.thought + 1, dropped=self.dropped + 1)
        return replace(
            self,
            thought=self.thought + 1,
            attached=self.attached + 1,
            last_age_seconds=age_seconds,
            total_age_seconds=self.total_age_seconds + age_seconds,
        )


@dataclass(frozen=True, slots=True)
class FeedCounts:
    """What became of the frames of a source.

    Attributes:
        taken: frames that came from the source.
        shown: frames that were computed and shown.
        skipped: frames whose place a newer one took, or that were cancelled or shed.
        failed: frames on which a stage failed, or showing them.
    """

    taken: int = 0
    shown: int = 0
    skipped: int = 0
    failed: int = 0


class Counter(Generic[Counts]):
    """Counts that any thread may change. `now` is what they are: a value that never changes."""

    def __init__(self, zero: Counts) -> None:
        self.now = zero
        self._lock = threading.Lock()

    def change(self, change: Callable[[Counts], Counts]) -> None:
        """Replace the counts by what `change` makes of them."""
        with self._lock:
            self.now = change(self.now)

    def add(self, **more: int) -> None:
        """Add to some of them, by name."""
        self.change(lambda now: replace(now, **_sums(now, more)))


def _sums(now: Any, more: dict[str, int]) -> dict[str, int]:
    return {name: getattr(now, name) + count for name, count in more.items()}
