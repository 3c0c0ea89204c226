"""What would another policy have made of this session? Its trace replayed, beside what happened.

Beside both stands what the simulator makes of the session under its own policy: as far as that is
from what happened, so far is the answer from what would have happened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from toolkit.scheduler.comparison import compare
from toolkit.scheduler.contexts import Context
from toolkit.scheduler.executors.calibration import MEASURED, Calibration
from toolkit.scheduler.executors.sim import simulate
from toolkit.scheduler.levels import Level
from toolkit.scheduler.outcome import Outcome, Tally
from toolkit.scheduler.reasons import Happening, Reason
from toolkit.scheduler.recording import Recording
from toolkit.scheduler.replay import Replay, replay_of
from toolkit.scheduler.standing import Standing

__all__ = ["WhatIf", "what_if"]

_QUANTUM_ENDS = (
    *(Happening.QUANTUM, Happening.YIELD, Happening.BLOCK),
    *(Happening.DONE, Happening.FAIL),
)


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A session and what it could have been; `print` shows a table.

    Attributes:
        recorded: what happened.
        simulated: the same policy in the simulator.
        instead: the other policy in the simulator.
        replay: the load, and what is not certain about it.
    """

    recorded: Outcome
    simulated: Outcome
    instead: Outcome
    replay: Replay

    def __str__(self) -> str:
        """Three lines: recorded, simulated, and under the other policy."""
        lines = [
            replace(self.recorded, policy=f"{self.recorded.policy}, recorded"),
            replace(self.simulated, policy=f"{self.simulated.policy}, simulated"),
            replace(self.instead, policy=f"{self.instead.policy} instead"),
        ]
        return str(compare(lines))


def what_if(
    recording: Recording,
    *,
    policy: str,
    calibration: Calibration = MEASURED,
    seed: int = 0,
    with_trace: bool = False,
) -> WhatIf:
    """Replay a recording under another policy; contexts change when they did.

    Args:
        recording: of a live session.
        policy: a mode of the scheduler, or a rival: see `POLICIES`.
        calibration: what the machine costs. Its slowdown and its noise are not used: they are in
            the times that were recorded.
        seed: of all that varies.
        with_trace: whether the outcomes keep all events.

    Raises:
        ValueError: there is no such policy, or the recording is of no time at all.
    """
    seconds = (recording.end_ns - recording.start_ns) / 1e9
    if seconds <= 0:
        raise ValueError("the recording has no two events at different times: nothing to replay.")
    replay = replay_of(recording)
    contexts = tuple(_contexts(recording))
    cores = sum(first == Level.CRITICAL for first, _ in recording.lanes)

    def under(decides: str) -> Outcome:
        return simulate(
            replay.arrivals,
            policy=decides,
            seconds=seconds,
            workers=cores,
            kinds=_levels_at_begin(recording),
            contexts=[context for _, context in contexts],
            shifts=[(at_seconds, context.name) for at_seconds, context in contexts],
            calibration=replace(calibration, slowdown=1.0, cost_noise=0.0),
            seed=seed,
            with_trace=with_trace,
        )

    return WhatIf(_recorded(recording, replay, cores), under(recording.mode), under(policy), replay)


def _contexts(recording: Recording) -> Iterator[tuple[float, Context]]:
    """After how many seconds which context began, with the levels that it gave."""
    levels = _levels_at_begin(recording)
    began: list[tuple[int, str]] = []
    for place, event in enumerate(recording.events):
        if event.happening == Happening.CONTEXT:
            began.append((place, recording.context_name(event.value)))
    for number, (place, name) in enumerate(began):
        t_ns = recording.events[place].t_ns
        for event in recording.events[place:]:
            if event.t_ns != t_ns:
                break
            if _is_shift(event.happening, event.task, event.reason):
                levels[recording.kind_name(event.kind)] = event.level
        yield (t_ns - recording.start_ns) / 1e9, Context(f"{name} {number}", dict(levels))


def _levels_at_begin(recording: Recording) -> dict[str, int]:
    """The level of each kind, also where the begin of the context is not recorded any more."""
    standing = Standing(recording)
    return {kind.name: standing.level_of(0, place) for place, kind in enumerate(recording.kinds)}


def _is_shift(happening: int, task: int, reason: int) -> bool:
    return happening == Happening.LEVEL and not task and reason == Reason.CONTEXT


def _recorded(recording: Recording, replay: Replay, cores: int) -> Outcome:
    """What happened, counted as the simulator counts."""
    tally = Tally(replay.arrivals)
    index_of = {task: index for index, task in enumerate(replay.tasks)}
    since_ns: dict[int, int] = {}
    for event in recording.events:
        index = index_of.get(event.task)
        if index is None:
            continue
        t_ns = event.t_ns - recording.start_ns
        if event.happening == Happening.START:
            since_ns[event.task] = t_ns
        elif event.happening in _QUANTUM_ENDS:
            tally.ran(index, t_ns, t_ns - since_ns.get(event.task, 0))
            since_ns[event.task] = t_ns
        if event.happening in (Happening.DONE, Happening.FAIL):
            tally.ended(index, t_ns)
        elif event.happening == Happening.SHED:
            tally.shed(index)
    span_ns = recording.end_ns - recording.start_ns
    kinds = tally.kinds(end_ns=span_ns, cores=cores)
    return Outcome(recording.mode, span_ns / 1e9, kinds, event_hash="")
