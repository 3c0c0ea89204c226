import kornia
import pytest
import torch

from toolkit.spec import FrameSpec
from toolkit.stages import gray, rgb


def test_luma_becomes_brightness(run):
    spec = FrameSpec(4, 2, "i420")
    pixels = torch.full(spec.slot_shape, 16, dtype=torch.uint8)
    pixels[0, 0], pixels[1, 3] = 235, 126  # white, and half way
    picture = run(gray, pixels, frame=spec)
    assert picture.shape == (1, 1, 2, 4)
    expected = torch.tensor([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 110 / 219]])
    assert torch.allclose(picture[0, 0], expected, atol=1e-6)


def test_another_tensor_than_the_slot_is_refused(run):
    with pytest.raises(ValueError, match="it must be `pixels`"):
        run(gray, torch.rand(1, 1, 2, 4), frame=FrameSpec(4, 2, "i420"))


@pytest.mark.parametrize("pixel_format", ["i420", "rgb", "gray"])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize(("width", "height"), [(8, 6), (7, 5)])
def test_turning_first_equals_turning_last(run, pixel_format, rotation, width, height):
    upright = FrameSpec(width, height, pixel_format)
    turned = FrameSpec(width, height, pixel_format, rotation=rotation)
    pixels = torch.randint(0, 256, upright.slot_shape, dtype=torch.uint8)
    picture = run(gray, pixels, frame=turned)
    expected = torch.rot90(run(gray, pixels, frame=upright), rotation // 90, (2, 3))
    assert picture.shape[-2:] == (turned.display_height, turned.display_width)
    assert picture.is_contiguous()
    assert torch.equal(picture, expected)


def test_what_lies_beyond_black_and_white_is_cut(run):
    spec = FrameSpec(2, 2, "i420")
    pixels = torch.full(spec.slot_shape, 128, dtype=torch.uint8)
    pixels[0, 0], pixels[0, 1] = 3, 250
    assert run(gray, pixels, frame=spec)[0, 0, 0].tolist() == [0.0, 1.0]


def test_full_range_luma_is_divided_by_255(run):
    spec = FrameSpec(2, 2, "i420", full_range=True)
    pixels = torch.full(spec.slot_shape, 51, dtype=torch.uint8)
    assert torch.allclose(run(gray, pixels, frame=spec), torch.full((1, 1, 2, 2), 0.2))


def test_colors_are_weighed_as_kornia_weighs_them(run, is_near):
    spec = FrameSpec(16, 12, "rgb")
    pixels = torch.randint(0, 256, spec.slot_shape, dtype=torch.uint8)
    expected = kornia.color.rgb_to_grayscale(pixels[None].float() / 255)
    assert is_near(run(gray, pixels, frame=spec), expected)


def test_luma_is_the_gray_of_the_colors_where_none_is_cut(run, is_near):
    spec = FrameSpec(8, 8, "i420")
    pixels = torch.randint(100, 150, spec.slot_shape, dtype=torch.uint8)
    expected = kornia.color.rgb_to_grayscale(run(rgb, pixels, frame=spec))
    assert is_near(run(gray, pixels, frame=spec), expected)
