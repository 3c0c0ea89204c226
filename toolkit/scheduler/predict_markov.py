"""Where does this user go from here? First-order counts of his own switches, nobody else's."""

from __future__ import annotations

from toolkit.scheduler.predict import Predictor
from toolkit.scheduler.predict_history import NOBODY

__all__ = ["Markov"]

_PRIOR = 0.2  # of a switch that was never seen: less than one, so that the first one counts


class Markov(Predictor):
    """Expects what followed on the present focus before, as often as it did.

    It learns from each switch and looks at no event, so it knows where to, and hardly when.
    """

    def weigh(self) -> list[float]:
        """By how often this user went to each name from where he is."""
        history = self.history
        if history.focus == NOBODY:
            return [0.0] * len(self.names)
        leaving = history.leaving(self.horizon_seconds)
        return [leaving * one for one in history.shares(history.counts[history.focus], _PRIOR)]
