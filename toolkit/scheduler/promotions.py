"""When is a probability worth acting on? Promotions, with a cap on those that nobody needed.

    promotions = Promotions((Bet("chat", cost_seconds=0.25), Bet("call", cost_seconds=0.40)))
    predictor.observe("ring", now_ns)
    for one in promotions.decide(predictor.probabilities(now_ns), now_ns):
        ...                                   # one.kind runs at one.level until one.until_ns
    for one in promotions.needed("call", now_ns):
        ...                                   # the focus went there, and one.kind goes back

Every promotion stakes something: itself, and the CPU time that it buys. What was needed gives the
stake back; what was not has wasted it. What may be wasted is earned by switches and by time, and
kept up to a limit. As stakes count as if they were lost, the waste never exceeds the cap, and over
the cap nothing is promoted until enough is earned again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from toolkit.scheduler.levels import Level

__all__ = ["Bet", "Cap", "Promotion", "PromotionStatistics", "Promotions"]


class Bet(NamedTuple):
    """A kind of work that may be promoted.

    Attributes:
        kind: of the scheduler.
        needed_by: names of the predictor that need it; the kind's own when left out.
        level: where it is promoted to.
        cost_seconds: CPU time that a promotion buys at most, as to load a model and warm it up.
    """

    kind: str
    needed_by: tuple[str, ...] = ()
    level: Level = Level.HIGH
    cost_seconds: float = 0.0

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the predictor that need this kind."""
        return self.needed_by or (self.kind,)


class Cap(NamedTuple):
    """What may be wasted: `at_once` + `per_switch` x switches, and the same in CPU time.

    Attributes:
        per_switch: wasted promotions that each switch allows.
        at_once: as many may be wasted before that.
        cpu_share: wasted CPU seconds that each second allows.
        cpu_seconds: as many may be wasted before that.
    """

    per_switch: float = 0.5
    at_once: float = 3.0
    cpu_share: float = 0.05
    cpu_seconds: float = 2.0


class Promotion(NamedTuple):
    """A kind is to run at a level until a time: plain data, for a scheduler to apply."""

    kind: str
    level: Level
    until_ns: int
    probability: float


class PromotionStatistics(NamedTuple):
    """What came of all promotions so far.

    Attributes:
        made: of which each is useful, wasted or still open.
        useful: the need followed in time.
        wasted: it did not.
        still_open: not known yet.
        refused: decisions in which the cap said no.
        wasted_seconds: CPU time that the wasted ones bought at most.
    """

    made: int
    useful: int
    wasted: int
    still_open: int
    refused: int
    wasted_seconds: float


