"""Where is a clip that everybody has? In `data/` of a checkout, or inside the installed package.

from toolkit.media.clip import bundled_clip, bundled_clip_truth
open(bundled_clip())            # 6 s of a drawn room, 640x360, 30 frames a second
bundled_clip_truth()["rotation"][0]   # where its camera stood
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import toolkit
from toolkit.media.errors import MediaError

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["bundled_clip", "bundled_clip_truth", "find_data"]


def bundled_clip() -> Path:
    """The path of `clip.mp4`. Reads nothing.

    Raises:
        MediaError: it is in neither place; the message says which were looked at.
    """
    return find_data("clip.mp4")


def bundled_clip_truth() -> dict[str, Tensor]:
    """What is true of the bundled clip, on the CPU; names and shapes are in `data/README.md`.

    Reads a file of about 1 MB and allocates as much.

    Raises:
        MediaError: the file is missing.
    """
    from safetensors.torch import load_file

    return load_file(find_data("clip_truth.safetensors"))


def find_data(name: str, *, package: Path | None = None) -> Path:
    """A file of `data/`: inside the package where that was installed, beside it in a checkout.

    Args:
        name: the file's name.
        package: folder of the package; that of the running toolkit by default.

    Raises:
        MediaError: there is no such file in either place.
    """
    package = package or Path(str(toolkit.__file__)).resolve().parent
    places = [package / "data" / name, package.parent / "data" / name]
    for place in places:
        if place.is_file():
            return place
    looked = " or ".join(str(place.parent) for place in places)
    raise MediaError(
        f"{name} is not in {looked}: this installation came without its data. Install the wheel "
        "again, or in a checkout run `python -m toolkit.demos.make_clip`.",
        path=places[-1],
    )
