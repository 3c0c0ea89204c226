"""What can I do from a terminal? Play, measure, compare, schedule and evaluate.

`python -m toolkit demo`, `doctor`, `bench`, `compare`, `schedule`, `eval flow`, `eval pose` and
`eval prediction`.

Each command imports what it needs when it runs, so that `--help` answers at once. With `--json`
standard output holds one JSON object and nothing else; the rest goes to standard error. Where a
command refuses, the object has the one key `error`, with the sentence that standard error has.

Exit codes: 0 done, also when an interrupt ended it after something was finished; 2 wrong use;
3 bad input; 130 interrupted before anything was finished.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

if TYPE_CHECKING:
    from rich.console import Console

__all__ = ["app", "main"]

WRONG_USE = 2
BAD_INPUT = 3
INTERRUPTED = 130

app = typer.Typer(
    name="downhill",
    help="Real-time media AI in which every use of a resource is on the bill.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
evaluations = typer.Typer(
    name="eval",
    help="Measure how right vision stages and predictors are, beside what else there is.",
    no_args_is_help=True,
)
app.add_typer(evaluations)


class Device(StrEnum):
    """Where stages run."""

    cpu = "cpu"
    cuda = "cuda"
    mps = "mps"
    emu = "emu"


class Backend(StrEnum):
    """Who computes inside of a stage."""

    torch = "torch"
    opencv = "opencv"


class Preset(StrEnum):
    """How much work a dense flow may be."""

    fast = "fast"
    balanced = "balanced"
    best = "best"


class Rendering(StrEnum):
    """Which pictures of Sintel."""

    clean = "clean"
    final = "final"


class Situation(StrEnum):
    """What matters more than usually."""

    default = "default"
    chat = "chat"
    video_call = "video_call"
    idle = "idle"


class SchedulerMode(StrEnum):
    """How the scheduler keeps workers free for what is urgent."""

    lanes = "lanes"
    guard = "guard"
    both = "both"


AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object to standard output.")]
Data = Annotated[
    Path | None, typer.Option(help="Folder of a data set that you downloaded.", metavar="DIR")
]
Scenes = Annotated[
    int | None, typer.Option(min=1, help="Draw so many fresh scenes; 20 when left out.")
]
Seed = Annotated[
    int | None,
    typer.Option(min=0, help="Of the scenes; a fresh one when left out."),
]
Plots = Annotated[Path, typer.Option(file_okay=False, help="Folder for the plots.")]
InStage = Annotated[Backend, typer.Option(help="Who computes inside of the stage.")]


@app.command()
def demo(
    video: Annotated[
        str | None,
        typer.Option(
            help="A file, camera:0, lavfi:GRAPH or a stream's address; else the bundled clip.",
            metavar="PATH|camera:N|lavfi:GRAPH",
        ),
    ] = None,
    device: Annotated[Device, typer.Option(help="Where the stages run.")] = Device.cpu,
    stages: Annotated[
        str | None, typer.Option(help="Stages by name, separated by commas.", metavar="A,B,C")
    ] = None,
    frames: Annotated[
        int | None, typer.Option(min=1, help="Stop after this many frames; else at the end.")
    ] = None,
    out: Annotated[
        Path, typer.Option(file_okay=False, help="Folder for report.html and annotated.mp4.")
    ] = Path("out"),
    as_json: AsJson = False,
) -> None:
    """Play a video through the stages, print the bill by stage, write a report and a video."""
    with _ending(as_json):
        names = _split(stages)
        _check_device(device)
        _make_folder(out)
        from toolkit.demos import BadInput, WrongUse
        from toolkit.demos.play import run_demo
        from toolkit.media import MediaError

        try:
            result = run_demo(
                video=video,
                device=device.value,
                stages=names,
                frames=frames,
                out=out,
                console=_console(as_json),
            )
        except WrongUse as error:
            _stop(WRONG_USE, str(error))
        except (BadInput, MediaError) as error:
            _stop(BAD_INPUT, str(error))
        except OSError as error:
            _stop(BAD_INPUT, _words(error))
    _answer(result, as_json)
    if result.get("interrupted") and not result["frames"]:
        raise typer.Exit(INTERRUPTED)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what this machine has, what each missing thing would give, and how to get it."""
    with _ending(as_json):
        from toolkit.demos import doctor as doctoring

        findings = doctoring.examine()
        if not as_json:
            doctoring.print_table(findings, _console(as_json))
        _answer(doctoring.as_json(findings), as_json)


