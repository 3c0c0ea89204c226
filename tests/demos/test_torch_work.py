"""What a quantum computes: as many steps as its cost holds, of a few lines of torch a kind."""

import pytest
import torch

from toolkit.demos.kernels import Kernel, convolution
from toolkit.demos.torch_work import TinyLanguageModel, TorchWork
from toolkit.demos.workload import KINDS


@pytest.fixture(scope="module")
def work():
    return TorchWork(seed=3)


def test_a_kernel_is_called_as_often_as_its_cost_fits():
    calls = []
    kernel = Kernel(lambda: calls.append(1))
    kernel.call_ns = 100.0
    calls.clear()
    kernel.run(1000)
    assert len(calls) == 10


def test_a_quantum_is_one_call_at_least():
    calls = []
    kernel = Kernel(lambda: calls.append(1))
    kernel.call_ns = 100.0
    calls.clear()
    kernel.run(1)
    assert len(calls) == 1


def test_measuring_leaves_the_caller_s_torch_threads_as_they_are():
    before = torch.get_num_threads()
    assert convolution().call_ns > 0
    assert torch.get_num_threads() == before


def test_every_kind_of_the_workload_has_something_to_compute(work):
    assert set(work.kernels) == set(KINDS)
    for kind in KINDS:
        work(kind, 1)


def test_models_are_seeded_and_the_caller_s_random_numbers_are_left_alone(monkeypatch):
    monkeypatch.setattr(Kernel, "_measure", lambda kernel: None)
    torch.manual_seed(11)
    expected = torch.rand(1)
    torch.manual_seed(11)
    tokens = [TorchWork(seed).kernels["chat"].call().item() for seed in (5, 5)]
    assert torch.rand(1) == expected
    assert tokens[0] == tokens[1]


def test_the_language_model_looks_back_and_not_ahead():
    torch.manual_seed(0)
    model = TinyLanguageModel().eval()
    tokens = torch.arange(32)[None]
    changed = tokens.clone()
    changed[0, -1] = 200
    with torch.no_grad():
        hidden = [
            model.layers(model.embedding(one) + model.place, model.mask)
            for one in (tokens, changed)
        ]
    assert torch.allclose(hidden[0][:, :-1], hidden[1][:, :-1])
    assert not torch.allclose(hidden[0][:, -1], hidden[1][:, -1])


def test_training_learns(work):
    losses = [float(work.kernels["train"].call()) for _ in range(50)]
    assert losses[-1] < losses[0]
