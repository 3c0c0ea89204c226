"""Can the device decode by itself? If so its pictures are there already, and only bits cross.

On CUDA the pictures stay in device memory and are copied from there into the slot. Other hardware
decoders hand their pictures to the host. Where there is none, or it refuses, software decodes,
and the video's notes say why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from av.codec.hwaccel import HWAccel, hwdevices_available

from toolkit import hooks

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

    from toolkit.slot import Slot

__all__ = ["DeviceCopier", "choose", "is_on_device"]

_BY_DEVICE = {"cuda": "cuda", "mps": "videotoolbox"}


def choose(hardware: str | None, device: torch.device) -> tuple[HWAccel | None, str]:
    """The accelerator to ask for, and a note where one was wanted and there is none.

    Args:
        hardware: `"auto"` for the device's own, None for software, or a name from
            `av.codec.hwaccel.hwdevices_available()`, such as `"vaapi"`.
        device: where the frames shall live.
    """
    wanted = _BY_DEVICE.get(device.type) if hardware == "auto" else hardware
    if wanted is None:
        return None, ""
    available = hwdevices_available()
    if wanted not in available:
        return None, (
            f"no {wanted} decoder in this build of PyAV, which has "
            f"{', '.join(available) or 'none'}; decoding in software"
        )
    stays_there = wanted == "cuda" and device.type == "cuda"
    number = str(device.index or 0) if stays_there else None
    accelerator = HWAccel(
        wanted, device=number, allow_software_fallback=True, is_hw_owned=stays_there
    )
    return accelerator, ""


def is_on_device(picture: VideoFrame) -> bool:
    """Whether the picture lies in the memory of a CUDA device."""
    return picture.format.name == "cuda"


class DeviceCopier:
    """Copies pictures that were decoded on a CUDA device into slots there, d2d.

    The host does not wait for a copy, except when the next picture comes before it has ended.

    The decoder writes into a picture's memory again once it is let go, and does not look at torch's
    queue. So each picture is held until its copy has run.
    """

    def __init__(self) -> None:
        self.converted = 0
        self._held: tuple[VideoFrame, torch.cuda.Event] | None = None

    def copy(self, picture: VideoFrame, slot: Slot) -> bool:
        """Write `picture` into `slot`: d2d. False where its layout needs the host's swscale.

        10 and 12 bit pictures lose their low bits, which stands on the bill as a conversion.
        """
        layout = picture.sw_format
        name = layout.name if layout is not None else ""
        is_even = not (picture.width % 2 or picture.height % 2)
        if name not in ("nv12", "p010le", "p016le") or slot.spec.pixel_format != "i420":
            return False
        if not is_even:
            return False
        self.finish()
        # FFmpeg decodes on the device's default stream, torch may be on another one.
        device = slot.spec.device
        stream = torch.cuda.current_stream(device)
        stream.wait_stream(torch.cuda.default_stream(device))
        # As capsules: asked by torch, PyAV would have to follow torch's stream, and refuses.
        luma, chroma = (torch.from_dlpack(plane.__dlpack__()) for plane in picture.planes)
        if name != "nv12":
            self.converted += 1
            hooks.report("convert", slot.spec.nbytes, device=str(device), op=f"high byte of {name}")
            luma = luma.view(torch.uint8)[:, 1::2]
            chroma = chroma.view(torch.uint8)[..., 1::2]
        with hooks.timed(
            "copy", slot.spec.nbytes, device=str(device), direction="d2d", op="decode"
        ):
            y, u, v = slot.planes
            y.copy_(luma, non_blocking=True)
            u.copy_(chroma[..., 0], non_blocking=True)
            v.copy_(chroma[..., 1], non_blocking=True)
        event = torch.cuda.Event()
        event.record(stream)
        self._held = (picture, event)
        return True

    def finish(self) -> None:
        """Wait until the last picture has been copied, and let it go. Blocks."""
        if self._held is None:
            return
        _, event = self._held
        if not event.query():
            with hooks.timed("wait", device="cuda", op="decoded picture"):
                event.synchronize()
        self._held = None
