"""What do events and habits say together? A logistic model that learns while it is used.

One class for each name, and one for "nothing within the horizon". It sees where the user is and
was, how fresh each event is, how long he has been here, and the shares of his own switches. Each
moment that it was told of waits until it is known what came of it, then moves the weights once, by
AdaGrad. Plain lists of Python: most features are zero, and only the others are visited.

Source: Duchi, Hazan, Singer, "Adaptive Subgradient Methods for Online Learning and Stochastic
Optimization", JMLR 12 (2011), algorithm 1 with a diagonal matrix.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

from toolkit.scheduler.predict import Predictor
from toolkit.scheduler.predict_history import NOBODY, History

__all__ = ["Logistic"]

_FRESH_SECONDS = 1.5  # an event so old has 1/e of its weight
_TOO_FAINT = 1e-3  # and below this it is not visited
_LONG_SECONDS = 30.0
_SHORT_SECONDS = 3.0
_PRIOR = 0.3  # of a switch that was never seen
_MOMENTS = 32  # of a horizon: events closer together than that share one, or two
_TIMES = 4  # features about time

_Features = list[tuple[int, float]]  # (place, value), zeros left out


class _Moment(NamedTuple):
    """What was seen at a time whose outcome is not known yet."""

    now_ns: int
    features: _Features


class Logistic(Predictor):
    """Expects what followed on moments like this one.

    Args:
        names: what can be needed next.
        events: what can be observed.
        horizon_seconds: how far ahead is looked.
        rate: how far the first moments move the weights; AdaGrad makes later ones move them less.
            A model that begins with its user needs it that large, a trained one does not mind. 0
            freezes the weights, now or later.

    Raises:
        ValueError: the names make no sense, or `rate` is below 0.
    """

    def __init__(
        self,
        names: Sequence[str],
        events: Sequence[str] = (),
        *,
        horizon_seconds: float = 4.0,
        rate: float = 0.3,
    ) -> None:
        super().__init__(names, events, horizon_seconds=horizon_seconds)
        if not 0 <= rate < math.inf:
            raise ValueError(f"{rate=} is below 0 or endless; take 0.3, or 0 to learn nothing.")
        self.rate = rate
        size = 3 * len(self.names) + len(self.events) + _TIMES
        classes = len(self.names) + 1
        self._weights = [[0.0] * size for _ in range(classes)]
        self._squares = [[1e-3] * size for _ in range(classes)]  # of all gradients so far
        self._waiting: deque[_Moment] = deque()

    def observe(self, event: str, now_ns: int) -> None:
        """Note that `event` was seen, and learn from moments after which nothing happened."""
        super().observe(event, now_ns)
        self._learn_from_quiet()
        self._wait()

    def switched(self, to: str, now_ns: int) -> None:
        """Note that the focus went to `to`, and learn what led there."""
        outcome = self.number_of_name(to)
        self.history.advance(now_ns)
        self._learn_from_quiet()
        if outcome != self.history.focus:
            while self._waiting:
                self._learn(self._waiting.popleft().features, outcome)
        super().switched(to, now_ns)
        self._wait()

    def weigh(self) -> list[float]:
        """The model's probability of each name."""
        if self.history.focus == NOBODY:
            return [0.0] * len(self.names)
        return self._classify(_features_of(self.history))[:-1]

    @property
    def waiting(self) -> int:
        """How many moments wait for their outcome; bounded, however many events come."""
        return len(self._waiting)

    def forget_user(self) -> None:
        """Begin with another user; the weights stay, and moments without an outcome go."""
        super().forget_user()
        self._waiting.clear()

    def _wait(self) -> None:
        """Keep this moment until its outcome is known; of a burst of them the newest."""
        if not self.rate or self.history.focus == NOBODY:
            return
        now_ns = self.history.now_ns
        gap_ns = self.horizon_seconds * 1e9 / _MOMENTS
        if len(self._waiting) > 1 and now_ns - self._waiting[-2].now_ns < gap_ns:
            self._waiting.pop()
        self._waiting.append(_Moment(now_ns, _features_of(self.history)))

    def _learn_from_quiet(self) -> None:
        """Learn from moments whose horizon passed without a switch."""
        over_ns = self.history.now_ns - self.horizon_seconds * 1e9
        while self._waiting and self._waiting[0].now_ns < over_ns:
            self._learn(self._waiting.popleft().features, len(self.names))

    def _learn(self, features: _Features, outcome: int) -> None:
        """One step of AdaGrad towards the class that came true."""
        for number, probability in enumerate(self._classify(features)):
            error = probability - (number == outcome)
            weights, squares = self._weights[number], self._squares[number]
            for place, value in features:
                gradient = error * value
                squares[place] += gradient * gradient
                weights[place] -= self.rate * gradient / math.sqrt(squares[place])

    def _classify(self, features: _Features) -> list[float]:
        """Softmax over the names and "nothing"."""
        sums = [sum(row[place] * value for place, value in features) for row in self._weights]
        highest = max(sums)
        powers = [math.exp(one - highest) for one in sums]
        whole = sum(powers)
        return [one / whole for one in powers]


def _features_of(history: History) -> _Features:
    """What the model sees now: where, whence, which events, how long, and this user's habits."""
    names, events = len(history.counts), len(history.seen_ns)
    found = [(history.focus, 1.0)]
    if history.before != NOBODY:
        found.append((names + history.before, 1.0))
    for event in range(events):
        freshness = math.exp(-history.age_seconds(event) / _FRESH_SECONDS)
        if freshness > _TOO_FAINT:
            found.append((2 * names + event, freshness))
    found += _times_of(history, 2 * names + events)
    shares = history.shares(history.counts[history.focus], _PRIOR)
    at = 2 * names + events + _TIMES
    found += [(at + name, share) for name, share in enumerate(shares) if share]
    return found


def _times_of(history: History, at: int) -> _Features:
    """That it is always one, and how long the user has been here."""
    stayed = (history.now_ns - history.since_ns) / 1e9
    claims = (1.0, min(stayed / _LONG_SECONDS, 3.0), stayed < _SHORT_SECONDS)
    numbers = [float(one) for one in (*claims, stayed > history.stay_seconds[history.focus])]
    return [(at + place, number) for place, number in enumerate(numbers) if number]
