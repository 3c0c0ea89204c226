"""Is it worth to guess what a user needs next? Every predictor, on users whom none has seen.

    python -m toolkit eval prediction
    python -m toolkit eval prediction --users 120 --seed 7 --json

Users are drawn (`toolkit.demos.prediction_users`) and dealt out once: on half of them learned
models are trained, on a sixth each predictor's threshold is chosen, on the last third everything is
measured once. Each user begins as a stranger: his own counts start at zero. All predictors have the
same cap on waste.

What a promotion is worth is a model, too: promoted work begins at once on a free core, so a promise
kept early enough saves all of what warming up costs. On a busy machine it saves less.
"""

from __future__ import annotations

import copy
import functools
import math
import secrets
import statistics
from contextlib import closing
from typing import TYPE_CHECKING, Any, NamedTuple

from rich.table import Table

from toolkit.demos import WrongUse
from toolkit.demos.evaluation_run import with_progress
from toolkit.demos.machine import describe_machine
from toolkit.demos.prediction_users import EVENTS, FAMILIES, PLACES, RULES, draw_users
from toolkit.scheduler.predict_logistic import Logistic
from toolkit.scheduler.predict_markov import Markov
from toolkit.scheduler.predict_rules import Rules
from toolkit.scheduler.predict_trivial import Frequency, Last, Nothing
from toolkit.scheduler.promotions import Bet, Cap, Promotions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from rich.console import Console

    from toolkit.demos.prediction_users import Moment
    from toolkit.scheduler.predict import Predictor

__all__ = [
    "COLUMNS",
    "LEGEND",
    "PREDICTORS",
    "TRIVIAL",
    "cells",
    "deal",
    "evaluate",
    "replay",
    "run_prediction",
    "spend",
]

DEFAULT_USERS = 36
FEWEST_USERS = 12  # of which two choose thresholds and four are measured
TRIVIAL = ("none", "last", "frequency")
PREDICTORS = (*TRIVIAL, "rules", "markov", "logistic alone", "logistic frozen", "logistic")
CAP = Cap(per_switch=0.5, at_once=3.0)
THRESHOLDS = (0.7, 0.5, 0.4, 0.3, 0.2, 0.14, 0.1, 0.05)
EPOCHS = 2
COLUMNS = ("mean ms", "p50", "p95", "saved ms", "warm %", "wasted", "CPU %")
LEGEND = (
    f"wasted: promotions a switch that nobody needed; the cap is {CAP.per_switch:g}, and "
    f"{CAP.at_once:g} to begin with. CPU: spent on warming up, of one core. saved: against none, "
    "with its standard error over users. alone: learns from this user only; frozen: learned from "
    "others, and learns no more. In the null family there is nothing to learn."
)
_BETS = tuple(Bet(name, cost_seconds=place.cost_seconds) for name, place in PLACES.items())
_SEEDS = 1_000_000


class Step(NamedTuple):
    """A moment of one user, with what a predictor made of it."""

    now_ns: int
    to: str
    probabilities: dict[str, float]


class Outcome(NamedTuple):
    """What one user got under one predictor and threshold.

    Attributes:
        seconds: first response of each switch.
        warmed: switches whose work was promoted in time.
        wasted: promotions that nobody needed.
        cpu_seconds: CPU time that went into warming up.
        whole_seconds: how long he was watched.
    """

    seconds: list[float]
    warmed: int
    wasted: int
    cpu_seconds: float
    whole_seconds: float


class Users(NamedTuple):
    """Three groups without a user in common."""

    train: list[list[Moment]]
    validation: list[list[Moment]]
    test: list[list[Moment]]


def deal(family: str, count: int, seed: int) -> Users:
    """Draw users and deal them out: half, a sixth, and the rest."""
    users = draw_users(family, count, seed)
    half, two_thirds = count // 2, count // 2 + count // 6
    return Users(users[:half], users[half:two_thirds], users[two_thirds:])


