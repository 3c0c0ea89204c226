import pytest
import torch

from toolkit.stages import crop


def test_a_rectangle_is_a_view(run):
    picture = torch.arange(24.0).view(1, 1, 4, 6)
    part = run(crop, picture, left=1, top=2, width=3, height=1)
    assert part.tolist() == [[[[13.0, 14.0, 15.0]]]]
    assert part.untyped_storage().data_ptr() == picture.untyped_storage().data_ptr()


def test_a_rectangle_that_leaves_the_picture_is_refused(run):
    with pytest.raises(ValueError, match=r"columns 4..8 and rows 0..3 are not all inside the 6x4"):
        run(crop, torch.rand(1, 1, 4, 6), left=4, width=5)
    with pytest.raises(ValueError, match="move the rectangle"):
        run(crop, torch.rand(1, 1, 4, 6), left=6)


def test_by_default_it_is_the_whole_picture(run):
    picture = torch.rand(1, 3, 4, 6)
    assert torch.equal(run(crop, picture), picture)


def test_thirty_frames_allocate_nothing(constants_of, allocated):
    picture = torch.rand(1, 3, 40, 60)
    constants = constants_of(crop, picture, left=10, top=5, width=20, height=20)
    assert allocated(lambda: [crop(picture, **constants) for _ in range(30)]) == []
