import pytest
import torch
from torch.nn import functional

from toolkit.stages.patches import reader, with_margin

CPU = torch.device("cpu")


def read(picture, xy, side=5, margin=4):
    height, width = picture.shape[-2:]
    made = reader(side, margin, height, width, CPU)
    padded = with_margin(picture, margin)
    flat = made.read(padded, xy, made.spare(padded, xy.shape[0]))
    assert flat.shape == (xy.shape[0], side * (side + 1) - 1)
    return functional.pad(flat, (0, 1)).view(-1, side, side + 1)[..., :-1], made


def test_a_window_at_a_whole_position_is_a_cut_out():
    picture = torch.rand(1, 1, 20, 30)
    windows, _ = read(picture, torch.tensor([[3.0, 7.0], [25.0, 0.0]]))
    assert torch.equal(windows[0], picture[0, 0, 7:12, 3:8])
    assert torch.equal(windows[1], picture[0, 0, 0:5, 25:30])


def test_a_window_between_pixels_is_what_grid_sample_reads():
    picture = torch.rand(1, 1, 20, 30)
    xy = torch.rand(50, 2) * torch.tensor([34.0, 24.0]) - 4.5  # some hang over the border
    windows, _ = read(picture, xy)
    steps = torch.arange(5.0)
    y, x = torch.meshgrid(steps, steps, indexing="ij")
    places = xy[:, None, None] + torch.stack((x, y), -1)
    grid = 2 * places / torch.tensor([29.0, 19.0]) - 1
    expected = functional.grid_sample(
        picture, grid.view(1, 50, 25, 2), padding_mode="border", align_corners=True
    )
    inside = ((xy >= -4) & (xy <= torch.tensor([28.0, 18.0]))).all(-1)
    assert inside.sum() > 25
    difference = (windows - expected.view(50, 5, 5)).abs().amax((1, 2))
    assert difference[inside].max() < 1e-5


@pytest.mark.parametrize("far", [-1e9, 1e9, -100.0, 57.3])
def test_a_window_far_outside_is_the_nearest_one_that_there_is(far):
    windows, _ = read(torch.rand(1, 1, 20, 30), torch.tensor([[far, far]]))
    assert torch.isfinite(windows).all()
    assert (windows >= 0).all()
    assert (windows <= 1).all()


def test_the_mask_counts_the_pixels_of_a_window():
    _, made = read(torch.rand(1, 1, 20, 30), torch.zeros(1, 2))
    assert int(made.mask.sum()) == 25


def test_a_second_read_into_the_same_memory_allocates_no_window(allocated):
    picture = with_margin(torch.rand(1, 1, 20, 30), 4)
    made = reader(5, 4, 20, 30, CPU)
    xy = torch.rand(64, 2) * 10
    spare = made.spare(picture, 64)
    assert allocated(lambda: made.read(picture, xy, spare), at_least=64 * 25 * 4) == []
