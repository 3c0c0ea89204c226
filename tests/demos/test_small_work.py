"""Do the pieces of work that lessons schedule do what they say?"""

import torch

from toolkit.demos.small_work import Filter, Learner, Talker


def test_a_filter_gives_a_blurred_picture_the_same_each_time():
    blur = Filter()
    picture = blur()
    assert picture.shape == (1, 3, 180, 320)
    assert torch.equal(picture, blur())
    assert not picture.requires_grad


def test_a_talker_goes_on_from_what_it_knows():
    talker = Talker()
    first = talker.word(talker.begin())
    assert first.shape == (1, 512)
    assert not torch.equal(first, talker.word(first))


def test_a_word_leaves_the_mode_of_its_thread_alone():
    talker = Talker()
    talker.word(talker.begin())
    assert not torch.is_inference_mode_enabled()


def test_a_learner_gets_better():
    torch.manual_seed(0)
    learner = Learner()
    losses = [float(learner.step()) for _ in range(20)]
    assert losses[-1] < losses[0]
