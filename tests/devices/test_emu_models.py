"""Models on the emulated device: they move, learn, are saved and copied."""

import copy
import io
import pickle
import subprocess
import sys

import pytest
import torch
from torch import nn


def small():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2))


@pytest.fixture
def picture():
    torch.manual_seed(1)
    return torch.rand(2, 3, 8, 8)


def test_a_model_moves_and_gives_the_host_s_result(emu, picture):
    here = small()(picture)
    there = small().to("emu")(picture.to("emu"))
    assert torch.equal(there.cpu(), here)


def test_it_learns_as_on_the_host(emu, picture):
    losses = {}
    for device in ("cpu", "emu"):
        model = small().to(device)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(3):
            optimizer.zero_grad()
            loss = model(picture.to(device)).square().mean()
            loss.backward()
            optimizer.step()
        losses[device] = loss.item()
    assert losses["emu"] == pytest.approx(losses["cpu"], rel=1e-5)


def test_its_state_is_saved_and_loaded(emu):
    model = small().to("emu")
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    state = torch.load(file)
    assert {value.device.type for value in state.values()} == {"emu"}
    other = small().to("emu")
    other[0].weight.data.zero_()
    other.load_state_dict(state)
    assert torch.equal(other[0].weight.cpu(), model[0].weight.cpu())
    on_host = small()
    on_host.load_state_dict(state)
    assert torch.equal(on_host[0].weight, model[0].weight.cpu())


def test_it_is_copied_deeply(emu):
    model = small().to("emu")
    twin = copy.deepcopy(model)
    twin[0].weight.data.zero_()
    assert isinstance(twin[0].weight, nn.Parameter)
    assert twin[0].weight.requires_grad
    assert model[0].weight.abs().sum().item() > 0
    assert "Parameter containing:" in repr(twin[0].bias)


def test_a_result_with_gradients_is_not_copied_deeply(emu):
    result = torch.ones(2, device="emu", requires_grad=True) * 2
    with pytest.raises(RuntimeError, match=r"copy tensor\.detach\(\)"):
        copy.deepcopy(result)


def test_a_tensor_is_pickled_with_its_gradients_wish(emu):
    there = torch.arange(3.0, device="emu").requires_grad_()
    loaded = pickle.loads(pickle.dumps(there))
    assert (loaded.device.type, loaded.requires_grad) == ("emu", True)
    assert loaded.tolist() == [0, 1, 2]


def test_a_process_that_loads_one_gets_the_device_with_it(emu, tmp_path):
    path = tmp_path / "tensor.pickle"
    path.write_bytes(pickle.dumps(torch.arange(3.0, device="emu")))
    script = f"import pickle; print(pickle.load(open({str(path)!r}, 'rb')))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "tensor([0., 1., 2.], device='emu:0')"


def test_gradients_are_those_of_the_host(emu):
    here = torch.arange(6.0).view(2, 3).requires_grad_()
    there = here.detach().to("emu").requires_grad_()
    for one in (here, there):
        (one.exp() * one.T.reshape(2, 3)).sum().backward()
    assert there.grad.device.type == "emu"
    assert torch.equal(there.grad.cpu(), here.grad)


@pytest.mark.parametrize("kind", [nn.LSTM, nn.GRU, nn.RNN])
def test_recurrent_nets_give_results_and_gradients_of_the_host(emu, kind):
    torch.manual_seed(0)
    net, words = kind(3, 4, num_layers=2), torch.rand(5, 2, 3)
    there = copy.deepcopy(net).to("emu")
    here_out, there_out = net(words)[0], there(words.to("emu"))[0]
    assert torch.allclose(there_out.cpu(), here_out, atol=1e-6)
    here_out.square().sum().backward()
    there_out.square().sum().backward()
    pairs = zip(net.parameters(), there.parameters(), strict=True)
    assert all(torch.allclose(two.grad.cpu(), one.grad, atol=1e-5) for one, two in pairs)


def test_sequences_of_several_lengths_are_packed(emu):
    torch.manual_seed(0)
    net, words, lengths = nn.LSTM(3, 4), torch.rand(5, 2, 3), torch.tensor([5, 3])
    packed = nn.utils.rnn.pack_padded_sequence
    here = net(packed(words, lengths))[0].data
    there = net.to("emu")(packed(words.to("emu"), lengths))[0].data
    assert torch.allclose(there.cpu(), here, atol=1e-6)
