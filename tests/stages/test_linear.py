import pytest
import torch

from toolkit.stages.linear import adjugate, determinant, solve, solve_positive, symmetric_eigen


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(3)


def test_a_system_is_solved_by_hand():
    matrix = torch.tensor([[0.0, 2.0], [4.0, 0.0]])  # without exchange, the first pivot is zero
    assert solve(matrix, torch.tensor([6.0, 8.0])).tolist() == [2.0, 3.0]


@pytest.mark.parametrize("size", [3, 5, 8, 9])
def test_a_batch_is_solved_as_lapack_does(generator, size):
    matrix = torch.randn(20, 2, size, size, dtype=torch.float64, generator=generator)
    right = torch.randn(20, 2, size, dtype=torch.float64, generator=generator)
    assert torch.allclose(solve(matrix, right), torch.linalg.solve(matrix, right), atol=1e-8)


def test_a_positive_system_needs_no_exchange(generator):
    root = torch.randn(7, 12, 8, dtype=torch.float64, generator=generator)
    matrix, right = root.mT @ root, torch.randn(7, 8, dtype=torch.float64, generator=generator)
    expected = torch.linalg.solve(matrix, right)
    assert torch.allclose(solve_positive(matrix, right), expected, atol=1e-9)


@pytest.mark.parametrize("solver", [solve, solve_positive])
def test_a_singular_system_has_finite_numbers(solver):
    assert torch.isfinite(solver(torch.zeros(2, 3, 3), torch.zeros(2, 3))).all()


def test_the_adjugate_is_the_inverse_times_the_determinant(generator):
    matrix = torch.randn(9, 3, 3, dtype=torch.float64, generator=generator)
    size = torch.linalg.det(matrix)
    assert torch.allclose(determinant(matrix), size)
    assert torch.allclose(adjugate(matrix), torch.linalg.inv(matrix) * size[:, None, None])


def test_a_singular_matrix_has_an_adjugate():
    assert adjugate(torch.zeros(3, 3)).abs().sum() == 0


@pytest.mark.parametrize("size", [3, 4, 9])
def test_eigenvectors_are_those_of_lapack(generator, size):
    root = torch.randn(11, size, size, generator=generator)
    matrix = root + root.mT
    values, vectors = symmetric_eigen(matrix)
    assert torch.allclose(values, torch.linalg.eigvalsh(matrix), atol=2e-5)
    assert torch.allclose(vectors @ torch.diag_embed(values) @ vectors.mT, matrix, atol=2e-5)
    assert torch.allclose(vectors.mT @ vectors, torch.eye(size).expand(11, -1, -1), atol=2e-5)


def test_a_multiple_of_the_identity_keeps_its_axes():
    values, vectors = symmetric_eigen(torch.eye(3) * 2)
    assert values.tolist() == [2.0, 2.0, 2.0]
    assert torch.equal(vectors, torch.eye(3))


def test_nothing_is_written_to():
    matrix, right = torch.eye(3) + 0.1, torch.rand(3)
    kept = matrix.clone(), right.clone()
    solve(matrix, right), solve_positive(matrix, right), symmetric_eigen(matrix), adjugate(matrix)
    assert torch.equal(matrix, kept[0])
    assert torch.equal(right, kept[1])
