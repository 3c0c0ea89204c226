"""What shifts the levels while work runs, and is it said why?"""

from toolkit.scheduler import Context, Happening, Kind, Level, Policy, Reason, State, Task, Trigger
from toolkit.scheduler.adaptation import LOOK_NS, Adaptation
from toolkit.scheduler.feedback import CALM_LOOKS
from toolkit.scheduler.feedback import LOOK_NS as FEEDBACK_NS
from toolkit.scheduler.predict_rules import Rule, Rules
from toolkit.scheduler.promotions import Bet, Promotions
from toolkit.scheduler.situation import Chooser
from toolkit.scheduler.trace import records

SECOND = 1_000_000_000


def shifts(policy: Policy) -> list[tuple[str, Level, Reason]]:
    """The changes of level in the trace: kind, new level, reason."""
    names = list(policy.kinds)
    return [
        (names[one.kind], Level(one.level), Reason(one.reason))
        for one in records(policy.trace.since().data)
        if one.happening == Happening.LEVEL
    ]


def run(policy: Policy, now_ns: int, *, late: bool) -> None:
    """One frame that takes 1 ms and is late or not."""
    deadline_ns = now_ns if late else now_ns + SECOND
    policy.submit(Task("frame", deadline_ns=deadline_ns), now_ns)
    assert policy.pick(0, now_ns) is not None
    policy.step(0, now_ns + 1_000_000, 1_000_000, end=State.DONE)


def test_a_kind_that_misses_its_deadlines_asks_for_more_and_returns_when_it_is_calm():
    policy = Policy({"frame": Kind("NORMAL", raise_to="HIGH"), "train": "LOW"}, workers=1)
    adaptation = Adaptation(policy)
    for at in range(5):
        run(policy, at * 20_000_000, late=True)
    adaptation.look(FEEDBACK_NS)
    assert policy.kinds["frame"].level == Level.HIGH
    for look in range(2, CALM_LOOKS + 3):
        for at in range(5):
            run(policy, look * FEEDBACK_NS + at * 20_000_000, late=False)
        adaptation.look((look + 1) * FEEDBACK_NS)
    assert policy.kinds["frame"].level == Level.NORMAL
    assert shifts(policy) == [
        ("frame", Level.HIGH, Reason.DEADLINE),
        ("frame", Level.NORMAL, Reason.RETURNED),
    ]


def test_it_never_gets_more_than_was_declared():
    policy = Policy({"frame": Kind("NORMAL", raise_to="NORMAL")}, workers=1)
    adaptation = Adaptation(policy)
    for at in range(5):
        run(policy, at * 20_000_000, late=True)
    adaptation.look(FEEDBACK_NS)
    assert policy.kinds["frame"].level == Level.NORMAL
    assert shifts(policy) == []


def test_the_situation_chooses_the_context():
    contexts = [Context("chat", {"chat": "CRITICAL"})]
    policy = Policy({"chat": "HIGH"}, workers=1, contexts=contexts)
    adaptation = Adaptation(policy)
    chooser = Chooser([Trigger("chat", focused="chat")], hold_seconds=0.1, dwell_seconds=0)
    adaptation.follow(chooser, 0)
    adaptation.notice(0, focused="chat")
    adaptation.look(0)
    assert policy.context == "default"
    adaptation.look(LOOK_NS)
    assert policy.context == "chat"
    assert shifts(policy) == [("chat", Level.CRITICAL, Reason.CONTEXT)]


def test_what_will_probably_be_needed_is_promoted_until_it_is_not():
    policy = Policy({"chat": "NORMAL", "call": "NORMAL"}, workers=1)
    adaptation = Adaptation(policy)
    rules = Rules(("chat", "call"), ("ring",), rules=[Rule("ring", "call", 0.9, 1.5)])
    adaptation.predict(rules, Promotions((Bet("call"), Bet("chat")), hold_seconds=1.0))
    adaptation.needed("chat", 0)
    adaptation.observe("ring", SECOND)
    assert policy.kinds["call"].level == Level.HIGH
    adaptation.look(3 * SECOND)
    assert policy.kinds["call"].level == Level.NORMAL
    assert shifts(policy) == [
        ("call", Level.HIGH, Reason.PREDICTION),
        ("call", Level.NORMAL, Reason.RETURNED),
    ]
