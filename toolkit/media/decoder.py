"""How does a damaged file end? With every picture before the fault, then with a `MediaError`.

Frame threads report a fault late, against a later packet, and may lose pictures before it. So when
something is wrong, or pictures are missing at the end, the last stretch is decoded once more in
one thread: what is delivered and which packet is blamed do not depend on the number of cores.

Seeking is exact: decoding starts at a keyframe that is known to be before the time asked for, and
goes on to it.
"""

from __future__ import annotations

import contextlib
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.media.clock import Clock
from toolkit.media.errors import MediaError
from toolkit.media.tape import Tape
from toolkit.media.whole import missing_part

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.frame import VideoFrame

    from toolkit.media.clock import Stamp
    from toolkit.media.locate import Location
    from toolkit.media.tape import TapeSettings, Threads

__all__ = ["Decoder"]

_STEPS_BACK_SECONDS = (0.0, 2.0, 10.0)  # then from the beginning
_MOST_FAULTS = 500  # in a row, without a picture between them
_MOST_KEYFRAMES = 4096  # whose packet numbers are remembered
_MAY_START_MID_PACKET = ("mpeg", "mpegts")  # streams are cut anywhere and played on
_DOWNLOADED = ("nv12", "p010le", "p016le")  # what hardware decoders hand to the host


