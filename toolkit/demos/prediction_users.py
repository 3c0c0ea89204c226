"""What do users do who were never recorded? Drawn ones, with habits and with signs of what comes.

Four families. In all but the last each user has his own habits: where he goes from where, how often
he goes back, and how long he stays.

- `clear signs`: most switches are announced by an event, which seldom means nothing.
- `doubtful signs`: as many are, but the same events are often seen when nothing follows.
- `habits`: no switch is announced; what looks like a sign means nothing.
- `null`: the next focus is drawn evenly, too. What a predictor saves here is luck that the cap on
  waste allowed.

The same family and seed give the same users.
"""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, NamedTuple

from toolkit.scheduler.predict_rules import Rule

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["EVENTS", "FAMILIES", "PLACES", "RULES", "Moment", "User", "draw_users"]

FAMILIES = ("clear signs", "doubtful signs", "habits", "null")
SWITCHES = 120


class Place(NamedTuple):
    """What can have the focus.

    Attributes:
        warm_seconds: first response when what it needs is ready.
        cost_seconds: CPU time that makes it ready: a model loaded, a prompt read, a first frame.
        stay_seconds: how long a user stays, in the median over users.
        signs: events that announce it.
        idle_event: what is seen there and announces nothing.
    """

    warm_seconds: float
    cost_seconds: float
    stay_seconds: float
    signs: tuple[str, ...]
    idle_event: str


PLACES: Mapping[str, Place] = {
    "chat": Place(0.08, 0.25, 20.0, ("mouse_to_chat", "notification"), "key"),
    "call": Place(0.05, 0.40, 90.0, ("mouse_to_call", "ring"), "scroll"),
    "edit": Place(0.03, 0.15, 40.0, ("mouse_to_edit",), "key"),
    "gallery": Place(0.06, 0.30, 25.0, ("mouse_to_gallery",), "scroll"),
    "idle": Place(0.01, 0.05, 60.0, ("no_input",), "no_input"),
}
_NAMES = tuple(PLACES)
_SIGNS = tuple(sign for place in PLACES.values() for sign in place.signs)
EVENTS = (*_SIGNS, "key", "scroll")
_EARLY_SIGNS = {"notification", "ring"}  # seconds before the switch; a mouse is quicker
RULES = tuple(
    Rule(sign, name, 0.8, fade_seconds=3.0 if sign in _EARLY_SIGNS else 1.5)
    for name, place in PLACES.items()
    for sign in place.signs
)
_EVENT_SECONDS = 6.0  # between events that announce nothing
# Of these so large a share looks like an announcement, in families that have true ones, and else.
_FALSE_SIGNS = {"clear signs": (0.0, 0.1), "doubtful signs": (0.05, 0.35)}
_MEANINGLESS = (0.2, 0.2)


class Moment(NamedTuple):
    """Something that a user did: an event, or, with `to`, a switch."""

    now_ns: int
    event: str
    to: str


class User(NamedTuple):
    """How one user behaves.

    Attributes:
        goes_to: for each name the weights of where he goes from there.
        returns: probability that he goes back to where he was before.
        stay_seconds: for each name how long he stays, on average.
        announces: probability that a switch is announced.
        false_signs: share of other events that look like an announcement.
    """

    goes_to: Mapping[str, tuple[float, ...]]
    returns: float
    stay_seconds: Mapping[str, float]
    announces: float
    false_signs: float

    def moments(self, rng: random.Random) -> list[Moment]:
        """What he does from time 0 until `SWITCHES` are done, in order of time."""
        now, focus, before = 0.0, rng.choice(_NAMES), ""
        found = [(now, "", focus)]
        for _ in range(SWITCHES):
            stay = max(2.0, rng.gammavariate(3, self.stay_seconds[focus] / 3))
            to = self._next(rng, focus, before)
            events = [*self._noise(rng, focus, stay), *self._signs(rng, to, stay)]
            found += [(now + at, event, "") for at, event in sorted(events)]
            now += stay
            found.append((now, "", to))
            focus, before = to, focus
        return [Moment(round(at * 1e9), event, to) for at, event, to in found]

    def _next(self, rng: random.Random, focus: str, before: str) -> str:
        if before and rng.random() < self.returns:
            return before
        return rng.choices(_NAMES, self.goes_to[focus])[0]

    def _noise(self, rng: random.Random, focus: str, stay: float) -> Iterator[tuple[float, str]]:
        at = rng.expovariate(1 / _EVENT_SECONDS)
        while at < stay:
            is_false = rng.random() < self.false_signs
            yield at, rng.choice(_SIGNS) if is_false else PLACES[focus].idle_event
            at += rng.expovariate(1 / _EVENT_SECONDS)

    def _signs(self, rng: random.Random, to: str, stay: float) -> Iterator[tuple[float, str]]:
        sign = rng.choice(PLACES[to].signs)
        lead = rng.uniform(0.8, 4.0) if sign in _EARLY_SIGNS else rng.uniform(0.15, 1.5)
        if rng.random() < self.announces and lead < stay:
            yield stay - lead, sign


def draw_users(family: str, count: int, seed: int) -> list[list[Moment]]:
    """What `count` users of a family do, each by his own habits.

    Args:
        family: one of `FAMILIES`.
        count: how many.
        seed: the first users of a seed are the same for every count.

    Raises:
        ValueError: there is no such family.
    """
    if family not in FAMILIES:
        raise ValueError(f"{family!r} is no family of users; there are {', '.join(FAMILIES)}.")
    randoms = [random.Random(f"{family} {seed} {number}") for number in range(count)]
    return [_draw(family, rng).moments(rng) for rng in randoms]


def _draw(family: str, rng: random.Random) -> User:
    is_null = family == "null"
    fewest, most = _FALSE_SIGNS.get(family, _MEANINGLESS)
    return User(
        goes_to={name: _habit(rng, name, is_even=is_null) for name in PLACES},
        returns=0.0 if is_null else rng.uniform(0.2, 0.7),
        stay_seconds={
            name: rng.lognormvariate(math.log(place.stay_seconds), 0.4)
            for name, place in PLACES.items()
        },
        announces=rng.uniform(0.35, 0.85) if family in _FALSE_SIGNS else 0.0,
        false_signs=rng.uniform(fewest, most),
    )


def _habit(rng: random.Random, here: str, *, is_even: bool) -> tuple[float, ...]:
    """Weights of where to go from `here`; drawn from a Dirichlet distribution unless even."""
    weights = [1.0 if is_even else rng.gammavariate(0.7, 1.0) for _ in PLACES]
    return tuple(
        0.0 if name == here else weight for name, weight in zip(PLACES, weights, strict=True)
    )
