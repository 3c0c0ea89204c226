import pytest
import torch

from toolkit.stages import overlay_flow


@pytest.fixture
def picture():
    return torch.rand(1, 3, 48, 64, generator=torch.Generator().manual_seed(0))


def moving(u, v, height=48, width=64):
    return torch.tensor([u, v]).view(1, 2, 1, 1).expand(1, 2, height, width).contiguous()


def pixels(drawn, picture):
    """Row and column of what was drawn."""
    return {tuple(one) for one in (drawn != picture).any(1)[0].nonzero().tolist()}


def test_what_moves_is_coloured_and_what_stands_still_is_not(run, picture):
    flow = moving(0.0, 0.0)
    flow[0, 0, 10, 20] = 8.0
    drawn = run(overlay_flow, picture, flow, spacing=0, strength=1.0)
    assert pixels(drawn, picture) == {(10, 20)}
    assert torch.allclose(drawn[0, :, 10, 20], torch.tensor([1.0, 0.0, 0.0]), atol=1e-5)


def test_a_flow_of_another_size_is_refused(run, picture):
    with pytest.raises(ValueError, match="the picture has 64x48 px and the flow 32x48"):
        run(overlay_flow, picture, moving(0.0, 0.0, width=32))


def test_a_gray_picture_is_refused(run, picture):
    with pytest.raises(ValueError, match=r"overlay_flow takes one picture of shape \(1, 3, H, W\)"):
        run(overlay_flow, picture[:, :1], moving(0.0, 0.0))


def test_the_size_stays_and_the_picture_is_contiguous(run, picture):
    drawn = run(overlay_flow, picture, moving(3.0, -2.0))
    assert drawn.shape == picture.shape
    assert drawn.is_contiguous()


def test_half_the_strength_hides_half_of_the_picture(run, picture):
    drawn = run(overlay_flow, picture, moving(8.0, 0.0), spacing=0, strength=0.5)
    expected = 0.5 * picture + 0.5 * torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1)
    assert torch.allclose(drawn, expected, atol=1e-5)


def test_arrows_begin_on_a_grid_and_reach_as_far_as_the_scale_says(run, picture):
    options = {"strength": 0.0, "spacing": 32, "scale": 2.0, "arrow_color": "green"}
    drawn = run(overlay_flow, picture, moving(5.0, 0.0), **options)
    row = {column for line, column in pixels(drawn, picture) if line == 16}
    assert row == {*range(16, 27), *range(48, 59)}
    assert torch.allclose(drawn[0, :, 16, 20], torch.tensor([0.0, 1.0, 0.2]))
    # The head: 0.35 of 10 px back and 0.2 to each side.
    assert {(14, 22), (18, 22)} <= pixels(drawn, picture)


def test_without_motion_an_arrow_is_a_dot(run, picture):
    drawn = run(overlay_flow, picture, moving(0.0, 0.0), spacing=32)
    assert pixels(drawn, picture) == {(16, 16), (16, 48)}


def test_an_arrow_is_no_longer_than_two_spacings_and_ends_at_the_border(run):
    picture = torch.zeros(1, 3, 48, 256)
    drawn = run(overlay_flow, picture, moving(900.0, 0.0, width=256), strength=0.0, spacing=64)
    flow = moving(900.0, 0.0, width=256)
    flow[..., 64:] = 0
    alone = run(overlay_flow, picture, flow, strength=0.0, spacing=64)
    assert max(column for _, column in pixels(alone, picture) if column < 224) == 160
    assert max(column for _, column in pixels(drawn, picture)) == 255
