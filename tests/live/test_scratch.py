"""Is the memory of one picture that of the next?"""

import torch

from toolkit.live.scratch import Scratch


def test_whoever_comes_next_takes_the_same_blocks():
    scratch = Scratch(torch.device("cpu"))
    first, second = scratch.take((2, 3)), scratch.take((4,), torch.uint8)
    assert first.dtype == torch.float32
    assert scratch.nbytes == 2 * 3 * 4 + 4
    scratch.rewind()
    assert scratch.take((1, 5)).data_ptr() == first.data_ptr()
    assert scratch.take((2,), torch.uint8).data_ptr() == second.data_ptr()
    assert not scratch.has_grown


def test_blocks_of_one_user_lie_apart():
    scratch = Scratch(torch.device("cpu"))
    first, second = scratch.take((3,)).fill_(1.0), scratch.take((3,)).fill_(2.0)
    assert (first.tolist(), second.tolist()) == ([1.0] * 3, [2.0] * 3)


def test_a_larger_block_takes_the_place_of_one_that_is_too_small():
    scratch = Scratch(torch.device("cpu"))
    scratch.take((2,))
    scratch.rewind()
    scratch.take((3,))
    assert scratch.has_grown
    assert scratch.nbytes == 3 * 4
    scratch.rewind()
    assert not scratch.has_grown
