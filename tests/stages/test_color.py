import pytest
import torch
from kornia import enhance

from toolkit.stages import color

RED, GREEN, BLUE = torch.eye(3).view(3, 1, 3, 1, 1).unbind(0)


def test_defaults_change_nothing(run, is_near):
    picture = torch.rand(1, 3, 5, 7)
    assert is_near(run(color, picture), picture)


def test_a_gray_picture_is_refused(run):
    with pytest.raises(ValueError, match=r"color takes one picture of shape \(1, 3, H, W\)"):
        run(color, torch.rand(1, 1, 5, 7))


def test_the_size_stays_even_for_a_view(run):
    picture = torch.rand(1, 3, 9, 11)[..., 1:8, 2:9]
    assert run(color, picture, contrast=2.0).shape == (1, 3, 7, 7)


def test_brightness_contrast_and_saturation_by_hand(run, is_near):
    pixel = torch.tensor([0.2, 0.4, 0.6]).view(1, 3, 1, 1)
    assert is_near(run(color, pixel, brightness=0.1), pixel + 0.1)
    assert is_near(run(color, pixel, contrast=1.5), pixel * 1.5)
    luma = 0.2 * 0.299 + 0.4 * 0.587 + 0.6 * 0.114
    assert is_near(run(color, pixel, saturation=0.0), torch.full((1, 3, 1, 1), luma))


def test_a_third_of_a_turn_takes_red_to_green_and_green_to_blue(run, is_near):
    assert is_near(run(color, RED, hue=120.0), GREEN)
    assert is_near(run(color, GREEN, hue=120.0), BLUE)
    assert is_near(run(color, RED, hue=-120.0), BLUE)


def test_hue_keeps_gray(run, is_near):
    gray = torch.full((1, 3, 2, 2), 0.4)
    assert is_near(run(color, gray, hue=77.0), gray)


@pytest.mark.parametrize(
    ("parameters", "reference"),
    [
        ({"brightness": 0.3}, lambda x: enhance.adjust_brightness(x, 0.3)),
        ({"contrast": 1.7}, lambda x: enhance.adjust_contrast(x, 1.7)),
        (
            {"saturation": 2.5},
            lambda x: enhance.adjust_saturation_with_gray_subtraction(x, 2.5),
        ),
        ({"gamma": 2.2}, lambda x: enhance.adjust_gamma(x, 2.2)),
        ({"hue": 120.0}, lambda x: enhance.adjust_hue(x, 2 * torch.pi / 3)),
    ],
    ids=["brightness", "contrast", "saturation", "gamma", "hue"],
)
def test_each_by_itself_is_kornias(run, is_near, parameters, reference):
    picture = torch.rand(1, 3, 20, 30)
    assert is_near(run(color, picture, **parameters), reference(picture), 2e-6)
