"""What is a frame? A container for metadata whose pixels stay where they are.

A `Frame` is a lease on a slot. Results are attached once and travel with it; who reads them
computes nothing again. It can be moved, kept, released and, explicitly, cloned; a name that was
moved or released refuses to be used, because behind it there may be somebody else's pixels.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol

from toolkit.address import Address
from toolkit.attachments import MISSING, Failure, Request
from toolkit.devices import resolve
from toolkit.images import read_image
from toolkit.ownership import (
    AlreadyAttached,
    FrameBusy,
    FrameError,
    FrameMoved,
    FrameRecycled,
    FrameReleased,
    MissingAttachment,
)
from toolkit.slot import Slot, make_slots, new_lease

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    import numpy as np
    import torch
    from torch import Tensor

    from toolkit.attachments import Attachments, Key
    from toolkit.spec import FrameSpec

__all__ = [
    "Address",
    "AlreadyAttached",
    "Binding",
    "Frame",
    "FrameBusy",
    "FrameError",
    "FrameMoved",
    "FrameRecycled",
    "FrameReleased",
    "MissingAttachment",
]


class Binding(Protocol):
    """What a pipeline lends to a frame: the provider behind each name, and how to ask it."""

    @property
    def keys(self) -> Mapping[str, Key]:
        """Name to key of every result that the pipeline can provide."""
        ...

    def provide(self, frame: Frame, name: str, attachments: Attachments) -> Any:
        """Compute `name` for `frame` now, once, attach it, and give the result back."""
        ...


class Frame:
    """A lease on one slot: metadata, attached results, and the way to the pixels.

    Frames come from `FrameRing.publish`, `FrameRing.latest`, `FramePool.acquire`,
    `Frame.from_image` and from sources. The lease ends with `release()`, at the end of a `with`
    block, or with the last reference. A tensor that outlives its frame shows later pixels:
    `clone()` first.
    """

    __slots__ = (
        "__weakref__",
        "_attachments",
        "_binding",
        "_generation",
        "_is_kept",
        "_lease",
        "_slot",
        "_state",
    )

    def __init__(self, slot: Slot, lease: int | None = None) -> None:
        self._slot = slot
        # Noted here first and in the slot after it, so that no interrupt leaves a lease to nobody.
        self._lease = own = lease or new_lease()
        self._state = "held"
        if not lease:
            slot.leases[own] = get_ident()
        self._generation = slot.generation
        self._attachments = slot.attachments
        self._binding: Binding | None = None
        self._is_kept = False

    @classmethod
    def from_image(
        cls, image: object, *, device: str | torch.device = "cpu", pts_seconds: float = 0.0
    ) -> Frame:
        """A frame of its own, with no ring, from a picture in memory. One allocation and one copy.

        Args:
            image: a PIL image; an array or tensor of uint8, or of floats in [0, 1], with shape
                (H, W), (H, W, 1), (H, W, 3), (1, H, W) or (3, H, W). An alpha channel is refused.
            device: where the pixels shall live.
            pts_seconds: presentation time.

        Raises:
            TypeError: not a picture; files are opened with `toolkit.media.open`.
            ValueError: another shape or dtype, or values outside the range, with the shape in the
                text.
        """
        pixels, spec = read_image(image, resolve(device))
        _, (slot,) = make_slots(1, spec)
        slot.copy_in(pixels, op="from_image")
        slot.recycle()
        slot.describe(0, pts_seconds)
        return cls(slot)

    # -- what it is -------------------------------------------------------------------------------

    @property
    def index(self) -> int:
        """Number of the frame in its source, from 0."""
        return self._live().index

    @property
    def pts_seconds(self) -> float:
        """Presentation time in seconds."""
        return self._live().pts_seconds

    @property
    def duration_seconds(self) -> float | None:
        """How long it is shown, or None where the source does not say."""
        return self._live().duration_seconds

    @property
    def sequence(self) -> int:
        """How many frames its ring had published before it; -1 for a frame without a ring."""
        return self._slot.sequence if self._state == "held" else self._live().sequence

    @property
    def spec(self) -> FrameSpec:
        """Layout and meaning of the pixels."""
        return self._live().spec

    @property
    def device(self) -> torch.device:
        """Where the pixels live."""
        return self._live().spec.device

    @property
    def width(self) -> int:
        """True width in px, before rotation."""
        return self._live().spec.width

    @property
    def height(self) -> int:
        """True height in px, before rotation."""
        return self._live().spec.height

    @property
    def rotation(self) -> int:
        """Degrees to turn the picture counter-clockwise to show it; `rgb` and `gray` do."""
        return self._live().spec.rotation

    @property
    def pixel_format(self) -> str:
        """`"i420"`, `"rgb"` or `"gray"`."""
        return self._live().spec.pixel_format

    @property
    def metadata(self) -> dict[str, Any]:
        """Small host values that came with the frame. Made when first asked for."""
        slot = self._live()
        if slot.metadata is None:
            slot.metadata = {}
        return slot.metadata

    @property
    def is_released(self) -> bool:
        """Whether this name can no longer be used, by `release()` or `move()`."""
        return self._state != "held"

    @property
    def pixels(self) -> Tensor:
        """The slot's tensor, uint8 of `spec.slot_shape`: a view, never a copy. No sync.

        Write to it only inside `exclusive()`. It shows later pixels once the frame is released.
        """
        slot = self._live()
        slot.wait_until_ready()
        return slot.pixels

    @property
    def planes(self) -> tuple[Tensor, ...]:
        """Views of the planes: for `i420` y, u, v at their padded size; else the one tensor."""
        slot = self._live()
        slot.wait_until_ready()
        return slot.planes

    # -- what is attached -------------------------------------------------------------------------

    def __getitem__(self, name: str) -> Any:
        """What is attached under `name`; computed now where the frame's pipeline provides it.

        Raises:
            MissingAttachment: nobody provides it; the text lists the names that exist.
        """
        if self._state != "held":
            self._live()
        binding = self._binding
        key = binding.keys.get(name) if binding is not None else None
        if binding is None or key is None:
            return self._read_unbound(name)
        value = self._attachments.values.get(key, MISSING)
        if value is MISSING or isinstance(value, Failure):
            return binding.provide(self, name, self._attachments)
        return value

    def get(self, name: str) -> Any:
        """What is attached under `name`, or None. Never computes, never blocks."""
        self._live()
        key = self._find(name)
        value = self._attachments.values.get(key) if key is not None else None
        return None if isinstance(value, Failure) else value

    def __contains__(self, name: str) -> bool:
        self._live()
        return self._find(name) is not None

    def names(self) -> tuple[str, ...]:
        """Names of all that can be read through this frame, in order of attachment."""
        self._live()
        seen = [*(key[0] for key in self._attachments.names()), *getattr(self._binding, "keys", ())]
        return tuple(name for name in dict.fromkeys(seen) if self._find(name))

    def attach(self, name: str, value: Any) -> None:
        """Attach `value` under `name`, once. No copy: the frame holds a reference. From any thread.

        Raises:
            AlreadyAttached: there is one of that name, or the frame's pipeline provides it.
        """
        self._refuse_provided(name)
        if not self._attachments.attach((name, None), value):
            raise self._taken(name, "is attached already")

    def address(self, name: str) -> Address:
        """Where a result will belong that comes later, when this lease may be over.

        Holds neither the slot nor what is attached, so the frame goes its way.

        Raises:
            AlreadyAttached: the frame's pipeline provides `name`.
        """
        self._refuse_provided(name)
        return Address(self._slot, self._generation, name)

    def request(self, name: str) -> Request:
        """Ask for `name` without computing it and without blocking; see `Request`.

        Somebody who reads `frame[name]`, or a pipeline's task, finishes it.
        """
        self._live()
        binding = self._binding
        key = binding.keys.get(name, (name, None)) if binding is not None else (name, None)
        return self._attachments.request(key)

    def age_seconds(self, name: str) -> float:
        """Seconds between the publication of the frame and the attachment of `name` by `attach`.

        Raises:
            MissingAttachment: nothing was attached by that name with `attach`.
        """
        slot = self._live()
        times = self._attachments.attached_ns or {}
        if (name, None) not in times:
            raise MissingAttachment(f"no time is noted for {name!r}; {self._what_exists()}")
        return (times[name, None] - slot.published_ns) / 1e9

    # -- who owns it ------------------------------------------------------------------------------

    def move(self) -> Frame:
        """Hand the lease on: use the frame that comes back.

        This name raises `FrameMoved` from now on.
        """
        slot = self._live()
        moved = Frame(slot, self._lease)
        moved._binding = self._binding
        self._state = "moved"
        return moved

    def keep(self) -> Frame:
        """Extend a loan: the pipeline that lent this frame does not take it back. Gives it back.

        From now on it is yours: release it when you are done, for it occupies a slot.
        """
        self._live()
        self._is_kept = True
        return self

    def lease(self) -> Frame:
        """A second lease on the same frame, for another consumer. No copy."""
        return self._second(self._binding)

    def lend(self, binding: Binding) -> Frame:
        """A second lease, read through `binding`: what a pipeline hands out. No copy."""
        return self._second(binding)

    def end_loan(self) -> None:
        """Give the lease back unless `keep()` was called: what a pipeline does in the end."""
        if not self._is_kept:
            self.release()

    def clone(self) -> Frame:
        """The only duplicate, in memory of its own. One allocation and one copy, on the bill.

        What is attached stays with the original; a clone computes its own.
        """
        slot = self._live()
        _, (twin,) = make_slots(1, slot.spec)
        twin.copy_in(self.pixels, op="clone")
        metadata = dict(slot.metadata) if slot.metadata else None
        twin.recycle()
        twin.describe(slot.index, slot.pts_seconds, slot.duration_seconds, metadata)
        copy = Frame(twin)
        copy._binding = self._binding
        return copy

    @contextmanager
    def exclusive(self) -> Generator[Tensor]:
        """Overwrite the pixels: `with frame.exclusive() as pixels:`. One writer at a time.

        What stages had computed from the old pixels is forgotten at the end. What users attached
        stays, and so do results that look back at earlier frames.

        Raises:
            FrameBusy: somebody else is writing. It does not wait.
        """
        slot, me = self._live(), object()
        try:
            with slot.lock:
                if slot.writer is not None:
                    raise FrameBusy(
                        f"frame {slot.index} is being written by another `exclusive()` block; "
                        "write after it ends, or write to a clone()"
                    )
                slot.writer = me
            slot.wait_for_readers()
            yield self.pixels
        finally:
            if slot.writer is me:
                if slot.fence is not None:
                    slot.ready_mark = slot.fence.record()
                self._attachments.overwritten()
                slot.writer = None

    def release(self) -> None:
        """Give the lease back. A second call does nothing."""
        if self._state == "held":
            self._slot.release(
                self._lease
            )  # first: an interrupt before the next line loses nothing
            self._state = "released"

    def __enter__(self) -> Frame:
        self._live()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def __del__(self) -> None:
        try:
            if self._state == "held":
                self._slot.release(self._lease)
        except AttributeError:  # an interrupt came before there was any lease
            return

    def __copy__(self) -> Frame:
        raise TypeError(
            "a frame is not copied by accident: use lease() to share, clone() to duplicate"
        )

    def __deepcopy__(self, memo: object) -> Frame:
        return self.__copy__()

    # -- the way out to other libraries -----------------------------------------------------------

    def __dlpack__(self, **options: Any) -> object:
        """The pixels for another library, by DLPack: a view, no copy.

        Valid until the frame is released.
        """
        pixels: Any = self.pixels
        return pixels.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[Any, int]:
        return self.pixels.__dlpack_device__()

    def __array__(self, dtype: np.dtype[Any] | None = None, copy: bool | None = None) -> Any:
        """The pixels as a NumPy view, on the CPU only, where it costs nothing."""
        if self.device.type != "cpu":
            raise TypeError(
                f"the pixels live on {self.device}: NumPy would need a download. Say so with "
                "`frame.pixels.cpu().numpy()`, or stay on the device with torch.from_dlpack(frame)."
            )
        view = self.pixels.numpy()
        if dtype is not None and view.dtype != dtype:
            if copy is False:
                raise ValueError(f"pixels are uint8; as {dtype} they need a copy, and copy=False")
            return view.astype(dtype)
        return view.copy() if copy else view

    def __repr__(self) -> str:
        if self._state != "held":
            return f"Frame({self._state})"
        spec = self._slot.spec
        names = ", ".join(self.names()) or "nothing"
        turned = f" rotated {spec.rotation}°" if spec.rotation else ""
        return (
            f"Frame({self._slot.index}, {self._slot.pts_seconds:.3f} s, {spec.width}x{spec.height}"
            f"{turned} {spec.pixel_format} uint8 on {spec.device}, attached: {names})"
        )

    # -- inside -----------------------------------------------------------------------------------

    def _refuse_provided(self, name: str) -> None:
        self._live()
        if name == "pixels":
            raise AlreadyAttached("'pixels' are the frame's own; attach under another name")
        if self._binding is not None and name in self._binding.keys:
            raise self._taken(name, "is provided by the frame's pipeline")

    def _taken(self, name: str, why: str) -> AlreadyAttached:
        return AlreadyAttached(
            f"{name!r} {why} to frame {self.index}; a result is attached once. Attach it under "
            f"another name; there are {', '.join(map(repr, self.names())) or 'none yet'}."
        )

    def _second(self, binding: Binding | None) -> Frame:
        slot = self._live()
        second = Frame(slot)
        if second._generation != self._generation:  # released by another thread just now
            second.release()
            self._state = "released"
            slot = self._live()
        second._binding = binding
        return second

    def _live(self) -> Slot:
        if self._state == "held":
            return self._slot
        if self._state == "moved":
            raise FrameMoved(
                "this frame was moved: use the frame that move() gave back, or take a lease() "
                "before you move it"
            )
        if self._slot.generation != self._generation:
            raise FrameRecycled(
                "this frame was released and its slot holds another frame now; "
                "keep() a frame that you need later, or clone() it"
            )
        raise FrameReleased(
            "this frame was released; keep() it before the loan ends (a pipeline's loan ends with "
            "the next iteration), or clone() it"
        )

    def _find(self, name: str) -> Key | None:
        """The key under which `name` is attached and visible here, or None."""
        values = self._attachments.values
        binding = self._binding
        if binding is not None and name in binding.keys:
            key = binding.keys[name]
            return key if key in values and not isinstance(values[key], Failure) else None
        if (name, None) in values:
            return (name, None)
        found = [key for key in self._attachments.names() if key[0] == name]
        return found[0] if len(found) == 1 and binding is None else None

    def _read_unbound(self, name: str) -> Any:
        key = self._find(name)
        if key is not None:
            return self._attachments.values[key]
        if name == "pixels":
            return self.pixels
        if sum(key[0] == name for key in self._attachments.names()) > 1:
            raise MissingAttachment(
                f"{name!r} was attached by several pipelines that disagree; "
                "read it through one of them: pipeline.bind(frame)[...]"
            )
        raise MissingAttachment(f"nothing provides {name!r} on this frame; {self._what_exists()}")

    def _what_exists(self) -> str:
        provided = ", ".join(self._binding.keys) if self._binding is not None else ""
        attached = ", ".join(self.names())
        return f"attached: {attached or 'nothing'}; its pipeline provides: {provided or 'nothing'}"