def evaluate(count: int, seed: int) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Family, predictor and its row, one after the other; each takes a second or so.

    Args:
        count: users of each family, all three groups together.
        seed: of the users.
    """
    for family in FAMILIES:
        users = deal(family, count, seed)
        trained = functools.cache(lambda train=users.train: _train(train))
        alone: list[Outcome] = []
        for name in PREDICTORS:
            predictor = _build(name, trained)
            threshold = _choose(predictor, users.validation)
            outcomes = [spend(replay(predictor, one), threshold) for one in users.test]
            alone = alone or outcomes
            yield family, name, {"threshold": threshold, **_row(outcomes, alone)}


def run_prediction(*, users: int | None, seed: int | None, console: Console) -> dict[str, Any]:
    """Evaluate every predictor on every family of users; print a table.

    Args:
        users: of each family, all three groups together; 36 when left out.
        seed: of the users; a fresh one when left out, which is printed.
        console: where the progress bar and the table go.

    Returns:
        `metrics` by family and predictor, the groups' sizes, the seed, and `interrupted`.

    Raises:
        WrongUse: there are too few users to deal out.
    """
    count = DEFAULT_USERS if users is None else users
    if count < FEWEST_USERS:
        raise WrongUse(f"--users {count}: three groups need at least {FEWEST_USERS}")
    seed = secrets.randbelow(_SEEDS) if seed is None else seed
    groups = {name: len(group) for name, group in deal("null", count, seed)._asdict().items()}
    console.print(f"prediction for drawn users, seed {seed}: {_words(groups)}")
    metrics, is_interrupted = _measure(count, seed, console)
    result = {
        "metrics": metrics,
        "users": groups,
        "seed": seed,
        "cap": CAP._asdict(),
        "interrupted": is_interrupted,
        "machine": describe_machine(),
    }
    _print(result, console)
    return result


def replay(predictor: Predictor, moments: Sequence[Moment]) -> list[Step]:
    """What a copy of `predictor` makes of a user whom it has not seen."""
    watching = copy.deepcopy(predictor)
    watching.forget_user()
    return [_step(watching, moment) for moment in moments]


def spend(steps: Sequence[Step], threshold: float, cap: Cap = CAP) -> Outcome:
    """Promote by these probabilities, and see what it saves and costs. The first switch begins."""
    promotions = Promotions(_BETS, threshold=threshold, cap=cap)
    warming: dict[str, tuple[int, int]] = {}  # kind -> promoted since, until
    seconds: list[float] = []
    cpu = 0.0
    for now_ns, to, probabilities in steps:
        if to and now_ns > steps[0].now_ns:
            cpu += sum(_ran(kind, *span, now_ns) for kind, span in warming.items())
            seconds.append(_first_response(to, warming, now_ns))
            warming.clear()
            promotions.needed(to, now_ns)
        for one in promotions.decide(probabilities, now_ns):
            since, until = warming.get(one.kind, (now_ns, now_ns))
            if until < now_ns:  # the last one was over, and this is another
                cpu += _ran(one.kind, since, until, now_ns)
                since = now_ns
            warming[one.kind] = since, one.until_ns
    counted = promotions.statistics()
    whole = (steps[-1].now_ns - steps[0].now_ns) / 1e9
    return Outcome(seconds, counted.useful, counted.wasted, cpu, whole)


def _step(predictor: Predictor, moment: Moment) -> Step:
    if moment.to:
        predictor.switched(moment.to, moment.now_ns)
    else:
        predictor.observe(moment.event, moment.now_ns)
    return Step(moment.now_ns, moment.to, predictor.probabilities(moment.now_ns))


def _ran(kind: str, since_ns: int, until_ns: int, now_ns: int) -> float:
    """CPU seconds that a promotion ran: until it was warm, or over."""
    return min(PLACES[kind].cost_seconds, (min(until_ns, now_ns) - since_ns) / 1e9)


def _first_response(to: str, warming: Mapping[str, tuple[int, int]], now_ns: int) -> float:
    """What is left of the cost when the switch comes, and the response itself."""
    since, until = warming.get(to, (now_ns, now_ns))
    begun = (now_ns - since) / 1e9 if until >= now_ns else 0.0
    return PLACES[to].warm_seconds + max(0.0, PLACES[to].cost_seconds - begun)


def _build(name: str, trained: Callable[[], Logistic]) -> Predictor:
    names = tuple(PLACES)
    plain = {"none": Nothing, "last": Last, "frequency": Frequency, "markov": Markov}
    if name in plain:
        return plain[name](names, EVENTS)
    if name == "rules":
        return Rules(names, EVENTS, rules=RULES)
    if name == "logistic alone":
        return Logistic(names, EVENTS)
    model = copy.deepcopy(trained())
    if name == "logistic frozen":
        model.rate = 0.0
    return model


def _train(users: Sequence[Sequence[Moment]]) -> Logistic:
    model = Logistic(tuple(PLACES), EVENTS)
    for _ in range(EPOCHS):
        for moments in users:
            model.forget_user()
            for moment in moments:
                _step(model, moment)
    return model


def _choose(predictor: Predictor, users: Sequence[Sequence[Moment]]) -> float:
    """The threshold of the quickest first response on these users; the highest of equals."""
    steps = [replay(predictor, moments) for moments in users]

    def mean(threshold: float) -> float:
        return statistics.fmean(s for one in steps for s in spend(one, threshold).seconds)

    return min(THRESHOLDS, key=mean)


def _row(outcomes: Sequence[Outcome], alone: Sequence[Outcome]) -> dict[str, float]:
    """All test users in numbers; what was saved is against no prediction, user by user."""
    every = sorted(one * 1e3 for outcome in outcomes for one in outcome.seconds)
    saved = [
        (statistics.fmean(without.seconds) - statistics.fmean(having.seconds)) * 1e3
        for without, having in zip(alone, outcomes, strict=True)
    ]
    whole = sum(one.whole_seconds for one in outcomes)
    return {
        "mean_ms": statistics.fmean(every),
        "p50_ms": statistics.median(every),
        "p95_ms": every[min(len(every) - 1, int(0.95 * len(every)))],
        "saved_ms": statistics.fmean(saved),
        "saved_error_ms": statistics.stdev(saved) / math.sqrt(len(saved)),
        "warmed_share": sum(one.warmed for one in outcomes) / len(every),
        "wasted_per_switch": sum(one.wasted for one in outcomes) / len(every),
        "cpu_share": sum(one.cpu_seconds for one in outcomes) / whole,
    }


def _measure(count: int, seed: int, console: Console) -> tuple[dict[str, Any], bool]:
    metrics: dict[str, Any] = {}
    total = len(FAMILIES) * len(PREDICTORS)
    with closing(with_progress(evaluate(count, seed), total, "prediction", console)) as rows:
        try:
            for family, name, row in rows:
                metrics.setdefault(family, {})[name] = row
        except KeyboardInterrupt:
            return metrics, True
    return metrics, False


def _words(groups: Mapping[str, int]) -> str:
    return ", ".join(f"{size} {name}" for name, size in groups.items())


def _print(result: Mapping[str, Any], console: Console) -> None:
    for family, rows in result["metrics"].items():
        table = Table(title=f"First response, family {family}", title_justify="left")
        table.add_column("predictor", no_wrap=True)
        for column in COLUMNS:
            table.add_column(column, justify="right", no_wrap=True)
        for name, row in rows.items():
            table.add_row(name, *cells(row))
        console.print(table)
    console.print(LEGEND)
    if result["interrupted"]:
        console.print("Interrupted: this is what was finished.")


def cells(row: Mapping[str, float]) -> tuple[str, ...]:
    """One row in words, in the order of `COLUMNS`."""
    return (
        f"{row['mean_ms']:.0f}",
        f"{row['p50_ms']:.0f}",
        f"{row['p95_ms']:.0f}",
        f"{row['saved_ms']:.0f} ± {row['saved_error_ms']:.1f}",
        f"{row['warmed_share'] * 100:.0f}",
        f"{row['wasted_per_switch']:.2f}",
        f"{row['cpu_share'] * 100:.2f}",
    )
