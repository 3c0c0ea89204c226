"""What scenes are drawn with: textures, worlds, light, the atlas, and the way to 4:2:0."""

from __future__ import annotations

import pytest
import torch

from toolkit.media.atlas import build_atlas, sample_page
from toolkit.media.chroma import LUMA_WEIGHTS, copy_rgb_to_i420
from toolkit.media.light import bake_light
from toolkit.media.render import build_geometry, cast, coefficients
from toolkit.media.textures import PAINTERS, noise
from toolkit.media.worlds import KINDS, Rect, World, build_world


def generator(seed=1):
    return torch.Generator().manual_seed(seed)


def one_rect(painter="mosaic"):
    wall = Rect("wall", painter, (0.0, 0.0, 2.0), (1.0, 0.0, 0.0), (0.0, 0.5, 0.0), True)
    return World((wall,), (0.0, -1.0, 0.0), (0.0, 0.0, 2.0), 1.0)


@pytest.mark.parametrize("name", sorted(PAINTERS))
def test_a_painter_paints_the_same_rich_picture_for_a_seed(name):
    picture = PAINTERS[name](90, 120, 100.0, generator())
    assert picture.shape == (3, 90, 120)
    assert picture.dtype == torch.float32
    assert 0 <= float(picture.min()) < float(picture.max()) <= 1
    assert float(picture.std()) > 0.05
    assert torch.equal(picture, PAINTERS[name](90, 120, 100.0, generator()))
    assert not torch.equal(picture, PAINTERS[name](90, 120, 100.0, generator(2)))


@pytest.mark.parametrize("name", sorted(PAINTERS))
@pytest.mark.parametrize("size", [(16, 16), (17, 200)])
def test_a_painter_fills_small_and_narrow_surfaces(name, size):
    picture = PAINTERS[name](*size, 20.0, generator())
    assert picture.shape == (3, *size)
    assert torch.isfinite(picture).all()


def test_noise_has_blobs_of_the_size_asked_for():
    fine, coarse = (noise(128, 128, cell, generator(), octaves=1) for cell in (4.0, 32.0))
    steep = [(one[:, 1:] - one[:, :-1]).abs().mean() for one in (fine, coarse)]
    assert float(steep[0]) > 4 * float(steep[1])


@pytest.mark.parametrize("kind", KINDS)
def test_every_surface_has_perpendicular_sides_and_a_name_of_its_own(kind):
    world = build_world(kind, 5)
    for rect in world.rects:
        assert abs(sum(a * b for a, b in zip(rect.u, rect.v, strict=True))) < 1e-12
        assert rect.painter in PAINTERS
    assert len({rect.name for rect in world.rects}) == len(world.rects)


def test_the_seed_moves_the_furniture():
    assert build_world("room", 1) != build_world("room", 2)
    assert build_world("room", 1) == build_world("room", 1)


def test_light_is_weaker_behind_an_obstacle():
    floor = Rect("floor", "stone", (0.0, 1.0, 0.0), (2.0, 0.0, 0.0), (0.0, 0.0, -2.0))
    shade = Rect("shade", "stone", (0.0, 0.0, 0.0), (0.5, 0.0, 0.0), (0.0, 0.0, -0.5), True)
    lit = bake_light(World((floor, shade), (0.0, -2.0, 0.0), (0.0, 1.0, 0.0), 1.0))[0]
    middle = lit[lit.shape[0] // 2, lit.shape[1] // 2]
    aside = lit[lit.shape[0] // 2, lit.shape[1] // 8]
    assert float(middle) < 0.7 * float(aside)


def test_an_atlas_gives_back_the_texel_it_was_asked_for():
    atlas = build_atlas(one_rect(), 3, 20.0, torch.device("cpu"))
    width, height = int(atlas.width[0]), int(atlas.height[0])
    row, column = 3, 5
    a = torch.tensor([(column + 0.5) / width * 2 - 1])
    b = torch.tensor([(row + 0.5) / height * 2 - 1])
    texel = sample_page(atlas, torch.tensor([0]), a, b)[0]
    stored = atlas.texels.view(torch.uint8).view(-1, 4)[row * width + column]
    assert texel.tolist() == pytest.approx(stored.float().tolist(), abs=1e-2)


def test_a_ray_meets_the_rectangle_where_geometry_says():
    geometry = build_geometry(one_rect(), torch.device("cpu"))
    k = torch.tensor([[100.0, 0, 50], [0, 100, 40], [0, 0, 1]], dtype=torch.float64)
    eye = torch.eye(3, dtype=torch.float64), torch.zeros(3, dtype=torch.float64)
    x = torch.tensor([[50.0, 90.0, 101.0]], dtype=torch.float64)  # u ends at px 50 + 100 / 2
    met = cast(coefficients(geometry, *eye, k), x, torch.tensor([[40.0]], dtype=torch.float64))
    assert met.rect.tolist() == [[0, 0, -1]]
    assert met.inverse_depth.tolist() == [[0.5, 0.5, 0.0]]
    assert (met.across / met.inverse_depth)[0, 1].item() == pytest.approx(0.8)


@pytest.mark.parametrize("matrix", sorted(LUMA_WEIGHTS))
def test_gray_has_no_colour_and_white_is_235(matrix):
    planes = tuple(torch.zeros(size, dtype=torch.uint8) for size in ((2, 4), (1, 2), (1, 2)))
    copy_rgb_to_i420(torch.ones(3, 2, 4), planes, matrix=matrix)
    assert [set(plane.flatten().tolist()) for plane in planes] == [{235}, {128}, {128}]
    copy_rgb_to_i420(torch.zeros(3, 2, 4), planes, matrix=matrix, full_range=True)
    assert [set(plane.flatten().tolist()) for plane in planes] == [{0}, {128}, {128}]


def test_an_unknown_matrix_is_refused():
    plane = torch.zeros(2, 2, dtype=torch.uint8)
    with pytest.raises(ValueError, match="matrix = 'smpte'"):
        copy_rgb_to_i420(torch.zeros(3, 2, 2), (plane, plane, plane), matrix="smpte")
