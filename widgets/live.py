"""How do I watch a pipeline at work? `Live(pipeline)` shows it, and goes on while other cells run.

    from widgets import Live
    Live(pipeline)                          # a drawn scene, until you press "Use webcam"
    Live(pipeline, source="clip.mp4")       # a file, with a seek bar
    Live(pipeline, source="camera:0")       # a camera of the kernel's machine

Pictures go over a WebSocket of the kernel's own, or where that cannot be, through the Jupyter
server; the widget names the way in use. A thread that starts when a page connects runs the
pipeline; without a page there is no thread, and the output is a picture and a line of text.
"""

from __future__ import annotations

import io
import secrets
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets
from PIL import Image

from toolkit import media
from toolkit.live.comm import CommEndpoint
from toolkit.live.player import SPEEDS
from toolkit.live.recording import Recording
from toolkit.live.transport import Endpoint, serve
from widgets.page import script, style
from widgets.rerun import close_earlier, close_with_cell
from widgets.routes import keep_answering
from widgets.shared import Shared
from widgets.still import Still

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import torch

    from toolkit.pipeline import Pipeline

__all__ = ["Live"]

_WAYS = ("websocket", "proxy", "comm")
_POSTER_PX = 360
_promised: set[Path] = set()  # names of recordings that have no file yet
_NO_PICTURES = ("Corners", "Features", "Matches", "Model", "Odometry", "Pairs", "Pose", "Tracks")