class Promotions:
    """Decides which kinds to promote. No thread, no clock, no lock: the time is an argument.

    Args:
        bets: what may be promoted; each kind once.
        threshold: a kind is promoted from this probability on.
        hold_seconds: how long; anew from every decision that would promote it again.
        cap: what may be wasted.

    Raises:
        ValueError: a number makes no sense, a kind appears twice, or a bet could never be paid.
    """

    def __init__(
        self,
        bets: Sequence[Bet],
        *,
        threshold: float = 0.3,
        hold_seconds: float = 4.0,
        cap: Cap = Cap(),  # noqa: B008 - a tuple, which nobody changes
    ) -> None:
        if not 0 < threshold <= 1:
            raise ValueError(f"{threshold=} is no probability to act on; take one in (0, 1].")
        if not hold_seconds > 0:
            raise ValueError(f"{hold_seconds=}: a promotion must last; take a time above 0.")
        _check(bets, cap)
        self.threshold = threshold
        self._bets = {bet.kind: bet for bet in bets}
        self._hold_ns = round(hold_seconds * 1e9)
        self._cap = cap
        self._promotions = _Budget(cap.at_once)
        self._seconds = _Budget(cap.cpu_seconds)
        self._open: dict[str, Promotion] = {}
        self._now_ns: int | None = None
        self._made = self._useful = self._wasted = self._refused = 0
        self._wasted_seconds = 0.0

    def decide(self, probabilities: Mapping[str, float], now_ns: int) -> list[Promotion]:
        """What to promote now, the most probable first: new ones, and those that go on for longer.

        Raises:
            ValueError: a name that a bet needs has no probability.
        """
        now_ns = self._advance(now_ns)
        chances = {kind: _chance(bet, probabilities) for kind, bet in self._bets.items()}
        likely = [kind for kind, chance in chances.items() if chance >= self.threshold]
        found: list[Promotion] = []
        for kind in sorted(likely, key=lambda kind: -chances[kind]):
            if kind in self._open or self._stake(self._bets[kind]):
                level = self._bets[kind].level
                found.append(Promotion(kind, level, now_ns + self._hold_ns, chances[kind]))
                self._open[kind] = found[-1]
        return found

    def needed(self, name: str, now_ns: int) -> list[Promotion]:
        """The focus went to `name`: every open promotion was useful or wasted, and ends now.

        Returns:
            Those that end, with `until_ns` as now; a switch earns what may be wasted later.
        """
        now_ns = self._advance(now_ns)
        ended = [one._replace(until_ns=now_ns) for one in self._open.values()]
        for one in ended:
            self._close(one.kind, is_useful=name in self._bets[one.kind].names)
        self._promotions.earn(self._cap.per_switch)
        return ended

    def statistics(self) -> PromotionStatistics:
        """What came of all promotions so far, as of the latest time that was told."""
        return PromotionStatistics(
            self._made,
            self._useful,
            self._wasted,
            len(self._open),
            self._refused,
            self._wasted_seconds,
        )

    def _advance(self, now_ns: int) -> int:
        """Go on to `now_ns`, never back: time earns CPU seconds, and ends promotions."""
        before_ns = now_ns if self._now_ns is None else self._now_ns
        self._now_ns = max(now_ns, before_ns)
        for one in list(self._open.values()):
            if one.until_ns < self._now_ns:
                self._close(one.kind, is_useful=False)
        self._seconds.earn(self._cap.cpu_share * (self._now_ns - before_ns) / 1e9)
        return self._now_ns

    def _stake(self, bet: Bet) -> bool:
        """Put the stake of a new promotion at risk, where there is enough for it."""
        if not (self._promotions.has(1.0) and self._seconds.has(bet.cost_seconds)):
            self._refused += 1
            return False
        self._promotions.risk(1.0)
        self._seconds.risk(bet.cost_seconds)
        self._made += 1
        return True

    def _close(self, kind: str, *, is_useful: bool) -> None:
        del self._open[kind]
        cost = self._bets[kind].cost_seconds
        self._promotions.settle(1.0, is_lost=not is_useful)
        self._seconds.settle(cost, is_lost=not is_useful)
        if is_useful:
            self._useful += 1
        else:
            self._wasted += 1
            self._wasted_seconds += cost


class _Budget:
    """What may still be wasted. What is free and what is at risk are together at most `most`."""

    __slots__ = ("_at_risk", "_free", "_most")

    def __init__(self, most: float) -> None:
        self._most = self._free = most
        self._at_risk = 0.0

    def has(self, amount: float) -> bool:
        return self._free >= amount

    def earn(self, amount: float) -> None:
        self._free = max(self._free, min(self._free + amount, self._most - self._at_risk))

    def risk(self, amount: float) -> None:
        self._free -= amount
        self._at_risk += amount

    def settle(self, amount: float, *, is_lost: bool) -> None:
        self._at_risk -= amount
        if not is_lost:
            self._free += amount


def _chance(bet: Bet, probabilities: Mapping[str, float]) -> float:
    """That any of the names that need the kind comes next: one does, so they add up."""
    try:
        return min(1.0, sum(probabilities[name] for name in bet.names))
    except KeyError as error:
        known = ", ".join(probabilities) or "none"
        raise ValueError(f"no probability of {error}, which {bet} needs; given: {known}.") from None


def _check(bets: Sequence[Bet], cap: Cap) -> None:
    kinds = [bet.kind for bet in bets]
    if len(set(kinds)) < len(kinds):
        raise ValueError(f"{kinds=}: one of them appears twice; join their `needed_by`.")
    if not (cap.at_once >= 1 and min(cap) >= 0):
        raise ValueError(f"{cap}: no number may be below 0, and at_once not below 1.")
    for bet in bets:
        if len(set(bet.names)) < len(bet.names):
            raise ValueError(f"{bet} names one twice, which would count its probability twice.")
        if not 0 <= bet.cost_seconds <= cap.cpu_seconds:
            raise ValueError(
                f"{bet} can never be paid: its cost_seconds must lie in [0, {cap.cpu_seconds}]; "
                "raise Cap(cpu_seconds=...)."
            )
