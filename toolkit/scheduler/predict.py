"""What will be needed next, and how probably? Events go in, probabilities come out.

    predictor = Markov(("chat", "call", "idle"), ("key", "ring"), horizon_seconds=4.0)
    predictor.switched("chat", now_ns)        # the first one says where the user begins
    predictor.observe("ring", now_ns)
    predictor.probabilities(now_ns)           # {"chat": 0.0, "call": 0.06, "idle": 0.06}

What is predicted is a name of yours: a widget that gets the focus, a context, a kind of work. A
predictor holds no thread, no clock and no lock: the time is an argument, so that the same events
give the same numbers, and whoever shares one between threads calls it under a lock.
`toolkit.scheduler.promotions` decides what a probability is worth.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from toolkit.scheduler.predict_history import History

__all__ = ["Predictor"]


class Predictor(ABC):
    """Looks at one user's events and says what he will need next.

    Args:
        names: what can be needed next; one at a time has the focus.
        events: what can be observed in between.
        horizon_seconds: how far ahead is looked.

    Raises:
        ValueError: there are fewer than two names, one appears twice, or the horizon is not above
            zero.
    """

    def __init__(
        self, names: Sequence[str], events: Sequence[str] = (), *, horizon_seconds: float = 4.0
    ) -> None:
        if len(names) < 2:
            raise ValueError(f"names={list(names)}: with fewer than two there is no next one.")
        if not 0 < horizon_seconds < float("inf"):
            raise ValueError(f"{horizon_seconds=} is no time to look ahead; take one above 0.")
        self.names = tuple(names)
        self.events = tuple(events)
        self.horizon_seconds = horizon_seconds
        self.history = History(len(self.names), len(self.events))
        self._number_of_name = _numbered("names", self.names)
        self._number_of_event = _numbered("events", self.events)

    def observe(self, event: str, now_ns: int) -> None:
        """Note that `event` was seen.

        Raises:
            ValueError: there is no such event.
        """
        self.history.observe(self.number_of_event(event), now_ns)

    def switched(self, to: str, now_ns: int) -> None:
        """Note that the focus went to `to`. The first call says where the user begins.

        Raises:
            ValueError: there is no such name.
        """
        self.history.switch(self.number_of_name(to), now_ns)

    def probabilities(self, now_ns: int) -> dict[str, float]:
        """For each name how probable it is that it gets the focus next, and within the horizon.

        They sum to at most 1: the rest is that nothing happens so soon. What has the focus has 0.
        """
        self.history.advance(now_ns)
        weights = self.weigh()
        if self.history.focus >= 0:
            weights[self.history.focus] = 0.0
        whole = max(1.0, sum(weights))
        return {name: weight / whole for name, weight in zip(self.names, weights, strict=True)}

    def forget_user(self) -> None:
        """Begin with another user. What was learned from all of them stays."""
        self.history = History(len(self.names), len(self.events))

    @abstractmethod
    def weigh(self) -> list[float]:
        """For each name a probability, as of `history.now_ns`; they are scaled when above 1."""

    def number_of_name(self, name: str) -> int:
        """Where a name stands in `names`.

        Raises:
            ValueError: it does not.
        """
        return _number_of(name, self._number_of_name, "name")

    def number_of_event(self, event: str) -> int:
        """Where an event stands in `events`.

        Raises:
            ValueError: it does not.
        """
        return _number_of(event, self._number_of_event, "event")


def _numbered(what: str, words: tuple[str, ...]) -> dict[str, int]:
    numbers = {word: number for number, word in enumerate(words)}
    if len(numbers) < len(words):
        raise ValueError(f"{what}={list(words)}: one of them appears twice; leave one out.")
    return numbers


def _number_of(word: str, numbers: dict[str, int], what: str) -> int:
    try:
        return numbers[word]
    except KeyError:
        known = ", ".join(numbers) or "none"
        raise ValueError(f"{word!r} is no {what} of this predictor; there are {known}.") from None
