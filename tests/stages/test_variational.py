import pytest
import torch
from torch.nn import functional

from toolkit.stages.variational import PLANES, central, refine, refinement

CPU = torch.device("cpu")


@pytest.fixture
def texture():
    coarse = torch.rand(1, 1, 12, 16, generator=torch.Generator().manual_seed(0))
    return functional.interpolate(coarse, size=(48, 64), mode="bicubic").clamp(0, 1)


def refined(before, after, guess=(0.0, 0.0), *, smoothness=1.4, work=(1, 2, 6)):
    height, width = before.shape[-2:]
    flow = torch.tensor(guess).view(1, 2, 1, 1).expand(1, 2, height, width)
    warps, reweights, sweeps = work
    by = refinement(
        height,
        width,
        device=CPU,
        smoothness=smoothness,
        warps=warps,
        reweights=reweights,
        sweeps=sweeps,
    )
    scratch = torch.full((PLANES * height * width,), float("nan"))
    return refine(before, after, flow, by=by, scratch=scratch)


def distance(found, right, down, border=8):
    inner = found[0, :, border:-border, border:-border]
    return (inner - torch.tensor([right, down]).view(2, 1, 1)).norm(dim=0)


def test_a_flow_that_is_nearly_right_becomes_exact(texture):
    after = texture.roll((1, 2), (2, 3))
    found = refined(texture, after, (1.6, 1.3), work=(3, 2, 10))
    assert distance(found, 2.0, 1.0).mean() < 0.01


def test_what_is_right_stays(texture):
    found = refined(texture, texture.roll((1, 2), (2, 3)), (2.0, 1.0))
    assert distance(found, 2.0, 1.0).max() < 0.01


def test_more_sweeps_come_nearer(texture):
    after = texture.roll(1, 3)
    far = [
        float(distance(refined(texture, after, work=(1, 1, sweeps)), 1.0, 0.0).mean())
        for sweeps in (1, 4, 16)
    ]
    assert far[0] > far[1] > far[2]


def test_sweeps_go_further_by_chebyshev_s_recurrence():
    by = refinement(8, 8, device=CPU, smoothness=1.0, warps=1, reweights=1, sweeps=40)
    assert by.relaxation[0] == 1.0
    assert by.relaxation[1] == pytest.approx(1 / (1 - 0.99**2 / 2))
    # It tends to the best factor of over-relaxation.
    assert by.relaxation[-1] == pytest.approx(2 / (1 + (1 - 0.99**2) ** 0.5), abs=1e-3)


def test_smoothness_fills_in_where_there_is_no_texture(texture):
    before = texture.clone()
    before[..., 18:30, 26:38] = 0.5
    after = before.roll(1, 3)
    guess = torch.zeros(1, 2, 48, 64)
    guess[:, 0] = 1.0
    guess[:, 0, 22:26, 30:34] = 0.0
    by = refinement(48, 64, device=CPU, smoothness=1.4, warps=1, reweights=3, sweeps=30)
    scratch = torch.empty(PLANES * 48 * 64)
    found = refine(before, after, guess, by=by, scratch=scratch)
    assert (found[0, 0, 22:26, 30:34] - 1).abs().max() < 0.02


def test_a_picture_without_texture_keeps_its_flow():
    black = torch.zeros(1, 1, 16, 20)
    found = refined(black, black, (0.5, -0.25))
    assert distance(found, 0.5, -0.25, border=1).max() < 1e-5


def test_what_leaves_the_picture_goes_on_as_its_neighbours_do(texture):
    found = refined(texture, texture.roll(4, 3), (4.0, 0.0))
    # The last 4 columns have left, and what rolled in on the left is another texture.
    assert (found[0, :, :, -4:] - torch.tensor([4.0, 0.0]).view(2, 1, 1)).abs().max() < 0.2


def test_central_differences_repeat_the_border():
    image = torch.tensor([[1.0, 2.0, 4.0, 8.0], [0.0, 0.0, 0.0, 1.0]])
    across, down = torch.empty(2, 2, 4).unbind()
    central(image, 1, out=across)
    central(image, 0, out=down)
    assert across.tolist() == [[1.0, 3.0, 6.0, 4.0], [0.0, 0.0, 1.0, 1.0]]
    assert down.tolist() == [[-1.0, -2.0, -4.0, -7.0]] * 2
