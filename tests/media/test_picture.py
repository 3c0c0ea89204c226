"""Range, matrix and rotation: by the flags, or as players guess."""

import av
import pytest
import torch

from toolkit.media.picture import guess_matrix, is_full_range, read_spec, turn


def spec_of(layout="yuv420p", width=64, height=48, colorspace=2, color_range=0):
    picture = av.VideoFrame(width, height, layout)
    picture.colorspace, picture.color_range = colorspace, color_range
    return read_spec(picture, pixel_format="i420", device=torch.device("cpu"))


def test_flags_decide():
    spec = spec_of(colorspace=9, color_range=2)
    assert (spec.matrix, spec.full_range, spec.rotation) == ("bt2020", True, 0)
    assert (spec.width, spec.height, spec.pixel_format) == (64, 48, "i420")


@pytest.mark.parametrize(
    ("flag", "matrix"), [(1, "bt709"), (5, "bt601"), (6, "bt601"), (9, "bt2020"), (10, "bt2020")]
)
def test_each_matrix_by_its_number(flag, matrix):
    assert spec_of(colorspace=flag).matrix == matrix


@pytest.mark.parametrize(
    ("width", "height", "matrix"),
    [
        (640, 480, "bt601"),
        (720, 576, "bt601"),
        (720, 577, "bt709"),
        (1280, 534, "bt709"),
        (1920, 1080, "bt709"),
    ],
)
def test_without_a_flag_size_decides(width, height, matrix):
    assert guess_matrix(width, height) == matrix
    assert spec_of(width=width, height=height).matrix == matrix


@pytest.mark.parametrize(
    ("layout", "color_range", "full"),
    [
        ("yuv420p", 0, False),
        ("yuv420p", 1, False),
        ("yuv420p", 2, True),
        ("yuvj420p", 0, True),
        ("yuv444p10le", 0, False),
        ("rgb24", 0, True),
        ("gbrp", 1, True),
        ("pal8", 0, True),
        ("gray", 0, True),
        ("gray", 1, False),
        ("ya8", 0, True),
    ],
)
def test_range_by_layout_and_flag(layout, color_range, full):
    assert is_full_range(av.VideoFormat(layout), color_range) is full


@pytest.mark.parametrize(
    ("degrees", "turned"),
    [(0, 0), (-90, 270), (90, 90), (180, 180), (-180, 180), (89, 90), (45, 0), (-2147483648, 0)],
)
def test_only_quarter_turns_are_turns(degrees, turned):
    assert turn(degrees) == turned
