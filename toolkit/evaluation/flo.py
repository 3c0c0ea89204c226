"""How does a `.flo` file hold flow? A tag, two sizes, and float32 pairs: Middlebury's format.

Sintel and FlyingChairs use it, too. Components above 1e9 mark pixels whose flow is not known.

Source: Baker et al., "A database and evaluation methodology for optical flow", IJCV 92, 2011;
`flowIO.cpp` of the Middlebury evaluation.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from toolkit.evaluation.errors import BadData
from toolkit.evaluation.flow_field import FlowField, as_field

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["read_flo", "write_flo"]

_TAG = b"PIEH"  # the float 202021.25 in little-endian order
_HEADER_BYTES = 12
_LARGEST_KNOWN = 1e9
_UNKNOWN = np.float32(1.7e9)
_MOST_PX = 99_999


def read_flo(path: str | Path) -> FlowField:
    """Flow from a `.flo` file. Reads the whole file, two allocations of its size.

    Raises:
        BadData: not such a file, or not of the length that its sizes promise.
        OSError: it cannot be read.
    """
    content = Path(path).read_bytes()
    if len(content) < _HEADER_BYTES or content[:4] != _TAG:
        raise BadData(
            f"begins with {content[:4]!r} and has {len(content)} bytes; a .flo file begins with "
            f"{_TAG!r} and has at least {_HEADER_BYTES}. Is it a file of another format?",
            path=path,
        )
    width, height = np.frombuffer(content, "<i4", count=2, offset=4).tolist()
    if not (1 <= width <= _MOST_PX and 1 <= height <= _MOST_PX):
        raise BadData(
            f"says that it is {width}x{height} px; sizes are 1 to {_MOST_PX}. It is damaged.",
            path=path,
        )
    expected = _HEADER_BYTES + 8 * width * height
    if len(content) != expected:
        raise BadData(
            f"has {len(content)} bytes; {width}x{height} px make {expected}. Fetch it again.",
            path=path,
        )
    values = np.frombuffer(content, "<f4", offset=_HEADER_BYTES).reshape(height, width, 2)
    flow = np.moveaxis(values, -1, 0).astype(np.float32)  # (2, H, W)
    with np.errstate(invalid="ignore"):
        return as_field(flow, (np.abs(flow) < _LARGEST_KNOWN).all(0))


def write_flo(path: str | Path, flow: ArrayLike, is_valid: ArrayLike | None = None) -> None:
    """Write flow (2, H, W) or (1, 2, H, W), px, as a `.flo` file.

    Raises:
        BadData: another shape, or a value that the format takes for an unknown one.
        OSError: the file cannot be written.
    """
    field = as_field(flow, is_valid)
    largest = float(np.abs(field.flow).max())
    if largest >= _LARGEST_KNOWN:
        raise BadData(f"flow reaches {largest:g} px; from 1e9 on it means unknown. Mask it out.")
    values = np.where(field.is_valid, field.flow, _UNKNOWN)
    height, width = field.is_valid.shape
    with Path(path).open("wb") as file:
        file.write(_TAG)
        file.write(np.array([width, height], "<i4").tobytes())
        file.write(np.moveaxis(values, 0, -1).astype("<f4").tobytes())
