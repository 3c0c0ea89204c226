"""What changes the levels while it runs? The user's situation, missed deadlines, and predictions.

Everything here is decided under the scheduler's lock, from data; the time is an argument.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from toolkit.scheduler.feedback import Feedback
from toolkit.scheduler.idleness import OthersLoad
from toolkit.scheduler.reasons import Reason
from toolkit.scheduler.situation import Chooser, Situation

if TYPE_CHECKING:
    from toolkit.scheduler.policy import Policy
    from toolkit.scheduler.predict import Predictor
    from toolkit.scheduler.promotions import Promotions

__all__ = ["Adaptation"]

LOOK_NS = 100_000_000


class Adaptation:
    """Looks at the situation ten times a second while there is work, and shifts what has to.

    Attributes:
        situation: what is known of the user, now.
        chooser: which context the situation calls for; None: contexts are set by hand.
        next_ns: when it is time to look again.
    """

    def __init__(self, policy: Policy) -> None:
        self.situation = Situation()
        self.chooser: Chooser | None = None
        self.next_ns = 0
        self._policy = policy
        self._feedback = Feedback()
        self._others: OthersLoad | None = None
        self._touched_ns = 0
        self._predictor: Predictor | None = None
        self._promotions: Promotions | None = None
        self._until_ns: dict[str, int] = {}

    def follow(self, chooser: Chooser | None, now_ns: int) -> None:
        """Let the situation choose the context from now on; None: no longer."""
        self.chooser = chooser
        self._touched_ns = now_ns
        if chooser is not None and self._others is None:
            self._others = OthersLoad()
        self.next_ns = now_ns

    def predict(self, predictor: Predictor, promotions: Promotions) -> None:
        """Let kinds that will probably be needed have a higher level, as `promotions` decides."""
        self._predictor = predictor
        self._promotions = promotions

    def notice(self, now_ns: int, **changes: Any) -> None:
        """Something about the situation is otherwise now; each is a touch by the user."""
        self.situation = replace(self.situation, **changes)
        self._touched_ns = now_ns

    def observe(self, event: str, now_ns: int) -> None:
        """Tell the predictor of an event, which is a touch by the user."""
        self._touched_ns = now_ns
        if self._predictor is not None and event in self._predictor.events:
            self._predictor.observe(event, now_ns)
            self._promote(now_ns)

    def needed(self, name: str, now_ns: int) -> None:
        """Tell the predictor what the user turned to."""
        if self._predictor is None or self._promotions is None:
            return
        if name not in self._predictor.names:
            return
        for one in self._promotions.needed(name, now_ns):
            self._until_ns.pop(one.kind, None)
            self._policy.expect(one.kind, None, now_ns)
        self._predictor.switched(name, now_ns)
        self._promote(now_ns)

    def look(self, now_ns: int) -> None:
        """See what has to be shifted now."""
        self.next_ns = now_ns + LOOK_NS
        if now_ns >= self._feedback.next_ns:
            for kind, level in self._feedback.look(self._policy.kinds.values(), now_ns):
                self._policy.ask(kind, level, now_ns)
        for kind in [kind for kind, until_ns in self._until_ns.items() if until_ns <= now_ns]:
            del self._until_ns[kind]
            self._policy.expect(kind, None, now_ns)
        if self.chooser is not None and self._others is not None:
            self._choose(self.chooser, self._others, now_ns)

    def _choose(self, chooser: Chooser, others: OthersLoad, now_ns: int) -> None:
        self.situation = replace(
            self.situation,
            quiet_seconds=(now_ns - self._touched_ns) / 1e9,
            others_load=others.share(),
        )
        chosen = chooser.choose(self.situation, self._policy.context, now_ns)
        if chosen is not None:
            self._policy.set_context(chosen, now_ns, Reason.CONTEXT)
            self.needed(chosen, now_ns)

    def _promote(self, now_ns: int) -> None:
        if self._predictor is None or self._promotions is None:
            return
        for one in self._promotions.decide(self._predictor.probabilities(now_ns), now_ns):
            self._until_ns[one.kind] = one.until_ns
            self._policy.expect(one.kind, int(one.level), now_ns)
