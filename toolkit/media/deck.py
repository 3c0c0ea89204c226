"""From a decoded picture to a held frame: one slot, one bounded copy, and what it cost.

A deck plays one location into one ring. When the size, range, matrix or rotation of the pictures
changes in mid-stream, the next frame comes out of a new ring; frames of the old one stay valid for
as long as they are held. Like a decoder, it belongs to one thread at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from toolkit import hooks
from toolkit.media.decoder import Decoder
from toolkit.media.errors import MediaError
from toolkit.media.hardware import DeviceCopier, is_on_device
from toolkit.media.picture import read_spec
from toolkit.media.planes import PlaneCopier
from toolkit.media.tape import FAULTS
from toolkit.media.upload import Uploader
from toolkit.ring import FrameRing, RingFull

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from toolkit.frame import Frame
    from toolkit.media.clock import Stamp
    from toolkit.media.locate import Location
    from toolkit.media.tape import TapeSettings
    from toolkit.ring import DropPolicy
    from toolkit.slot import Slot
    from toolkit.spec import FrameSpec, PixelFormat

__all__ = ["Deck", "DeckSettings", "VideoStats"]

_MOST_SLOTS = 60  # two seconds at 30 frames a second
_FEWEST_SLOTS = 4
_RING_BYTES = 512 << 20


@dataclass(frozen=True, slots=True)
class VideoStats:
    """Counts of one video so far.

    Attributes:
        decoded: pictures that the decoder gave.
        dropped: frames that nobody got, by the drop policy.
        converted: pictures that were not 8-bit 4:2:0 and went through swscale.
        repaired_pts: pictures whose time was missing or ran backward.
        discontinuities: seeks, loops, jumps in time and changes of shape.
        ring_changes: changes of shape, each of which made a new ring.
        skipped_packets: packets that could not be decoded, where those are skipped.
    """

    decoded: int = 0
    dropped: int = 0
    converted: int = 0
    repaired_pts: int = 0
    discontinuities: int = 0
    ring_changes: int = 0
    skipped_packets: int = 0


@dataclass(frozen=True, slots=True)
class DeckSettings:
    """What frames are wanted.

    Attributes:
        pixel_format: of the slots.
        slots: of the ring; None for 60, or fewer where 60 are more than 512 MB.
        drop: the ring's policy.
        loop: begin again at the end.
        debug: poison recycled slots.
        wait_seconds: how long a full ring that blocks is waited for.
    """

    pixel_format: PixelFormat = "i420"
    slots: int | None = None
    drop: DropPolicy = "block"
    loop: bool = False
    debug: bool = False
    wait_seconds: float | None = None


class Deck:
    """Plays a location into a ring.

    Attributes:
        decoder: where pictures come from.
        ring: where frames live now; None before the first.
        index: number of the next frame.
        discontinuities: see `VideoStats`.
    """

    def __init__(
        self,
        location: Location,
        tape: TapeSettings,
        settings: DeckSettings,
        *,
        is_live: bool,
        skip_faults: bool,
    ) -> None:
        self.location = location
        self.settings = settings
        self.ring: FrameRing | None = None
        self.index = 0
        self.discontinuities = 0
        self._device = tape.device
        self._max_pixels = tape.max_pixels
        self._copier = PlaneCopier()
        self._device_copier = DeviceCopier()
        self._uploader: Uploader | None = None
        self._decoded = 0
        self._repaired = 0
        self._ring_changes = 0
        self._dropped_before = 0
        self._in_this_pass = 0
        self.decoder = Decoder(location, tape, is_live=is_live, skip_faults=skip_faults)

    def next_frame(self) -> Frame | None:
        """The next frame, held, or None at the end. Blocks for input, decoding and a free slot.

        Each is charged to stage "decode" of its frame: bytes read, one copy, and a conversion
        where one was needed.

        Raises:
            MediaError: the file ends in a fault; earlier frames have been given.
            RingFull: every slot stayed held; the frame is not lost and comes with the next call.
        """
        while True:
            item = frame = None
            if not self.decoder.is_over:  # else there is no frame to charge
                with hooks.scope("decode", self.index):
                    item = self.decoder.next()
                    frame = None if item is None else self._deliver(*item)
            if frame is not None:
                return frame
            if item is not None:
                continue  # dropped by the policy, which is counted
            if not self.settings.loop or not self._in_this_pass:
                return None
            self.restart()

    def restart(self) -> None:
        """Begin anew: counted as a discontinuity."""
        self._in_this_pass = 0
        self.discontinuities += 1
        self.decoder.restart()

    def seek(self, seconds: float) -> None:
        """Go to the first picture at or after `seconds`: counted as a discontinuity."""
        self.discontinuities += 1
        with hooks.scope("seek", self.index):
            self.decoder.seek(seconds)

    def close(self) -> None:
        """Close the container and let go of every picture. Frames that are held stay valid."""
        self._device_copier.finish()
        self.decoder.close()

    @property
    def width(self) -> int:
        """True width of the pictures in px, before rotation."""
        return self.ring.spec.width if self.ring else self.decoder.tape.width

    @property
    def height(self) -> int:
        """True height of the pictures in px, before rotation."""
        return self.ring.spec.height if self.ring else self.decoder.tape.height

    @property
    def stats(self) -> VideoStats:
        """Counts so far."""
        dropped = self._dropped_before + (self.ring.stats.dropped if self.ring else 0)
        return VideoStats(
            self._decoded,
            dropped,
            self._copier.converted + self._device_copier.converted,
            self._repaired,
            self.discontinuities,
            self._ring_changes,
            self.decoder.faults,
        )

    # -- inside -----------------------------------------------------------------------------------

    def _deliver(self, picture: VideoFrame, stamp: Stamp) -> Frame | None:
        """Copy the picture into a slot and publish it; None where the policy drops it."""
        spec = self._read_spec(picture)
        ring = self._ring_for(spec)
        try:
            slot = ring.acquire(self.settings.wait_seconds)
        except RingFull:
            self.decoder.put_back((picture, stamp))
            raise
        self._decoded += 1
        self._in_this_pass += 1
        self._repaired += stamp.is_repaired
        self.discontinuities += stamp.is_jump
        index, self.index = self.index, self.index + 1
        if slot is None:
            return None
        try:
            self._write(picture, slot)
        except BaseException as cause:
            ring.discard(slot)
            if isinstance(cause, (*FAULTS, NotImplementedError, TypeError)):
                raise self._cannot_copy(picture, cause) from cause
            raise
        return ring.publish(
            slot,
            pts_seconds=stamp.pts_seconds,
            duration_seconds=stamp.duration_seconds,
            index=index,
        )

    def _write(self, picture: VideoFrame, slot: Slot) -> None:
        if is_on_device(picture) and self._device_copier.copy(picture, slot):
            return
        if slot.spec.device.type == "cpu":
            self._copier.copy(picture, slot.spec, slot.planes)
            return
        if self._uploader is None or self._uploader.spec != slot.spec:
            self._uploader = Uploader(slot.spec)
        self._copier.copy(picture, slot.spec, self._uploader.next_planes())
        self._uploader.send(slot)

    def _read_spec(self, picture: VideoFrame) -> FrameSpec:
        if not 0 < picture.width * picture.height <= self._max_pixels:
            name, packet = self.location.name, self.decoder.tape.packets
            raise MediaError(
                f"{name!r}, packet {packet}: a picture of {picture.width}x{picture.height} px; "
                f"1 to max_pixels={self._max_pixels} are allowed. Open it with a larger "
                "max_pixels if that is true.",
                path=name,
                packet=packet,
                cause="size",
            )
        return read_spec(picture, pixel_format=self.settings.pixel_format, device=self._device)

    def _ring_for(self, spec: FrameSpec) -> FrameRing:
        old = self.ring
        if old is not None and old.spec == spec:
            return old
        if old is not None:
            self._ring_changes += 1
            self.discontinuities += 1
            self._dropped_before += old.stats.dropped
        self.ring = FrameRing(
            self.settings.slots or self._default_slots(spec),
            width=spec.width,
            height=spec.height,
            pixel_format=spec.pixel_format,
            device=spec.device,
            drop=self.settings.drop,
            matrix=spec.matrix,
            full_range=spec.full_range,
            rotation=spec.rotation,
            debug=self.settings.debug,
        )
        return self.ring

    def _default_slots(self, spec: FrameSpec) -> int:
        if self.decoder.tape.is_still:
            return _FEWEST_SLOTS
        return max(_FEWEST_SLOTS, min(_MOST_SLOTS, _RING_BYTES // spec.nbytes))

    def _cannot_copy(self, picture: VideoFrame, cause: BaseException) -> MediaError:
        name, packet = self.location.name, self.decoder.tape.packets
        return MediaError(
            f"{name!r}, packet {packet}: {picture.format.name} {picture.width}x{picture.height} "
            f"cannot be brought to {self.settings.pixel_format}: {cause}",
            path=name,
            packet=packet,
            cause=cause,
        )
