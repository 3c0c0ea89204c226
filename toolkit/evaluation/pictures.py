"""How is one picture of a data set read? As RGB bytes on the host."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from toolkit.evaluation.errors import BadData
from toolkit.media import MediaError, open_image

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["read_picture"]


def read_picture(path: str | Path) -> NDArray[np.uint8]:
    """The pixels of an image file, (3, H, W) uint8 RGB. Decodes and copies.

    Raises:
        BadData: it is not there, no image, damaged, or cut off.
    """
    if not Path(path).is_file():
        raise BadData("is not there, but its pair or its ground truth is. Fetch it.", path=path)
    try:
        with open_image(path) as frame:
            return np.array(frame.pixels.numpy())
    except MediaError as error:
        raise BadData(f"is no picture that can be read ({error}).", path=path) from error
