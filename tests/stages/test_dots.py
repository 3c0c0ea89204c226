"""Dots on a picture of 2x3 px, by hand."""

import torch

from toolkit.stages.dots import blank, copied, dot_values, draw_dots, prepare_canvas

CPU = torch.device("cpu")


def test_a_dot_colours_its_pixel_and_no_other():
    rgb = torch.zeros(1, 3, 2, 3)
    memory = copied(rgb)
    values = dot_values("orange", 1, CPU)
    place = torch.tensor([[2, 1]])
    draw_dots(memory, place, torch.tensor([True]), values, on=prepare_canvas(2, 3, CPU))
    drawn = memory[:-1].view(rgb.shape)
    assert drawn[0, :, 1, 2].tolist() == [1.0, 0.5, 0.0]
    drawn[0, :, 1, 2] = 0
    assert not drawn.any()
    assert not rgb.any()


def test_what_is_hidden_or_outside_goes_to_the_spare_number():
    memory = copied(torch.zeros(1, 3, 2, 3))
    place = torch.tensor([[0, 0], [-1, 0], [3, 1], [0, 2], [1, -1]])
    is_shown = torch.tensor([False, True, True, True, True])
    draw_dots(memory, place, is_shown, dot_values("white", 5, CPU), on=prepare_canvas(2, 3, CPU))
    assert not memory[:-1].any()
    assert float(memory[-1]) == 1.0


def test_one_flag_may_stand_for_several_dots():
    memory = copied(torch.zeros(1, 3, 2, 3))
    place = torch.tensor([[[0, 0], [1, 0]], [[0, 1], [1, 1]]])
    is_shown = torch.tensor([[True], [False]])
    draw_dots(memory, place, is_shown, dot_values("white", 4, CPU), on=prepare_canvas(2, 3, CPU))
    assert memory[:6].view(2, 3).tolist() == [[1.0, 1.0, 0.0], [0.0, 0.0, 0.0]]


def test_memory_is_the_picture_and_one_number():
    assert blank(torch.zeros(1, 3, 4, 5)).shape == (61,)
