"""Which events say by themselves what comes next? A table that a person wrote, nothing learned.

rules = (Rule("ring", "call", 0.9, fade_seconds=3.0), Rule("mouse_to_chat", "chat", 0.8))
predictor = Rules(("chat", "call", "idle"), ("ring", "mouse_to_chat"), rules=rules)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from toolkit.scheduler.predict import Predictor

__all__ = ["Rule", "Rules"]


class Rule(NamedTuple):
    """After an event, a name is needed.

    Attributes:
        event: what was seen.
        name: what is needed then.
        probability: that it is, right after the event.
        fade_seconds: after so long it is 1/e of that.
    """

    event: str
    name: str
    probability: float = 0.8
    fade_seconds: float = 1.5


class Rules(Predictor):
    """Expects what its rules say of the events that were seen; of several rules the surest.

    Args:
        names: what can be needed next.
        events: what can be observed.
        rules: the table.
        horizon_seconds: how far ahead is looked; a rule's own time is `fade_seconds`.

    Raises:
        ValueError: a rule names what is in neither list, or its numbers make no sense.
    """

    def __init__(
        self,
        names: Sequence[str],
        events: Sequence[str],
        *,
        rules: Sequence[Rule],
        horizon_seconds: float = 4.0,
    ) -> None:
        super().__init__(names, events, horizon_seconds=horizon_seconds)
        self._rules = [self._checked(rule) for rule in rules]

    def weigh(self) -> list[float]:
        """For each name the surest rule, faded by the age of its event."""
        weights = [0.0] * len(self.names)
        for event, name, rule in self._rules:
            faded = rule.probability * math.exp(
                -self.history.age_seconds(event) / rule.fade_seconds
            )
            if name != self.history.focus:
                weights[name] = max(weights[name], faded)
        return weights

    def _checked(self, rule: Rule) -> tuple[int, int, Rule]:
        if not 0 <= rule.probability <= 1:
            raise ValueError(f"{rule}: a probability lies in [0, 1].")
        if not rule.fade_seconds > 0:
            raise ValueError(f"{rule}: fade_seconds must be above 0, or the rule never holds.")
        return self.number_of_event(rule.event), self.number_of_name(rule.name), rule
