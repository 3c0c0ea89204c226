import pytest
import torch

from toolkit.frame import Frame
from toolkit.pipeline import Pipeline
from toolkit.stages import matches
from toolkit.stages.declare import Features


def features_of(*descriptors, score=None):
    """Features at (0, 0), (1, 10), (2, 20) ... with 32 bytes each: (first byte, the others)."""
    count = len(descriptors)
    place = torch.arange(float(count))
    rows = [[first] + [rest] * 31 for first, rest in descriptors]
    ones = torch.ones(1, count)
    return Features(
        torch.stack((place, 10 * place), -1)[None],
        ones if score is None else torch.tensor([score]),
        ones,
        ones,
        torch.tensor([rows], dtype=torch.uint8),
    )


@pytest.fixture
def before():
    return features_of((0, 0), (0, 255), (0, 15), (0, 51))


@pytest.fixture
def after():
    """The second, the first with one bit changed, and one like nothing before."""
    return features_of((0, 255), (1, 0), (0, 85))


def test_what_is_alike_is_matched(run, before, after):
    found = run(matches, after, before)
    assert found.place.tolist() == [[1, 0, -1]]
    assert found.distance.tolist() == [[0, 1, 256]]
    assert found.is_valid.tolist() == [[True, True, False]]
    assert found.after.tolist() == [[[0, 0], [1, 10], [0, 0]]]
    assert found.before.tolist() == [[[1, 10], [0, 0], [0, 0]]]


def test_matches_are_pairs(run, before, after):
    found = run(matches, after, before)
    assert found.pairs.before is found.before
    assert found.pairs.after is found.after
    assert found.pairs.is_valid is found.is_valid


def test_pixels_are_refused(run, before):
    with pytest.raises(ValueError, match="matches compares features with descriptors of 256 bits"):
        run(matches, torch.rand(1, 1, 4, 4), before)


def test_there_is_a_place_for_each_feature_of_this_frame(run, before, after):
    found = run(matches, before, after)
    assert found.before.shape == found.after.shape == (1, 4, 2)
    assert found.place.shape == found.distance.shape == found.is_valid.shape == (1, 4)


def test_all_distances_are_counted(run):
    generator = torch.Generator().manual_seed(1)
    bits = torch.randint(0, 2, (2, 60, 256), generator=generator)
    weights = 2 ** torch.arange(8)
    one, other = features_of(*[(0, 0)] * 60), features_of(*[(0, 0)] * 60)
    packed = (bits.view(2, 1, 60, 32, 8) * weights).sum(-1).to(torch.uint8)
    one, other = one._replace(descriptor=packed[0]), other._replace(descriptor=packed[1])
    found = run(matches, one, other, ratio=1.0, most=128)
    expected = (bits[0][:, None] != bits[1][None]).sum(-1)
    assert int(found.is_valid.sum()) > 10
    for here, there in enumerate(found.place[0].tolist()):
        if there >= 0:
            least = expected[here].min()
            assert int(found.distance[0, here]) == expected[here, there] == least
            assert least == expected[:, there].min()


def test_two_that_look_alike_are_no_match(run):
    found = run(matches, features_of((0, 0)), features_of((1, 0), (2, 0)))
    assert not found.is_valid.any()


def test_of_two_that_want_the_same_one_is_matched(run):
    found = run(matches, features_of((3, 0), (1, 0)), features_of((0, 0), (0, 255)))
    assert found.is_valid.tolist() == [[False, True]]


def test_what_differs_in_too_many_bits_is_no_match(run, before, after):
    found = run(matches, after, before, most=0)
    assert found.is_valid.tolist() == [[True, False, False]]


def test_empty_places_match_nothing(run, before):
    nothing = before._replace(score=torch.zeros(1, 4))
    assert not run(matches, before, nothing).is_valid.any()
    assert not run(matches, nothing, before).is_valid.any()
    assert not run(matches, nothing, nothing, ratio=1.0, most=128).is_valid.any()


def test_the_first_frame_has_no_matches(after):
    found = matches.first(after)
    assert not found.is_valid.any()
    assert (found.place == -1).all()
    assert (found.distance == 256).all()


def test_features_can_be_matched_with_those_of_a_target(before, after):
    stage = matches.using("seen", prev_features="target")
    pipeline = Pipeline([stage], given=("features", "target"))
    frame = Frame.from_image(torch.zeros(1, 8, 8, dtype=torch.uint8))
    for name, value in (("features", after), ("target", before)):
        frame.attach(name, value)
    seen = [lent["seen"].place.tolist() for lent in pipeline.run([frame])]
    assert seen == [[[-1, -1, -1]]]  # the first frame has nothing to look back at
