"""What does the scheduler make of too much work? The workload, live on threads or simulated.

    python -m toolkit schedule --context chat --load 1.5
    python -m toolkit schedule --load 2 --mode guard --simulate --seed 7 --json

Live, it is real torch work on the workers of a `Scheduler`. Simulated, the same load runs on an
ideal machine: no interpreter lock, and nothing takes time but the work.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from rich import box
from rich.table import Table

from toolkit.demos import WrongUse
from toolkit.demos.live_load import Contender, Log, play
from toolkit.demos.machine import cores, describe_machine
from toolkit.demos.schedule_view import watching
from toolkit.demos.scheduled_load import DEFAULT_MODE, ScheduledLoad
from toolkit.demos.workload import BACKGROUND, CONTEXTS, KINDS, RATES, arrivals_of
from toolkit.scheduler import KindStatistics, Policy, Scheduler, simulate
from toolkit.scheduler.loads import load_of
from toolkit.scheduler.outcome import Outcome
from toolkit.scheduler.perfetto import export_chrome_trace
from toolkit.scheduler.recording import Recording

if TYPE_CHECKING:
    from rich.console import Console

    from toolkit.scheduler import Arrival
    from toolkit.scheduler.lanes import Mode

__all__ = ["DEFAULT_CONTEXT", "HIGHEST_LOAD", "Ran", "run_schedule"]

DEFAULT_CONTEXT = "default"
HIGHEST_LOAD = 3.0  # beyond it a frame takes longer than from one to the next
LEGEND = (
    "missed: deadlines that were not met, for whatever reason. share: % of all core time; the "
    "background's is the sum of its kinds. Of what is left: over what the cores leave after the "
    "foreground that was offered."
)
_SEEDS = 1_000_000


class Ran(NamedTuple):
    """What a run gave.

    Attributes:
        outcome: by kind.
        recording: the events, to be written.
        statistics: the scheduler's own, by kind; empty where it was simulated.
        interrupted: whether it was cut short.
    """

    outcome: Outcome
    recording: Recording
    statistics: dict[str, KindStatistics]
    interrupted: bool


def run_schedule(
    *,
    load: float,
    context: str,
    mode: str | None,
    seconds: float,
    workers: int | None,
    seed: int | None,
    is_simulated: bool,
    trace: Path | None,
    console: Console,
) -> dict[str, Any]:
    """Run the workload, show what happens, and print what came of each kind.

    Args:
        load: CPU-seconds that are offered each second, over the workers.
        context: of `CONTEXTS`, or the default one.
        mode: of the scheduler; its own default when left out.
        seconds: for how long.
        workers: how many cores; all of them when left out.
        seed: of what comes at random; a fresh one when left out, which is printed.
        is_simulated: on a virtual clock instead of on threads.
        trace: where to write the events for Perfetto, or None.
        console: where everything goes.

    Returns:
        `kinds`, by name, and what else stands in the table; `interrupted`.

    Raises:
        WrongUse: there is no such context or load, or the trace cannot be written.
    """
    _check(context, load, trace)
    seed = secrets.randbelow(_SEEDS) if seed is None else seed
    mode, workers = mode or DEFAULT_MODE, workers or cores()
    arrivals = arrivals_of(load, seconds=seconds, seed=seed, cores=workers)
    told = f"load {load:g}, mode {mode}, context {context}, {workers} workers, seed {seed}"
    console.print(f"schedule: {told}{', simulated' if is_simulated else ''}")
    if is_simulated:
        ran = _simulate(arrivals, context, cast("Mode", mode), seconds, workers, seed)
    else:
        ran = _live(arrivals, context, cast("Mode", mode), seconds, workers, seed, console)
    result = {
        "seed": seed,
        "mode": mode,
        "load": load,
        "context": context,
        "workers": workers,
        "seconds": ran.outcome.seconds,
        "simulated": is_simulated,
        **_figures(ran, arrivals, workers),
        "interrupted": ran.interrupted,
        "machine": describe_machine(),
    }
    _print(result, console)
    if trace is not None:
        export_chrome_trace(ran.recording, trace)
        console.print(f"trace: {trace}", soft_wrap=True)
    return result


def _check(context: str, load: float, trace: Path | None) -> None:
    names = [DEFAULT_CONTEXT, *(one.name for one in CONTEXTS)]
    if context not in names:
        raise WrongUse(f"--context {context}: there is no such one, but {', '.join(names)}")
    if not 0 < load <= HIGHEST_LOAD:
        raise WrongUse(f"--load {load:g}: above 0, and at most {HIGHEST_LOAD:g}")
    try:
        if trace is not None:
            trace.open("ab").close()
    except OSError as error:
        reason = error.strerror or error
        told = f"--trace {trace}: {reason}. Name a file that can be written."
        raise WrongUse(told) from None


def _simulate(
    arrivals: tuple[Arrival, ...],
    context: str,
    mode: Mode,
    seconds: float,
    workers: int,
    seed: int,
) -> Ran:
    policy = Policy(KINDS, workers=workers, mode=mode, contexts=CONTEXTS, seed=seed)
    outcome = simulate(
        arrivals,
        policy=policy,
        seconds=seconds,
        shifts=[] if context == DEFAULT_CONTEXT else [(0.0, context)],
        seed=seed,
        with_trace=True,
    )
    return Ran(outcome, Recording.of(_standing(policy), outcome.trace), {}, False)


def _standing(policy: Policy) -> dict[str, Any]:
    """What a recording has to know of a simulated policy."""
    return {
        "cores": policy.workers.cores,
        "workers": len(policy.workers),
        "lanes": [[int(lane.first), int(lane.last)] for lane in policy.workers.lanes],
        "kinds": [{"name": kind.name, "base": kind.base} for kind in policy.kinds.values()],
        "contexts": list(policy.contexts),
        "mode": policy.mode,
    }


def _live(
    arrivals: tuple[Arrival, ...],
    context: str,
    mode: Mode,
    seconds: float,
    workers: int,
    seed: int,
    console: Console,
) -> Ran:
    from toolkit.demos.torch_work import TorchWork

    with console.status("measuring what a step of each kind costs ..."):
        log = Log(arrivals, TorchWork(seed))
    scheduler = Scheduler(KINDS, workers=workers, mode=mode, contexts=CONTEXTS)
    if context != DEFAULT_CONTEXT:
        scheduler.set_context(context)

    def make(log: Log) -> Contender:
        return ScheduledLoad(log, scheduler, RATES)

    is_interrupted = False
    try:
        with watching(scheduler, console):
            play(log, make, seconds=seconds)
    except KeyboardInterrupt:
        is_interrupted = True
    finally:
        scheduler.shutdown(drain=False)
    outcome = log.outcome(mode, cores=workers)
    return Ran(outcome, scheduler.recording(), scheduler.statistics(), is_interrupted)


def _figures(ran: Ran, arrivals: tuple[Arrival, ...], workers: int) -> dict[str, Any]:
    seconds = ran.outcome.seconds
    came = [one for one in arrivals if one.release_ns < seconds * 1e9]
    front = [one for one in came if one.kind not in BACKGROUND]
    share = ran.outcome.share(BACKGROUND)
    left = 1 - load_of(front, seconds=seconds, cores=workers)
    return {
        "offered": load_of(came, seconds=seconds, cores=workers),
        "background_share": share,
        "background_of_left": share / left if left > 0 else None,
        "kinds": {kind: _of_kind(ran, kind) for kind in KINDS if kind in ran.outcome.kinds},
    }


def _of_kind(ran: Ran, kind: str) -> dict[str, Any]:
    of = ran.outcome.kinds[kind]
    statistics = ran.statistics.get(kind)
    causes = {} if statistics is None else statistics.as_dict()["causes"]
    return {
        "level": KINDS[kind].name,
        **asdict(of),
        "miss_percent": 100 * of.missed / of.due if of.due else 0.0,
        "causes": causes,
    }


def _print(result: dict[str, Any], console: Console) -> None:
    of_left = result["background_of_left"]
    told = "nothing was left" if of_left is None else f"{100 * of_left:.0f} % of what is left"
    share = f"{100 * result['background_share']:.0f} %, {told}"
    title = f"offered: {result['offered']:.2f} of capacity; background share: {share}"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for column in ("kind", "level"):
        table.add_column(column, no_wrap=True)
    for column in ("came", "done", "shed", "missed %", "p50 / p95 / p99 ms", "share"):
        table.add_column(column, justify="right", no_wrap=True)
    for kind, of in result["kinds"].items():
        table.add_row(kind, of["level"], *_cells(of))
    console.print(table)
    for kind, of in result["kinds"].items():
        if of["causes"]:
            causes = ", ".join(f"{cause} {count}" for cause, count in of["causes"].items())
            console.print(f"  {kind} ended late: {causes}")
    console.print(LEGEND)
    if result["interrupted"]:
        console.print("Interrupted: this is what was finished.")


def _cells(of: dict[str, Any]) -> tuple[str, ...]:
    return (
        *(str(of[count]) for count in ("released", "done", "shed")),
        f"{of['miss_percent']:.2f}" if of["due"] else "",
        " / ".join(_ms(of[quantile]) for quantile in ("p50_ms", "p95_ms", "p99_ms")),
        f"{100 * of['share']:.1f}",
    )


def _ms(value: float) -> str:
    """Three digits or more: the table has to fit into 80 columns."""
    return f"{value:.1f}" if value < 100 else f"{value:.0f}"