class Decoder:
    """Pictures of one location in order of presentation, each with its time.

    Args:
        location: what to open.
        settings: how.
        is_live: low delay in place of throughput.
        skip_faults: go on after packets that cannot be decoded, and count them.

    Attributes:
        tape: what is open now.
        name: `"software"`, or the hardware decoder in use; known with the first picture.
        faults: packets that were skipped.
        notes: what is not as asked for.
    """

    def __init__(
        self,
        location: Location,
        settings: TapeSettings,
        *,
        is_live: bool = False,
        skip_faults: bool = False,
    ) -> None:
        self.location = location
        self.settings = settings
        self.skip_faults = skip_faults
        self.name = "software"
        self.faults = 0
        self.notes: list[str] = []
        self._threads: Threads = "slice" if is_live else "frame"
        self._faults_in_a_row = 0
        self._numbers: dict[int, int] = {}  # pts of keyframes -> packet number
        self._open(self._threads)

    # -- what comes out ---------------------------------------------------------------------------

    def next(self) -> tuple[VideoFrame, Stamp] | None:
        """The next picture and its time, or None at the end. Blocks for input and decoding.

        Raises:
            MediaError: after the last picture before the fault, once.
        """
        if self._unread is not None:
            item, self._unread = self._unread, None
            return item
        while not self._ready:
            if self._fault is not None:
                fault, self._fault = self._fault, None
                raise fault
            if self._is_ended:
                return None
            self._advance()
        picture = self._ready.popleft()
        return picture, self._clock.stamp(picture.pts, picture.duration)

    @property
    def is_over(self) -> bool:
        """Whether `next` is known to give None, without reading."""
        has_more = self._ready or self._unread is not None or self._fault is not None
        return self._is_ended and not has_more

    def put_back(self, item: tuple[VideoFrame, Stamp]) -> None:
        """Let `next` give the same picture again."""
        self._unread = item

    def restart(self) -> None:
        """Begin anew, by opening once more: exact for every container."""
        threads = self._threads
        self.tape.close()
        self._open(threads)

    def seek(self, seconds: float) -> None:
        """Let `next` give the first picture at or after `seconds`. Decodes from a keyframe on.

        Raises:
            MediaError: the file cannot be opened again, or is broken before that time.
        """
        if self._is_single:
            self.restart()
        self._position(seconds)

    def close(self) -> None:
        """Close the container and let go of every picture. A second call does nothing."""
        self._ready.clear()
        self._unread = None
        self._is_ended = True
        self._fault = None
        self.tape.close()

    # -- reading ----------------------------------------------------------------------------------

    def _open(self, threads: Threads) -> None:
        self.tape = Tape(self.location, self.settings, threads=threads)
        self.notes.extend(note for note in self.tape.notes if note not in self.notes)
        self._clock = Clock(self.tape.stream.time_base, fps=self.tape.fps)
        self._is_single = threads == "none"
        self._is_from_start = True
        self._forget()

    def _forget(self) -> None:
        """Nothing is in flight: after opening and after a seek."""
        self._clock.reset()
        self._ready: deque[VideoFrame] = deque()
        self._unread: tuple[VideoFrame, Stamp] | None = None
        self._fault: MediaError | None = None
        self._is_ended = False
        self._torn: Packet | None = None
        self._sent = 0
        self._received = 0
        self._last_ticks: int | None = None

    def _advance(self) -> None:
        """Read one packet and decode it, or come to the end."""
        try:
            packet = self.tape.read()
            if self._torn is not None:
                torn, self._torn = self._torn, None
                if packet is None:
                    raise self._error(f"the file ends inside packet {self.tape.packets}")
                self._decode(torn)
            if packet is None:
                self._finish()
            elif self._is_torn(packet):
                self._torn = packet  # a fault only if it is the last one
            else:
                self._decode(packet)
        except MediaError as fault:
            self._stop(fault)

    def _is_torn(self, packet: Packet) -> bool:
        is_stream = self.tape.format_name in _MAY_START_MID_PACKET
        return packet.is_corrupt and not (self.skip_faults or is_stream)

    def _decode(self, packet: Packet) -> None:
        if packet.is_keyframe and packet.pts is not None and not self.tape.counted_from:
            self._numbers[packet.pts] = self.tape.packets
            if len(self._numbers) > _MOST_KEYFRAMES:
                self._numbers.pop(next(iter(self._numbers)))
        self._sent += not packet.is_discard
        try:
            pictures = self.tape.decode(packet)
        except MediaError as fault:
            self._faults_in_a_row += 1
            if not self.skip_faults or self._faults_in_a_row > _MOST_FAULTS:
                raise
            self.faults += 1
            self.notes[:] = [note for note in self.notes if not note.startswith("skipped")]
            self.notes.append(f"skipped {self.faults} packets; the last: {fault}")
            return
        self._receive(pictures)

    def _receive(self, pictures: list[VideoFrame]) -> None:
        if not pictures:
            return
        if not self._received:
            self._name_decoder(pictures[0])
        self._faults_in_a_row = 0
        self._received += len(pictures)
        self._last_ticks = pictures[-1].pts
        self._ready.extend(pictures)

    def _finish(self) -> None:
        """The container has no more packets."""
        self._receive(self.tape.drain())
        is_short = self._received < self._sent and not self.skip_faults
        if is_short and not self._is_single and self._threads == "frame":
            self._replay()
            return
        self._is_ended = True
        self._fault = self._find_missing()

    def _stop(self, fault: MediaError) -> None:
        """Keep what was decoded before the fault, and raise it after that."""
        if self._threads == "frame" and not self._is_single:
            try:
                self._replay()
            except MediaError as worse:
                fault = worse
            else:
                return
        with contextlib.suppress(MediaError):
            self._receive(self.tape.drain())
        self._is_ended = True
        # A traceback holds the frames of calls, and they hold this decoder: a cycle with a codec.
        self._fault = fault.with_traceback(None)
        if fault.__cause__ is not None:
            fault.__cause__.__traceback__ = None

    def _find_missing(self) -> MediaError | None:
        """What the file claims and does not hold, once it has been read to its end."""
        if not self._received and self._is_from_start:
            claims = [f"{self.tape.packets} packets"]
            if (duration := self.tape.duration_seconds) is not None:
                claims.append(f"{duration:.1f} s claimed")
            if self.tape.stream.codec_context.codec_tag.startswith("enc"):
                claims.append("it is encrypted")
            return self._error(f"no picture could be decoded ({', '.join(claims)})")
        if self.location.kind != "file" or self.skip_faults:
            return None
        missing = missing_part(Path(self.location.url))
        return self._error(f"the file is cut off: {missing}") if missing else None

    def _error(self, cause: str) -> MediaError:
        name, packet = self.location.name, self.tape.packets
        where = f"after packet {packet}{self.tape.counted_from}"
        return MediaError(f"{name!r}, {where}: {cause}", path=name, packet=packet, cause=cause)

    def _name_decoder(self, picture: VideoFrame) -> None:
        codec, layout = self.tape.stream.codec_context, picture.format.name
        if layout == "cuda":
            self.name = "cuda"
        elif codec.is_hwaccel and layout in _DOWNLOADED:
            device = self.settings.device.type
            is_auto = self.settings.hardware == "auto"
            self.name = (
                ("videotoolbox" if device == "mps" else device)
                if is_auto
                else str(self.settings.hardware)
            )
        elif codec.is_hwaccel:
            note = f"the hardware decoder does not take this {codec.name}; decoding in software"
            self.notes.extend([note] if note not in self.notes else [])

    # -- positioning ------------------------------------------------------------------------------

    def _replay(self) -> None:
        """Decode on from the last picture received, in one thread; keep what was received."""
        ready, ticks, received = self._ready, self._last_ticks, self._received
        clock, sent = self._clock, self._sent
        was_from_start = self._is_from_start
        self.tape.close()
        self._open("none")
        if ticks is None:
            self._skip(received)
        else:
            unit = self.tape.stream.time_base
            self._position(float(ticks * unit) if unit else 0.0)
            if self._unread is not None and self._unread[0].pts != ticks:
                ready.append(self._unread[0])
        ready.extend(self._ready)
        self._ready, self._clock, self._unread = ready, clock, None
        self._sent, self._received = sent, received + self._received
        self._is_from_start = was_from_start

    def _skip(self, count: int) -> None:
        for _ in range(count):
            while not self._ready and not self._is_ended:
                self._advance()
            if self._ready:
                self._ready.popleft()

    def _position(self, seconds: float) -> None:
        """Bring the first picture at or after `seconds` into `_unread`."""
        depth = self.tape.stream.codec_context.reorder_depth
        for back in _STEPS_BACK_SECONDS:
            if seconds - back <= 0.0:
                break
            try:
                self.tape.seek(seconds - back)
                self._forget()
                self._is_from_start = False
                # A flush makes some decoders forget how far pictures are reordered.
                self.tape.stream.codec_context.reorder_depth = depth
                if self._start_at_keyframe(seconds):
                    self._skip_to(seconds)
                    return
            except MediaError:
                break  # it cannot seek: go on from the beginning
        self.tape.close()
        self._open("none" if self._is_single else self._threads)
        self._skip_to(seconds)

    def _start_at_keyframe(self, seconds: float) -> bool:
        """Decode from the next keyframe on, if that is shown before `seconds`."""
        packet = self.tape.read()
        while packet is not None and not packet.is_keyframe:
            packet = self.tape.read()
        unit = self.tape.stream.time_base
        if packet is None or packet.pts is None or not unit:
            return False
        if float(packet.pts * unit) > seconds + self._slack():
            return False
        number = self._numbers.get(packet.pts)
        self.tape.packets = number or 1
        self.tape.counted_from = "" if number else f" after the seek to {seconds:.3f} s"
        self._decode(packet)
        return True

    def _skip_to(self, seconds: float) -> None:
        earliest = seconds - self._slack()
        while True:
            while not self._ready:
                if self._is_ended:
                    return
                self._advance()
            picture = self._ready.popleft()
            stamp = self._clock.stamp(picture.pts, picture.duration)
            if stamp.pts_seconds >= earliest:
                self._unread = (picture, stamp)
                return

    def _slack(self) -> float:
        """A quarter of a tick: seconds are floats."""
        return float(self.tape.stream.time_base or 0) / 4
