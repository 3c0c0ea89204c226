import pytest
import torch

from toolkit.stages.scales import lay_out, render_sheet


def cells_of(sheet):
    """How many copies lie on each cell of the sheet."""
    taken = torch.zeros(sheet.height // sheet.cell, sheet.width // sheet.cell, dtype=torch.int64)
    for level in sheet.levels:
        taken[level.in_cells(sheet.cell)] += 1
    return taken


@pytest.mark.parametrize("cell", [1, 3, 4, 16])
@pytest.mark.parametrize(("height", "width"), [(480, 640), (97, 131), (640, 100)])
def test_no_two_copies_share_a_cell_and_all_are_on_the_sheet(height, width, cell):
    sheet = lay_out(height, width, levels=8, factor=1.2, smallest=20, cell=cell)
    taken = cells_of(sheet)
    assert int(taken.max()) == 1
    assert int(taken.sum()) == sum(
        -(-one.height // cell) * -(-one.width // cell) for one in sheet.levels
    )
    assert all(one.top % cell == 0 == one.left % cell for one in sheet.levels)


def test_each_copy_is_smaller_by_the_factor():
    sheet = lay_out(480, 640, levels=3, factor=1.25, smallest=20, cell=4)
    assert [(one.height, one.width) for one in sheet.levels] == [(480, 640), (384, 512), (307, 410)]


def test_small_copies_lie_beside_each_other():
    sheet = lay_out(480, 640, levels=8, factor=1.2, smallest=39, cell=4)
    area = sum(one.height * one.width for one in sheet.levels)
    assert area > 0.8 * sheet.height * sheet.width


def test_copies_that_would_be_too_small_are_left_out():
    sheet = lay_out(50, 200, levels=8, factor=1.2, smallest=39, cell=4)
    assert [one.height for one in sheet.levels] == [50, 42]


def test_the_first_copy_is_the_picture_and_the_space_between_is_zero():
    picture = torch.rand(1, 1, 50, 61) + 0.1
    sheet = lay_out(50, 61, levels=3, factor=1.5, smallest=4, cell=8)
    drawn = render_sheet(picture, sheet)
    first = sheet.levels[0]
    assert torch.equal(drawn[..., first.rows, first.columns], picture)
    for level in sheet.levels:
        drawn[..., level.rows, level.columns] = 0
    assert float(drawn.abs().sum()) == 0


def test_a_ramp_stays_a_ramp_at_its_place():
    """Px x of a copy shows (x + 0.5) factor - 0.5 of the picture."""
    ramp = torch.arange(60.0).expand(1, 1, 48, 60).contiguous()
    sheet = lay_out(48, 60, levels=2, factor=1.2, smallest=4, cell=4)
    level = sheet.levels[1]
    copy = render_sheet(ramp, sheet)[0, 0, level.rows, level.columns]
    expected = (torch.arange(float(level.width)) + 0.5) * 60 / level.width - 0.5
    assert torch.allclose(copy[7, 1:-1], expected[1:-1], atol=1e-4)
