import pytest
import torch

from toolkit.stages.linear import adjugate, determinant, solve_positive


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(3)


def test_a_system_is_solved_by_hand():
    matrix = torch.tensor([[2.0, 1.0], [1.0, 3.0]])
    assert solve_positive(matrix, torch.tensor([4.0, 7.0])).tolist() == [1.0, 2.0]


def test_a_positive_system_needs_no_exchange(generator):
    root = torch.randn(7, 12, 8, dtype=torch.float64, generator=generator)
    matrix, right = root.mT @ root, torch.randn(7, 8, dtype=torch.float64, generator=generator)
    expected = torch.linalg.solve(matrix, right)
    assert torch.allclose(solve_positive(matrix, right), expected, atol=1e-9)


@pytest.mark.parametrize("size", [3, 6, 8])
def test_a_singular_system_has_finite_numbers(generator, size):
    assert torch.isfinite(solve_positive(torch.zeros(2, 3, 3), torch.zeros(2, 3))).all()
    row = 1e3 * torch.randn(200, size, 1, generator=generator)
    flat = row @ row.mT  # of rank one: all pivots but the first are roundoff, or nothing
    assert torch.isfinite(solve_positive(flat, row[..., 0])).all()
    assert torch.isfinite(solve_positive(flat, torch.ones(200, size))).all()


def test_the_adjugate_is_the_inverse_times_the_determinant(generator):
    matrix = torch.randn(9, 3, 3, dtype=torch.float64, generator=generator)
    size = torch.linalg.det(matrix)
    assert torch.allclose(determinant(matrix), size)
    assert torch.allclose(adjugate(matrix), torch.linalg.inv(matrix) * size[:, None, None])


def test_a_singular_matrix_has_an_adjugate():
    assert adjugate(torch.zeros(3, 3)).abs().sum() == 0


def test_nothing_is_written_to():
    matrix, right = torch.eye(3) + 0.1, torch.rand(3)
    kept = matrix.clone(), right.clone()
    solve_positive(matrix, right), adjugate(matrix), determinant(matrix)
    assert torch.equal(matrix, kept[0])
    assert torch.equal(right, kept[1])