class Live(Still, anywidget.AnyWidget):
    """Shows a pipeline at work on a source: live, in as many views as you display.

    Two widgets of one pipeline and one source share a player: the pipeline runs once for both.

    ```python
    live = Live(pipeline, source="clip.mp4", beside="rgb")
    live                       # in a cell of its own
    live.pause(); live.step(); live.seek(2.0); live.play()
    live.close()
    ```

    Args:
        pipeline: what computes. Its parameters may change at any time, from anywhere.
        source: `"webcam"` (a drawn scene until somebody presses "Use webcam"), `"synthetic"`, a
            path, `"camera:0"`, a frame, a scene, or any iterable of frames.
        want: name of the result that is shown; the last picture of the pipeline, where left out.
        beside: name of a second one, left of a divider; empty for none.
        loop: begin again at the end.
        device: where frames of a path or of the webcam live.
        folder: where recordings are written; by default the folder that the kernel works in.
        width: of the picture in the page, CSS px; 0 for all there is.

    Attributes:
        player: the engine; see `toolkit.live.player.Player`.
        playing: whether frames follow each other.
        speed: seconds of film in one second.
        endless: whether the source begins again by itself, so that `loop` cannot be False.
        split: where the divider is, 0 to 1.
        codec: `"jpeg"` or `"h264"`.
        quality: of JPEG, 1 to 100.
        bitrate_kbps: of H.264.
        camera_size: width and height, px, that the browser's camera is asked for when it is
            switched on; it gives what it has nearest to that.
        recording: name of the file that is written now, or empty.
        recorded: a sentence on the last one.
        transports: ways that may be used, in this order.
    """

    _esm = script("seen", "live_wire", "live_picture", "live_camera", "live")
    _css = style("live")

    want = traitlets.Unicode().tag(sync=True)
    beside = traitlets.Unicode().tag(sync=True)
    names = traitlets.List(traitlets.Unicode()).tag(sync=True)
    split = traitlets.Float(0.5, min=0.0, max=1.0).tag(sync=True)
    playing = traitlets.Bool(True).tag(sync=True)
    speed = traitlets.Float(1.0, min=SPEEDS[0], max=SPEEDS[1]).tag(sync=True)
    loop = traitlets.Bool(False).tag(sync=True)
    endless = traitlets.Bool(False).tag(sync=True)
    seekable = traitlets.Bool(False).tag(sync=True)
    duration_seconds = traitlets.Float(0.0).tag(sync=True)
    webcam = traitlets.Bool(False).tag(sync=True)
    codec = traitlets.Enum(("jpeg", "h264"), "jpeg").tag(sync=True)
    quality = traitlets.Int(80, min=1, max=100).tag(sync=True)
    bitrate_kbps = traitlets.Int(2000, min=100, max=20_000).tag(sync=True)
    recording = traitlets.Unicode().tag(sync=True)
    recorded = traitlets.Unicode().tag(sync=True)
    camera_size = traitlets.Tuple(
        traitlets.Int(min=1), traitlets.Int(min=1), default_value=(640, 480)
    ).tag(sync=True)
    transports = traitlets.List(traitlets.Enum(_WAYS), list(_WAYS)).tag(sync=True)
    width = traitlets.Int(640, min=0).tag(sync=True)
    uid = traitlets.Unicode().tag(sync=True)

    def __init__(
        self,
        pipeline: Pipeline,
        source: object = "webcam",
        *,
        want: str | None = None,
        beside: str = "",
        loop: bool = False,
        device: str | torch.device = "cpu",
        folder: str | Path = ".",
        **options: Any,
    ) -> None:
        close_earlier()
        names = _names_of(pipeline)
        for name in (want, beside):
            if name and name not in names:
                raise ValueError(f"{name!r} is no picture of this pipeline: {', '.join(names)}")
        shown = want or _default_of(pipeline, names)
        self._pipeline_name = pipeline.name
        self._folder = Path(folder)
        self._poster: bytes | None = None
        self._has_poster = False
        self._endpoints: dict[str, Endpoint] = {}
        self._over_comm: CommEndpoint | None = None
        self._film: Path | None = None
        self._shared = Shared.find(pipeline, source, want=shown, loop=loop, device=device)
        self.player = self._shared.player
        self._source = self._shared.source
        try:
            super().__init__(
                want=shown,
                beside=beside,
                names=names,
                playing=self.player.is_playing,
                speed=self.player.speed,
                loop=self.player.loop,
                endless=self.player.is_endless,
                seekable=self.player.can_seek,
                duration_seconds=self.player.duration_seconds or 0.0,
                webcam=hasattr(self._source.frames, "offer"),
                uid=secrets.token_hex(8),
                **options,
            )
        except BaseException:  # an option that is refused: nothing stays open for it
            self._shared.leave(self)
            raise
        self._shared.join(self)
        self._over_comm = CommEndpoint(self, self.player)
        self.on_msg(self._heard)
        self.observe(self._obey, ["playing", "speed", "loop"])
        keep_answering(self)
        close_with_cell(self)

    # -- controls ---------------------------------------------------------------------------------

    def play(self) -> None:
        """Let frames follow each other; after the end, from the beginning."""
        self.player.play()

    def pause(self) -> None:
        """Stop at the frame that is shown."""
        self.player.pause()

    def step(self) -> None:
        """Stop, and show the next frame."""
        self.player.step()

    def seek(self, seconds: float) -> None:
        """Go on at the first frame at or after `seconds`."""
        self.player.seek(seconds)

    def start_recording(self, path: str | Path | None = None, *, name: str | None = None) -> Path:
        """Write each frame that is shown to an MP4 file from now on. Gives back its path.

        Args:
            path: of the file; by default a new one in the widget's folder.
            name: of the result to write; by default the one that is shown.

        Raises:
            RuntimeError: the widget is closed.
        """
        if self._shared is None:
            raise RuntimeError("this widget is closed and records nothing; make another one")
        file = Path(path) if path is not None else _free_name(self._folder)
        writers: list[media.VideoWriter] = []

        def open_writer(width: int, height: int) -> media.VideoWriter:
            writers.append(media.VideoWriter(file, width=width, height=height))
            return writers[0]

        def closed(frames: int) -> None:
            _promised.discard(file)
            self.recorded = f"{frames} frames in {file}" if frames else "nothing was recorded"
            if self._film is file:  # else another one is written by now
                self._film, self.recording = None, ""

        self._film, self.recorded, self.recording = file, "", file.name
        self.player.record(Recording(name or self.want, open_writer, closed))
        return file

    def stop_recording(self) -> None:
        """Finish the file. Returns at once: `recorded` says when it is done."""
        self.player.record(None)

    def close(self) -> None:
        """End the thread, the connections and the source; waits for them a second at most."""
        shared, self._shared = getattr(self, "_shared", None), None
        if shared is not None:
            self.idle()
            if self._over_comm is not None:
                self._over_comm.close()
            shared.leave(self)
        super().close()

    @property
    def camera_is_on(self) -> bool:
        """Whether pictures of a page's camera come; never with another source."""
        return self.webcam and bool(self._source.frames.is_live)

    # -- without a page ---------------------------------------------------------------------------

    def still_text(self) -> str:
        """What is shown, of what, from where."""
        shown = f"{self.want} beside {self.beside}" if self.beside else self.want
        return f"Live({shown} of {self._pipeline_name}, source: {self._source.text})"

    def still_png(self) -> bytes | None:
        """The first picture. Computed once, when the widget is first displayed."""
        if not self._has_poster and self._source.has_poster:
            self._has_poster = True
            # Whatever goes wrong, the live view says it; a missing poster says nothing.
            with suppress(Exception):
                picture = self.player.poster(self.want, (_POSTER_PX, 0))
                self._poster = None if picture is None else _png(picture)
        return self._poster

    # -- what the page says -----------------------------------------------------------------------

    def _heard(self, _: object, content: Any, buffers: Sequence[Any] = ()) -> None:
        """A custom message that is not for a transport."""
        kind = content.get("t") if isinstance(content, dict) else None
        act = {
            "connect": self._connect,
            "forget": self._forget,
            "step": lambda _: self.step(),
            "seek": lambda asked: self.seek(float(asked["seconds"])),
            "snapshot": self._snapshot,
            "record": self._record,
        }.get(str(kind))
        if act is not None:
            act(content)

    def _connect(self, asked: dict[str, Any]) -> None:
        """A view asks where to connect: it gets a place of its own."""
        view = str(asked["view"])
        endpoint = self._endpoints.get(view)
        if endpoint is None:
            endpoint = self._endpoints[view] = serve(self.player)
        where = {"t": "where", "view": view, "port": endpoint.port, "token": endpoint.token}
        try:
            endpoint.allow_origin(str(asked["origin"]))
        except ValueError:  # a page that hides its origin: no socket lets it in
            where |= {"port": 0, "token": ""}
        self.send(where)

    def _forget(self, asked: dict[str, Any]) -> None:
        """A view is gone for good."""
        endpoint = self._endpoints.pop(str(asked["view"]), None)
        if endpoint is not None:
            endpoint.close()

    def _snapshot(self, asked: dict[str, Any]) -> None:
        name = str(asked["name"])
        file = f"{name}.png"

        def deliver(picture: np.ndarray[Any, Any]) -> None:
            about = {"t": "picture", "view": asked["view"], "file": file}
            self.send(about, [_png(picture)])

        self.player.snapshot(name, deliver)

    def _record(self, asked: dict[str, Any]) -> None:
        if self.recording:
            self.stop_recording()
        else:
            self.start_recording(name=str(asked["name"]))

    # -- state ------------------------------------------------------------------------------------

    def follow(self) -> None:
        """The player changed, by itself or by a call: on whichever thread that was."""
        player = self.player
        self.playing, self.speed, self.loop = player.is_playing, player.speed, player.loop

    def idle(self) -> None:
        """No view is there: let the server go. A page that comes back asks anew."""
        while self._endpoints:
            with suppress(KeyError):
                self._endpoints.popitem()[1].close()

    def _obey(self, change: Any) -> None:
        """A trait was set, here or by a page."""
        player = self.player
        if change.name != "playing":
            if getattr(player, change.name) != change.new:
                setattr(player, change.name, change.new)
        elif self.playing != player.is_playing:
            (player.play if self.playing else player.pause)()


def _names_of(pipeline: Pipeline) -> list[str]:
    """What can be looked at, the frame's own pixels first."""
    shown = [
        name
        for stage in pipeline.graph.stages
        for name in stage.provides
        if not any(kind in str(stage.apply.__annotations__.get("return")) for kind in _NO_PICTURES)
    ]
    return ["pixels", *shown]


def _default_of(pipeline: Pipeline, names: list[str]) -> str:
    """The last picture that no other stage needs, or else the last one."""
    needed = {name for stage in pipeline.graph.stages for name in stage.requires}
    return ([name for name in names if name not in needed] or names)[-1]


def _free_name(folder: Path) -> Path:
    """A name that no file has, nor one that is written from its first frame on."""
    number = 1
    while (path := folder / f"live-{number:03d}.mp4").exists() or path in _promised:
        number += 1
    _promised.add(path)
    return path


def _png(picture: np.ndarray[Any, Any]) -> bytes:
    written = io.BytesIO()
    Image.fromarray(picture).save(written, "PNG")
    return written.getvalue()
