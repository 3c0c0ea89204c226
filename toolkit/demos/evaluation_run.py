"""What do all evaluations share? A seed that is said, a progress bar, and peers that take turns."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any, TypeVar

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from toolkit import stages
from toolkit.demos import WrongUse
from toolkit.demos.opencv import GET_OPENCV, find_opencv
from toolkit.parameters import ParameterError
from toolkit.stages.declare import Stage

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator, Mapping

    from rich.console import Console

__all__ = [
    "DEFAULT_SCENES",
    "check_backend",
    "choose_scenes",
    "find_stage",
    "in_turn",
    "milliseconds_since",
    "no_peers",
    "options_of",
    "print_ending",
    "with_progress",
]

DEFAULT_SCENES = 20
_SEEDS = 1_000_000
_Item = TypeVar("_Item")


def choose_scenes(
    data: object, scenes: int | None, seed: int | None, *, of_data: Mapping[str, object]
) -> tuple[int, int]:
    """How many scenes, and their seed: the one that was given, else a fresh one.

    Args:
        data: folder of a data set, or None.
        scenes: as asked for, or None.
        seed: as asked for, or None.
        of_data: options by name that make sense for a data set only; None where not asked for.

    Raises:
        WrongUse: options for data and for scenes were both given.
    """
    odd = [name for name, value in of_data.items() if value is not None]
    if data is None and odd:
        raise WrongUse(f"{', '.join(odd)}: that is for a data set; name its folder with --data")
    if data is not None and (scenes is not None or seed is not None):
        raise WrongUse("--data is not drawn: leave out --scenes and --seed, or leave out --data")
    fresh = secrets.randbelow(_SEEDS) if seed is None else seed
    return (DEFAULT_SCENES if scenes is None else scenes), fresh


def check_backend(backend: str) -> None:
    """Refuse a back end that is not installed.

    Raises:
        WrongUse: with what to install.
    """
    if backend == "opencv" and find_opencv() is None:
        raise WrongUse(f"--backend opencv: OpenCV is not installed here; {GET_OPENCV}")


def find_stage(name: str) -> Stage:
    """The toolkit's stage of that name.

    Raises:
        WrongUse: there is none; the message lists those there are.
    """
    found = getattr(stages, name, None)
    if not isinstance(found, Stage):
        raise WrongUse(f"no stage is called {name!r}; there are {', '.join(stages.__all__)}")
    return found


def options_of(stage: Stage, **options: Any) -> dict[str, Any]:
    """Options as parameters of a stage; those that it has not, and that are its only way, left out.

    Raises:
        WrongUse: the stage cannot do what an option says; the message says what it can.
    """
    known = {one.name: one for one in stage.params}
    if "backend" not in known and options.get("backend") == "torch":
        options.pop("backend")
    for name, value in options.items():
        if name not in known:
            raise WrongUse(f"stage {stage.name!r} has no {name}, so it cannot be {value!r}")
        try:
            known[name].check(value)
        except ParameterError as error:
            raise WrongUse(f"--{name}: {error}") from None
    return options


def no_peers() -> str | None:
    """Why there is nobody to compare with, in a sentence; None where there is."""
    if find_opencv() is not None:
        return None
    return f"OpenCV is not installed, so there is nobody to compare with: {GET_OPENCV}"


def in_turn(rivals: Mapping[str, _Item], turn: int) -> Iterator[tuple[str, _Item]]:
    """The rivals, another one first each time, so that no one always finds the caches warm."""
    names = list(rivals)
    for place in range(len(names)):
        name = names[(place + turn) % len(names)]
        yield name, rivals[name]


def milliseconds_since(begin_ns: int) -> float:
    """CPU time of this thread, which is what others on the machine do not change much."""
    return (time.thread_time_ns() - begin_ns) / 1e6


def print_ending(result: Mapping[str, Any], console: Console) -> None:
    """Who was not there, whether it was cut short, and which plots were written."""
    if result["peers_missing"]:
        console.print(result["peers_missing"])
    if result["interrupted"]:
        console.print("Interrupted: this is what was finished.")
    for path in result["plots"]:
        console.print(f"plot: {path}", soft_wrap=True)


def with_progress(
    items: Iterable[_Item], total: int, what: str, console: Console
) -> Generator[_Item]:
    """The items, with a bar that moves on when the work on one is done."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=console,
    ) as progress:
        task = progress.add_task(what, total=total)
        for item in items:
            yield item
            progress.advance(task)