@app.command()
def bench(
    name: Annotated[
        str | None, typer.Argument(help="One benchmark; all of them when left out.")
    ] = None,
    quick: Annotated[bool, typer.Option(help="Fewer rounds: a check, not a measurement.")] = False,
    as_json: AsJson = False,
) -> None:
    """Run the benchmarks of a checkout and print a table of ratios."""
    from toolkit.demos import WrongUse
    from toolkit.demos import bench as benchmarks

    console = _console(as_json)
    results: list[dict[str, object]] = []
    with _ending(as_json, finished=results):
        try:
            paths = benchmarks.find(name)
        except WrongUse as error:
            _stop(WRONG_USE, str(error))
        for path in paths:
            with console.status(f"{path.stem} ..."):
                results.append(benchmarks.run(path, quick=quick))
    if not as_json:
        benchmarks.print_table(results, console)
    _answer(benchmarks.together(results), as_json)


@app.command()
def compare(
    before: Annotated[Path, typer.Argument(help="A session, written by session.save(path).")],
    after: Annotated[Path, typer.Argument(help="Another one.")],
    html: Annotated[
        Path | None, typer.Option(dir_okay=False, help="Write a page with both side by side.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put two saved sessions side by side: time, allocations and copies, stage by stage."""
    with _ending(as_json):
        from toolkit.demos.compare import compare_files

        try:
            comparison = compare_files(before, after, html)
        except ValueError as error:
            _stop(BAD_INPUT, str(error))
        except OSError as error:
            if html and error.filename == str(html):
                _stop(WRONG_USE, f"--html {_words(error)}. Name a file that can be written.")
            _stop(BAD_INPUT, f"{_words(error)}. Name a file that session.save(path) wrote.")
    if not as_json:
        console = _console(as_json)
        console.print(comparison)
        if html:
            console.print(f"page: {html}", soft_wrap=True)
    _answer(comparison.to_dict(), as_json)


@app.command()
def schedule(
    context: Annotated[
        Situation, typer.Option(help="What matters more than usually.")
    ] = Situation.default,
    load: Annotated[
        float, typer.Option(help="CPU-seconds that are offered a second, over capacity; up to 3.")
    ] = 1.0,
    mode: Annotated[
        SchedulerMode | None, typer.Option(help="The scheduler's own when left out.")
    ] = None,
    seconds: Annotated[float, typer.Option(min=0.5, max=86_400, help="For how long.")] = 10.0,
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Cores; all of them when left out.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of what comes; a fresh one when left out.")
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="On a virtual clock, and an ideal machine.")
    ] = False,
    trace: Annotated[
        Path | None,
        typer.Option(dir_okay=False, help="Write what happened, for Perfetto.", metavar="FILE"),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Give the scheduler frames, sound, a chat and background work, and watch what it decides."""
    with _ending(as_json):
        from toolkit.demos import WrongUse
        from toolkit.demos.schedule import run_schedule

        try:
            result = run_schedule(
                load=load,
                context=context.value,
                mode=mode and mode.value,
                seconds=seconds,
                workers=workers,
                seed=seed,
                is_simulated=simulate,
                trace=trace,
                console=_console(as_json),
            )
        except WrongUse as error:
            _stop(WRONG_USE, str(error))
    _answer(result, as_json)
    if result["interrupted"] and not any(of["done"] for of in result["kinds"].values()):
        raise typer.Exit(INTERRUPTED)


@evaluations.command("flow")
def evaluate_flow(
    data: Data = None,
    scenes: Scenes = None,
    seed: Seed = None,
    pairs: Annotated[
        int | None, typer.Option(min=1, help="Of the data set only so many, evenly spread.")
    ] = None,
    rendering: Annotated[Rendering, typer.Option(help="Of Sintel.")] = Rendering.final,
    backend: InStage = Backend.torch,
    preset: Annotated[Preset, typer.Option(help="Of the stage.")] = Preset.balanced,
    out: Plots = Path("out"),
    as_json: AsJson = False,
) -> None:
    """Dense flow: end-point error and Fl-all on Sintel, KITTI, FlyingChairs or drawn scenes."""
    with _evaluating(out, as_json) as answers:
        from toolkit.demos.evaluate_flow import run_flow

        answers.append(
            run_flow(
                data=data,
                rendering=rendering.value,
                scenes=scenes,
                seed=seed,
                pairs=pairs,
                backend=backend.value,
                preset=preset.value,
                out=out,
                console=_console(as_json),
            )
        )


@evaluations.command("pose")
def evaluate_pose(
    data: Data = None,
    scenes: Scenes = None,
    seed: Seed = None,
    frames: Annotated[
        int | None, typer.Option(min=2, help="Of the sequence only the first so many.")
    ] = None,
    backend: InStage = Backend.torch,
    out: Plots = Path("out"),
    as_json: AsJson = False,
) -> None:
    """Camera pose of two views of drawn scenes; or odometry (ATE, RPE) on a TUM RGB-D sequence."""
    with _evaluating(out, as_json) as answers:
        from toolkit.demos.evaluate_pose import run_pose

        answers.append(
            run_pose(
                data=data,
                scenes=scenes,
                seed=seed,
                frames=frames,
                backend=backend.value,
                out=out,
                console=_console(as_json),
            )
        )


@evaluations.command("prediction")
def evaluate_prediction(
    users: Annotated[
        int | None,
        typer.Option(min=12, help="Draw so many of each family, in three groups; else 36."),
    ] = None,
    seed: Annotated[
        int | None, typer.Option(min=0, help="Of the users; a fresh one when left out.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What a user needs next: first response and waste of each predictor, on users unseen."""
    with _evaluating(None, as_json) as answers:
        from toolkit.demos.evaluate_prediction import run_prediction

        answers.append(run_prediction(users=users, seed=seed, console=_console(as_json)))


def main() -> None:
    """Run the command line and leave the process with its exit code."""
    app()


def _split(names: str | None) -> tuple[str, ...] | None:
    if names is None:
        return None
    stages = tuple(name.strip() for name in names.split(",") if name.strip())
    if not stages:
        _stop(WRONG_USE, f"--stages {names!r} names no stage; write --stages gray,blur,edges")
    return stages


def _check_device(device: Device) -> None:
    import torch

    if device is Device.cuda and not torch.cuda.is_available():
        _stop(WRONG_USE, "--device cuda: torch finds no CUDA device here; see `toolkit doctor`")
    if device is Device.mps and not torch.backends.mps.is_available():
        _stop(WRONG_USE, "--device mps: torch finds no Metal device here; see `toolkit doctor`")
    if device is Device.emu:
        from toolkit.devices import DeviceUnavailable, resolve

        try:
            resolve("emu")
        except DeviceUnavailable as error:
            _stop(WRONG_USE, f"--device emu: {error}")


def _console(as_json: bool) -> Console:
    from rich.console import Console

    return Console(stderr=as_json)


def _answer(result: object, as_json: bool) -> None:
    if as_json:
        sys.stdout.write(json.dumps(result, allow_nan=False) + "\n")


@contextmanager
def _evaluating(out: Path | None, as_json: bool) -> Iterator[list[dict[str, Any]]]:
    """Run an evaluation, which leaves its answer in the list, and end with the code that fits."""
    answers: list[dict[str, Any]] = []
    with _ending(as_json):
        if out is not None:
            _make_folder(out)
        from toolkit.demos import BadInput, WrongUse
        from toolkit.evaluation import BadData

        try:
            yield answers
        except WrongUse as error:
            _stop(WRONG_USE, str(error))
        except (BadInput, BadData) as error:
            _stop(BAD_INPUT, str(error))
        except OSError as error:
            _stop(BAD_INPUT, _words(error))
    (answer,) = answers
    _answer(answer, as_json)
    if answer["interrupted"] and not answer["metrics"]:
        raise typer.Exit(INTERRUPTED)


class _Refusal(Exception):
    """What is wrong, in one sentence, and the exit code that says whose fault it is."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def _stop(code: int, message: str) -> NoReturn:
    """Say in one sentence what is wrong, and leave with `code`."""
    raise _Refusal(code, message)


def _make_folder(folder: Path) -> None:
    """Make the folder of `--out`, and see whether a file can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        reason = error.strerror or error
        _stop(WRONG_USE, f"--out {folder}: {reason}. Name a folder that can be written to.")


def _words(error: OSError) -> str:
    """The system's words for what is wrong with a file, without their number."""
    return f"{error.filename}: {error.strerror}" if error.filename else str(error)


@contextmanager
def _ending(as_json: bool, finished: list[dict[str, object]] | None = None) -> Iterator[None]:
    """Let a refusal end the command, or an interrupt: that with what is `finished`, or code 130."""
    try:
        yield
    except _Refusal as refusal:
        typer.echo(f"Error: {refusal}", err=True)
        _answer({"error": str(refusal)}, as_json)
        raise typer.Exit(refusal.code) from None
    except KeyboardInterrupt:
        if not finished:
            typer.echo("Interrupted before anything was finished.", err=True)
            raise typer.Exit(INTERRUPTED) from None
        typer.echo(f"Interrupted: {len(finished)} finished.", err=True)
