import kornia
import pytest
import torch

from toolkit.spec import FrameSpec
from toolkit.stages import rgb

WHITE, BLACK = (235, 128, 128), (16, 128, 128)


def one_color(spec, y, u, v):
    """A slot in which every pixel has one colour."""
    pixels = torch.empty(spec.slot_shape, dtype=torch.uint8)
    luma, first, second = spec.view_planes(pixels)
    luma.fill_(y)
    first.fill_(u)
    second.fill_(v)
    return pixels


def test_a_slot_becomes_colors(run):
    spec = FrameSpec(6, 4, "i420")
    picture = run(rgb, one_color(spec, *WHITE), frame=spec)
    assert picture.shape == (1, 3, 4, 6)
    assert picture.dtype == torch.float32
    assert torch.allclose(picture, torch.ones(1, 3, 4, 6), atol=1e-6)


def test_another_tensor_than_the_slot_is_refused(run):
    spec = FrameSpec(6, 4, "i420")
    with pytest.raises(ValueError, match=r"i420 uint8 \(6, 6\).*got torch.float32 \(1, 3, 4, 6\)"):
        run(rgb, torch.rand(1, 3, 4, 6), frame=spec)


def test_an_unknown_way_to_sample_chroma_is_refused(run):
    spec = FrameSpec(6, 4, "i420")
    with pytest.raises(ValueError, match="'cubic' is not one of 'nearest', 'bilinear'"):
        run(rgb, one_color(spec, *WHITE), frame=spec, chroma="cubic")


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize(("width", "height"), [(8, 6), (7, 5), (8, 5), (7, 6), (1, 1)])
@pytest.mark.parametrize("chroma", ["nearest", "bilinear"])
def test_turning_first_equals_turning_last(run, rotation, width, height, chroma):
    upright = FrameSpec(width, height, "i420")
    turned = FrameSpec(width, height, "i420", rotation=rotation)
    pixels = torch.randint(0, 256, upright.slot_shape, dtype=torch.uint8)
    picture = run(rgb, pixels, frame=turned, chroma=chroma)
    expected = torch.rot90(run(rgb, pixels, frame=upright, chroma=chroma), rotation // 90, (2, 3))
    assert picture.shape[-2:] == (turned.display_height, turned.display_width)
    assert picture.is_contiguous()
    assert torch.allclose(picture, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("matrix", "red"),
    # Full red in limited range: Y = 16 + 219 Kr, Cb = 128 - 112 Kr / (1 - Kb), Cr = 240.
    [("bt601", (81, 90, 240)), ("bt709", (63, 102, 240)), ("bt2020", (74, 97, 240))],
)
def test_each_standard_has_its_red(run, is_near, matrix, red):
    spec = FrameSpec(2, 2, "i420", matrix=matrix)
    picture = run(rgb, one_color(spec, *red), frame=spec)
    # What 8 bits round away is a half of a step, at most doubled by the matrix.
    assert is_near(picture[0, :, 0, 0], torch.tensor([1.0, 0.0, 0.0]), 0.006)


def test_black_white_and_beyond_in_limited_range(run):
    spec = FrameSpec(2, 2, "i420")
    assert run(rgb, one_color(spec, *BLACK), frame=spec).abs().max() < 1e-6
    for y, expected in ((0, 0.0), (255, 1.0)):
        picture = run(rgb, one_color(spec, y, 128, 128), frame=spec)
        assert torch.equal(picture, torch.full((1, 3, 2, 2), expected))


def test_full_range_by_hand(run, is_near):
    spec = FrameSpec(2, 2, "i420", full_range=True)
    picture = run(rgb, one_color(spec, 100, 138, 108), frame=spec)
    # JPEG: R = Y + 1.402 Cr, G = Y - 0.344136 Cb - 0.714136 Cr, B = Y + 1.772 Cb
    expected = torch.tensor([100 - 28.04, 100 - 3.44136 + 14.28272, 100 + 17.72]) / 255
    assert is_near(picture[0, :, 0, 0], expected, 1e-6)


def test_full_range_agrees_with_kornia(run, is_near):
    spec = FrameSpec(16, 12, "i420", full_range=True)
    pixels = torch.randint(0, 256, spec.slot_shape, dtype=torch.uint8)
    luma, *both = (plane.float() / 255 for plane in spec.view_planes(pixels))
    up = [one.repeat_interleave(2, 0).repeat_interleave(2, 1) for one in both]
    # Kornia's neutral chroma is 127.5 / 255, not 128 / 255, and its weights have three digits.
    expected = kornia.color.ycbcr_to_rgb(
        torch.stack([luma, *(one - 0.5 / 255 for one in up)])[None]
    )
    assert is_near(run(rgb, pixels, frame=spec), expected, 1e-3)


def test_two_by_two_pixels_share_their_chroma(run):
    spec = FrameSpec(4, 2, "i420")
    pixels = one_color(spec, 128, 128, 128)
    spec.view_planes(pixels)[2][0, 1] = 200  # v of the right half
    red = run(rgb, pixels, frame=spec)[0, 0]
    assert torch.equal(red[:, 0], red[:, 1])
    assert torch.equal(red[:, 2], red[:, 3])
    assert red[0, 2] > red[0, 1]
    smooth = run(rgb, pixels, frame=spec, chroma="bilinear")[0, 0]
    assert smooth[0, 0] < smooth[0, 1] < smooth[0, 2] < smooth[0, 3]


def test_rgb_and_gray_slots_are_scaled(run):
    spec = FrameSpec(2, 1, "rgb")
    pixels = torch.tensor([[[0, 255]], [[51, 0]], [[102, 153]]], dtype=torch.uint8)
    picture = run(rgb, pixels, frame=spec)
    assert torch.allclose(picture, torch.tensor([[[[0, 1]], [[0.2, 0]], [[0.4, 0.6]]]]))
    spec = FrameSpec(2, 1, "gray")
    picture = run(rgb, pixels[:1], frame=spec)
    assert torch.equal(picture, torch.tensor([[[[0.0, 1.0]]] * 3]).view(1, 3, 1, 2))
