"""Pixels arrive as they were, or as the matrices of television say."""

import av
import numpy as np
import pytest
import torch
from av.filter import Graph

from toolkit import hooks
from toolkit.media.chroma import LUMA_WEIGHTS
from toolkit.media.picture import read_spec
from toolkit.media.planes import PlaneCopier

CPU = torch.device("cpu")


def copy(picture, pixel_format="i420"):
    """The picture in a new slot: its spec, its planes as floats, how many were converted."""
    spec = read_spec(picture, pixel_format=pixel_format, device=CPU)
    pixels = torch.zeros(spec.slot_shape, dtype=torch.uint8)
    copier = PlaneCopier()
    copier.copy(picture, spec, spec.view_planes(pixels))
    planes = [plane.numpy().astype(float) for plane in spec.view_planes(pixels)]
    return spec, planes, copier.converted


def smooth_yuv(height=48, width=64):
    """Y, U and V that change slowly, so that scaling of chroma hardly shows."""
    y = np.linspace(40, 200, width)[None, :] + np.linspace(0, 20, height)[:, None]
    u = np.linspace(90, 150, width // 2)[None, :] + np.zeros((height // 2, 1))
    v = np.linspace(150, 100, height // 2)[:, None] + np.zeros((1, width // 2))
    return [plane.astype(np.uint8) for plane in (y, u, v)]


def make_picture(planes, layout="yuv420p", colorspace=2, color_range=0):
    picture = av.VideoFrame(planes[0].shape[1], planes[0].shape[0], layout)
    for target, source in zip(picture.planes, planes, strict=True):
        rows = np.frombuffer(target, np.uint8).reshape(target.height, target.line_size)
        rows[:, : source.shape[1]] = source
    picture.colorspace, picture.color_range = colorspace, color_range
    return picture


def test_a_2x2_picture_by_hand():
    planes = [np.array([[10, 20], [30, 40]]), np.array([[128]]), np.array([[99]])]
    spec, (y, u, v), converted = copy(make_picture(planes))
    assert spec.slot_shape == (3, 2)
    assert (y.tolist(), u.tolist(), v.tolist()) == ([[10, 20], [30, 40]], [[128]], [[99]])
    assert converted == 0


def test_rows_that_are_stored_bottom_up_are_turned():
    planes = smooth_yuv()
    graph = Graph()
    source = graph.add_buffer(width=64, height=48, format="yuv420p", time_base=1)
    flip, sink = graph.add("vflip"), graph.add("buffersink")
    source.link_to(flip)
    flip.link_to(sink)
    graph.configure()
    picture = make_picture(planes)
    picture.pts = 0
    graph.push(picture)
    flipped = graph.pull()
    assert flipped.planes[0].line_size < 0
    _, copies, converted = copy(flipped)
    assert converted == 0
    for got, expected in zip(copies, planes, strict=True):
        assert np.array_equal(got, expected[::-1])


def test_nv12_is_split_and_not_converted():
    planes = smooth_yuv()
    nv12 = make_picture(planes).reformat(format="nv12")
    _, copies, converted = copy(nv12)
    assert converted == 0
    assert all(np.array_equal(a, b) for a, b in zip(copies, planes, strict=True))


@pytest.mark.parametrize(
    "layout", ["yuv422p", "yuv444p", "yuv420p10le", "yuv444p12le", "yuva420p", "yuyv422", "yuv410p"]
)
def test_every_layout_of_chroma_and_depth_keeps_its_picture(layout):
    planes = smooth_yuv()
    _, copies, converted = copy(make_picture(planes).reformat(format=layout))
    assert converted == 1
    for got, expected in zip(copies, planes, strict=True):
        assert np.abs(got - expected).mean() < 1.0


@pytest.mark.parametrize("layout", ["rgb24", "bgra", "gbrp", "rgb48le", "argb", "rgb565le"])
def test_rgb_becomes_full_range_yuv_by_the_guessed_matrix(layout):
    red, green, blue = 200, 90, 40
    rgb = np.full((32, 32, 3), (red, green, blue), np.uint8)
    spec, (y, u, v), _ = copy(av.VideoFrame.from_ndarray(rgb).reformat(format=layout))
    assert (spec.matrix, spec.full_range) == ("bt601", True)
    tolerance = {"rgb565le": 5, "rgb48le": 1.5}.get(layout, 1.01)  # the last is dithered
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    assert np.abs(y - luma).max() <= tolerance
    assert np.abs(u - (128 + (blue - luma) / 1.772)).max() <= tolerance
    assert np.abs(v - (128 + (red - luma) / 1.402)).max() <= tolerance


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize(("matrix", "flag"), [("bt601", 5), ("bt709", 1), ("bt2020", 9)])
def test_rgb_slots_are_computed_with_the_stream_s_matrix_and_range(matrix, flag, full_range):
    values = (120, 100, 160)
    sizes = ((16, 16), (8, 8), (8, 8))
    planes = [np.full(size, one, np.uint8) for size, one in zip(sizes, values, strict=True)]
    picture = make_picture(planes, colorspace=flag, color_range=2 if full_range else 1)
    spec, (rgb,), converted = copy(picture, "rgb")
    assert (spec.full_range, converted) == (True, 1)
    kr, kb = LUMA_WEIGHTS[matrix]
    scale = (255, 0, 255) if full_range else (219, 16, 224)
    y = (values[0] - scale[1]) / scale[0]
    cb, cr = ((one - 128) / scale[2] for one in values[1:])
    red, blue = y + (2 - 2 * kr) * cr, y + (2 - 2 * kb) * cb
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    expected = np.array([red, green, blue])[:, None, None] * 255
    assert np.abs(rgb - expected).max() <= 2.0


def test_planar_rgb_goes_into_an_rgb_slot_as_it_is():
    rgb = np.random.default_rng(0).integers(0, 256, (6, 5, 3), dtype=np.uint8)
    picture = av.VideoFrame.from_ndarray(rgb).reformat(format="gbrp")
    _, (planes,), converted = copy(picture, "rgb")
    assert converted == 0
    assert np.array_equal(planes, rgb.transpose(2, 0, 1))


def test_gray_stays_exact_in_a_gray_slot_and_in_i420():
    gray = np.arange(240, dtype=np.uint8).reshape(12, 20)
    picture = av.VideoFrame.from_ndarray(gray, format="gray")
    _, (plane,), converted = copy(picture, "gray")
    assert converted == 0
    assert np.array_equal(plane[0], gray)
    spec, (y, u, v), _ = copy(picture)
    assert spec.full_range
    assert np.array_equal(y, gray)
    assert set(np.unique(u)) | set(np.unique(v)) == {128}


def test_limited_luma_is_expanded_in_a_gray_slot():
    planes = [np.full((4, 4), one, np.uint8) for one in (16,)] + [np.full((2, 2), 128)] * 2
    _, (plane,), _ = copy(make_picture(planes, color_range=1), "gray")
    assert set(np.unique(plane)) == {0}


def test_a_palette_is_resolved():
    rgb = np.zeros((16, 16, 3), np.uint8)
    rgb[:, 8:] = 255
    palette = av.VideoFrame(16, 16, "pal8")
    indices = np.zeros((16, 16), np.uint8)
    indices[:, 8:] = 1
    rows = np.frombuffer(palette.planes[0], np.uint8).reshape(16, -1)
    rows[:, :16] = indices
    np.frombuffer(palette.planes[1], np.uint32)[:2] = (0xFF000000, 0xFFFFFFFF)
    _, (planes,), _ = copy(palette, "rgb")
    assert np.array_equal(planes, rgb.transpose(2, 0, 1))


@pytest.mark.parametrize(("width", "height"), [(1, 1), (3, 1), (1, 3), (5, 7), (2, 3)])
def test_an_odd_edge_is_repeated(width, height):
    luma = np.arange(width * height, dtype=np.uint8).reshape(height, width)
    chroma = np.full(((height + 1) // 2, (width + 1) // 2), 77, np.uint8)
    _, (y, u, _), converted = copy(make_picture([luma, chroma, chroma]))
    assert converted == 0
    assert np.array_equal(y, np.pad(luma, ((0, height % 2), (0, width % 2)), "edge"))
    assert set(np.unique(u)) == {77}


def test_reading_a_plane_leaves_the_decoder_s_memory_alone():
    picture = make_picture(smooth_yuv())
    before = [bytes(plane) for plane in picture.planes]
    copy(picture)
    copy(picture, "rgb")
    assert [bytes(plane) for plane in picture.planes] == before


def test_the_copy_allocates_no_tensor():
    picture = make_picture(smooth_yuv())
    spec = read_spec(picture, pixel_format="i420", device=CPU)
    planes = spec.view_planes(torch.zeros(spec.slot_shape, dtype=torch.uint8))
    copier = PlaneCopier()
    with torch.profiler.profile(profile_memory=True) as profiler:
        copier.copy(picture, spec, planes)
    assert not [event for event in profiler.events() if event.name == "[memory]"]


def test_what_a_conversion_takes_is_reported():
    events = []

    class Listener:
        def event(self, event):
            events.append((event.kind, event.nbytes, event.op))

    listener = Listener()
    hooks.listen(listener)
    try:
        copy(make_picture(smooth_yuv()).reformat(format="yuv444p"))
    finally:
        hooks.unlisten(listener)
    nbytes = 72 * 64
    assert events == [
        ("convert", nbytes, "swscale yuv444p->yuv420p"),
        ("copy", nbytes, "decode"),
    ]
