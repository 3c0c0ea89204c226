"""What must a predictor beat to be worth its lines? These three, which look at next to nothing."""

from __future__ import annotations

from toolkit.scheduler.predict import Predictor
from toolkit.scheduler.predict_history import NOBODY

__all__ = ["Frequency", "Last", "Nothing"]

_PRIOR = 0.2  # of a switch that was never seen: less than one, so that the first one counts


class Nothing(Predictor):
    """Expects nothing, ever: what it is like without prediction."""

    def weigh(self) -> list[float]:
        """Zero for each name."""
        return [0.0] * len(self.names)


class Last(Predictor):
    """Expects that the user goes back to where he was before."""

    def weigh(self) -> list[float]:
        """All that is probable at all is on the name before this one."""
        weights = [0.0] * len(self.names)
        if self.history.before != NOBODY:
            weights[self.history.before] = self.history.leaving(self.horizon_seconds)
        return weights


class Frequency(Predictor):
    """Expects what this user went to most often, wherever he is."""

    def weigh(self) -> list[float]:
        """By how often he went to each name."""
        went_to = [sum(column) for column in zip(*self.history.counts, strict=True)]
        leaving = self.history.leaving(self.horizon_seconds)
        return [leaving * share for share in self.history.shares(went_to, _PRIOR)]
