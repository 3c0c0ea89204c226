import math

import pytest
import torch

from toolkit.stages import blur, pyramid
from toolkit.stages.lucas_kanade import follow, iterations_of, readers, with_margins

CPU = torch.device("cpu")


def texture(height=120, width=160, seed=0, way=(0.0, 0.0)):
    """Waves of many lengths, which can be moved by any fraction of a pixel exactly."""
    generator = torch.Generator().manual_seed(seed)
    length = 8 * 8 ** torch.rand(30, generator=generator, dtype=torch.float64)
    angle, phase = 2 * math.pi * torch.rand(2, 30, generator=generator, dtype=torch.float64)
    y = torch.arange(height, dtype=torch.float64)[:, None, None] - way[1]
    x = torch.arange(width, dtype=torch.float64)[:, None] - way[0]
    waves = torch.sin((x * angle.cos() + y * angle.sin()) * (2 * math.pi / length) + phase)
    return (0.5 + waves.sum(-1) / 30).float()[None, None]


@pytest.fixture
def find(run):
    def make(before, after, xy, window=15, levels=3, count=8, guess=None):
        before, after = (run(pyramid, one, levels=levels) for one in (before, after))
        constants = readers(window, [tuple(one.shape[-2:]) for one in before], CPU)
        return follow(
            with_margins(before, constants),
            with_margins(after, constants),
            xy,
            levels=constants,
            iterations=iterations_of(count, levels),
            guess=guess,
        )

    return make


def points(count=40):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(count, 2, generator=generator) * torch.tensor([110.0, 70.0]) + 25


@pytest.mark.parametrize("way", [(0.0, 0.0), (0.4, -0.3), (3.3, 2.7), (-9.5, 6.2)])
def test_a_shift_is_found_to_a_fraction_of_a_pixel(find, way):
    found = find(texture(), texture(way=way), points())
    error = (found.xy - points() - torch.tensor(way)).norm(dim=-1)
    assert error.median() < 0.02
    assert error.max() < 0.1
    assert (found.mismatch < 0.5).all()


def test_every_level_takes_steps_and_the_coarsest_takes_most():
    assert iterations_of(5, 4) == (5, 5, 5, 20)


@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_a_window_without_texture_stays_and_says_so(find, value):
    flat = torch.full((1, 1, 60, 80), value)
    found = find(flat, flat, points() / 2)
    assert torch.allclose(found.xy, points() / 2)
    assert (found.slope < 1e-4).all()
    assert torch.isfinite(found.mismatch).all()


def test_an_edge_has_no_slope_along_itself(find, run):
    edge = torch.zeros(1, 1, 60, 80)
    edge[..., 40:] = 1.0
    found = find(run(blur, edge), run(blur, edge), torch.tensor([[40.0, 30.0]]))
    assert found.slope.item() < 1e-3
    assert torch.isfinite(found.xy).all()


def test_what_looks_different_has_a_mismatch(find):
    found = find(texture(seed=0), texture(seed=5), points())
    assert found.mismatch.median() > 1.5


def test_a_little_more_light_as_a_whole_is_no_mismatch(find, monkeypatch):
    lit = find(texture(), texture() + 0.01, points()).mismatch
    monkeypatch.setattr("toolkit.stages.lucas_kanade.BRIGHTER", 0.0)
    assert lit.median() < 0.6 * find(texture(), texture() + 0.01, points()).mismatch.median()


def test_a_guess_is_where_it_begins(find):
    xy, far = points() + torch.tensor([-10.0, 15.0]), torch.tensor([24.0, -15.0])
    found = find(texture(), texture(way=far.tolist()), xy, levels=2, guess=xy + far + 0.7)
    assert ((found.xy - xy - far).norm(dim=-1) < 0.05).all()


def test_windows_may_hang_over_the_border(find):
    picture = texture()
    corners = torch.tensor([[0.0, 0.0], [159.0, 119.0], [2.0, 60.0], [80.0, 117.0]])
    found = find(picture, picture, corners)
    assert torch.allclose(found.xy, corners, atol=1e-3)


def test_the_answer_is_finite_for_noise_and_for_points_anywhere(find):
    wild = torch.tensor([[-1e4, 1e4], [1e6, 0.0], [5.0, -3.0]])
    found = find(torch.rand(1, 1, 60, 80), torch.rand(1, 1, 60, 80), wild)
    assert all(torch.isfinite(one).all() for one in found)
