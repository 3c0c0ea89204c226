"""The main job, without a browser: a video through a pipeline, with the bill, a report and a video.

Every frame of a file is processed. An interrupt ends cleanly, with what was finished: the bill, the
report and a playable video of the frames so far.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import torch
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from toolkit import hooks, media
from toolkit.demos import BadInput
from toolkit.demos.compose import DEFAULT_STAGES, Camera, compose, picture_of, point_camera
from toolkit.memory import tune_allocator
from toolkit.pipeline import StageError
from toolkit.profiling import profile
from toolkit.profiling.reporters import html, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from rich.console import Console

    from toolkit.frame import Frame
    from toolkit.pipeline import Pipeline

__all__ = ["run_demo"]

LOOK_EVERY = 30  # frames
REFRESH_SECONDS = 0.1


def run_demo(
    *,
    video: str | None = None,
    device: str = "cpu",
    stages: Sequence[str] | None = None,
    frames: int | None = None,
    out: Path,
    console: Console,
    threads: int = 1,
) -> dict[str, Any]:
    """Play `video`, print the bill by stage, write `report.html` and `annotated.mp4` to `out`.

    Args:
        video: path, `camera:N`, `lavfi:GRAPH` or address; the bundled clip when left out.
        device: `"cpu"`, `"cuda"`, `"mps"` or `"emu"`.
        stages: names; `DEFAULT_STAGES` when left out.
        frames: stop after so many; a live source without it plays until interrupted.
        out: an existing folder.
        console: where the progress bar and the bill go.
        threads: of torch on the CPU. Kernels on two threads of a machine that does anything else
            wait for each other, and can take ten times as long as on one.

    Returns:
        The bill as plain values, with the paths of what was written, `dropped` by the source, and
        `interrupted`.

    Raises:
        MediaError: the source gives no frame, or a part of it cannot be read. What came before was
            processed, and the report and the video of it are written.
        BadInput: a stage refuses the picture, such as one of 1x1 px; the same holds.
        WrongUse: no stage of that name.
    """
    names = tuple(stages or DEFAULT_STAGES)
    shown = picture_of(names)
    pipeline = compose((*names, shown) if shown not in names else names, name="demo")
    annotated, report = out / "annotated.mp4", out / "report.html"
    torch.set_num_threads(threads)
    is_interrupted = False
    fault: media.MediaError | BadInput | None = None
    with profile(detail=_detail) as session:
        tune_allocator()
        with media.open(video or media.bundled_clip(), device=device) as source:
            guess = point_camera(pipeline, _camera(video, source))
            if guess and video:
                console.print(f"{', '.join(guess)}: the camera is a guess, a lens of 65 degrees")
            try:
                _play(source, pipeline, (*names, shown), frames, annotated, console)
            except KeyboardInterrupt:
                is_interrupted = True
            except media.MediaError as error:
                fault = error
            except StageError as error:
                if not isinstance(error.__cause__, ValueError):
                    raise
                fault = BadInput(
                    f"{error}. Leave that stage out with --stages, or play another video."
                )
            dropped = source.stats.dropped
    bill = session.bill()
    if bill.frames:
        console.print(text.render(bill))
        html.write(session, report, title=f"{video or 'the bundled clip'} through {pipeline.name}")
        console.print(f"report: {report}\nvideo:  {annotated}")
    if fault is not None:
        raise fault
    return {
        **bill.to_dict(),
        "dropped": dropped,
        "interrupted": is_interrupted,
        "video": str(video or media.bundled_clip()),
        "device": device,
        "report": str(report),
        "annotated": str(annotated),
    }


def _camera(video: str | None, source: media.Video) -> Camera:
    """The camera that the bundled clip was drawn with; of any other, a guess."""
    if video is None:
        return tuple(map(tuple, media.bundled_clip_truth()["intrinsics"].tolist()))
    focal = 0.785 * max(source.width, source.height)
    center = (source.width - 1) / 2, (source.height - 1) / 2
    return (focal, 0.0, center[0]), (0.0, focal, center[1]), (0.0, 0.0, 1.0)


def _detail(number: int) -> str:
    """Source lines of one frame in thirty, beginning after the first: that one makes constants."""
    return "exact" if number % LOOK_EVERY == 1 else ""


def _play(
    source: media.Video,
    pipeline: Pipeline,
    names: Sequence[str],
    limit: int | None,
    path: Path,
    console: Console,
) -> None:
    """Run every frame through the pipeline and write the picture of each."""
    total = limit if limit is not None else source.frame_count_hint
    with _progress(console) as progress, ExitStack() as stack:
        task = progress.add_task(str(source.location.name), total=total)
        writer: media.VideoWriter | None = None
        shown_seconds = 0.0
        for frame in _first(pipeline.run(source, want=names), limit):
            picture = frame[names[-1]]
            with hooks.scope("write", frame.index):
                if writer is None:
                    height, width = picture.shape[-2:]
                    writer = stack.enter_context(
                        media.VideoWriter(path, width=width, height=height, fps=source.fps or 30.0)
                    )
                writer.write(picture, pts_seconds=frame.pts_seconds)
            progress.advance(task)
            if time.monotonic() - shown_seconds > REFRESH_SECONDS:
                progress.refresh()
                shown_seconds = time.monotonic()
        progress.update(task, total=progress.tasks[task].completed)


def _first(frames: Iterator[Frame], limit: int | None) -> Iterator[Frame]:
    """The first `limit` frames: not one more is decoded than is asked for."""
    for count, frame in enumerate(frames, start=1):
        yield frame
        if count == limit:
            return


def _progress(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("frames"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=console,
        auto_refresh=False,  # that is a thread, which would work beside the one that is billed
    )
