import torch

from toolkit.stages.replenish import cells, fill, is_oldest, is_remote

CPU = torch.device("cpu")


def flags(text):
    return torch.tensor([one == "x" for one in text])


def test_offers_go_to_free_places_in_order():
    is_filled, offer, turn = fill(flags("x..xx"), flags(".x.x."), torch.arange(5))
    assert is_filled.tolist() == [True, False, False, True, False]
    assert (int(offer[0]), int(offer[3])) == (1, 3)
    assert (int(turn[0]), int(turn[3])) == (0, 1)


def test_more_offers_than_places_fill_all_places():
    is_filled, offer, _ = fill(flags(".x.x"), flags("xxxx"), torch.arange(4))
    assert is_filled.tolist() == [False, True, False, True]
    assert (int(offer[1]), int(offer[3])) == (0, 1)


def test_no_offer_fills_nothing():
    is_filled, _, _ = fill(flags("xxx"), flags("..."), torch.arange(3))
    assert not is_filled.any()


def test_a_point_is_remote_when_no_other_is_within_a_cell():
    grid = cells(10, 60, 80, CPU)
    others = torch.tensor([[35.0, 35.0], [75.0, 5.0]])
    asked = torch.tensor([[35.0, 35.0], [45.0, 25.0], [55.0, 35.0], [5.0, 5.0], [75.0, 5.0]])
    assert is_remote(asked, others, flags("x."), grid).tolist() == [False, False, True, True, True]


def test_remote_points_are_further_away_than_a_cell():
    grid = cells(7, 100, 130, CPU)
    asked, others = torch.rand(400, 2) * 100, torch.rand(30, 2) * 100
    remote = is_remote(asked, others, torch.ones(30, dtype=torch.bool), grid)
    distance = (asked[:, None] - others).abs().amax(-1).amin(-1)  # along x or y
    assert 0 < remote.sum() < 400
    assert distance[remote].min() > 7
    assert remote[distance > 14].all()


def test_a_point_outside_of_the_picture_counts_for_the_nearest_cell():
    grid = cells(10, 60, 80, CPU)
    assert grid.of(torch.tensor([[-50.0, -50.0], [500.0, 500.0]])).tolist() == [0, 47]


def test_of_two_points_in_a_cell_the_older_one_stays():
    grid = cells(2, 60, 80, CPU)
    xy = torch.tensor([[10.2, 10.2], [11.9, 10.1], [20.0, 20.0], [20.1, 20.1]])
    identity = torch.tensor([9, 4, 1, 7])
    assert is_oldest(xy, identity, flags("xx.x"), grid).tolist() == [False, True, False, True]
