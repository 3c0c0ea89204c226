"""The emulated accelerator: a device of torch with memory of its own, on any machine."""

import pytest
import torch

from toolkit.devices import DeviceUnavailable, resolve


def test_a_tensor_moves_there_is_computed_on_and_comes_back(emu):
    picture = torch.arange(6.0).view(2, 3)
    moved = picture.to("emu")
    doubled = moved * 2
    assert (str(doubled.device), doubled.shape, doubled.dtype) == ("emu:0", (2, 3), torch.float32)
    assert doubled.cpu().tolist() == [[0, 2, 4], [6, 8, 10]]
    assert moved.is_emu
    assert not moved.is_cpu
    assert torch.emu is emu


@pytest.mark.parametrize("name", ["emu", "emu:0", torch.device("cpu")])
def test_it_is_asked_for_by_name(emu, name):
    assert resolve(name) in (torch.device("emu", 0), torch.device("cpu"))


def test_there_is_one_of_them(emu):
    assert (emu.device_count(), emu.current_device(), emu.is_available()) == (1, 0, True)
    with pytest.raises(DeviceUnavailable, match="the one emulated is 'emu:0'"):
        resolve("emu:1")


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(2, 3, device="emu"),
        lambda: torch.tensor([[1, 2], [3, 4]], device="emu"),
        lambda: torch.arange(4, device="emu"),
        lambda: torch.full((2,), 7.0, device="emu"),
        lambda: torch.empty(3, device="emu").fill_(1),
        lambda: torch.zeros(2, device="emu").new_ones(3),
        lambda: torch.linspace(0, 1, 5, device="emu"),
        lambda: torch.eye(2, device="emu").emu(),
    ],
)
def test_factories_make_tensors_there(emu, make):
    made = make()
    assert made.device.type == "emu"
    assert made.cpu().isfinite().all()


def test_random_numbers_are_those_of_the_host(emu):
    torch.manual_seed(3)
    here = torch.rand(5)
    torch.manual_seed(3)
    assert torch.rand(5, device="emu").cpu().equal(here)


def test_views_share_memory_and_writing_through_one_is_seen_by_all(emu):
    whole = torch.zeros(2, 3, device="emu")
    whole[1, :2].fill_(5)
    whole.T[0, 0] = 7
    assert whole.cpu().tolist() == [[7, 0, 0], [5, 5, 0]]


def test_results_go_where_out_says_and_change_its_shape(emu):
    ones, target = torch.ones(2, 2, device="emu"), torch.empty(0, device="emu")
    given = torch.add(ones, ones, out=target)
    assert given is target
    assert target.cpu().tolist() == [[2, 2], [2, 2]]


def test_operands_on_two_sides_are_refused_as_on_cuda(emu):
    with pytest.raises(RuntimeError, match=r"same device.*emu:0 and cpu!.*\.to\('emu:0'\)"):
        torch.ones(2, device="emu") + torch.ones(2)
    with pytest.raises(RuntimeError, match="same device"):
        torch.cat([torch.ones(2, device="emu"), torch.ones(2)])


def test_a_single_number_on_the_host_is_no_operand(emu):
    assert (torch.ones(2, device="emu") * torch.tensor(3.0)).cpu().tolist() == [3, 3]


@pytest.mark.parametrize(
    ("reach", "error", "text"),
    [
        (lambda one: one.numpy(), TypeError, r"Use Tensor\.cpu\(\)"),
        (lambda one: one.__array__(), TypeError, r"Use Tensor\.cpu\(\)"),
        (lambda one: torch.from_dlpack(one), BufferError, r"hand out tensor\.cpu\(\)"),
        (lambda one: one.data_ptr(), RuntimeError, r"no address.*tensor\.cpu\(\)"),
        (lambda one: one.share_memory_(), RuntimeError, r"share tensor\.cpu\(\)"),
        (lambda one: one.pin_memory(), RuntimeError, r"call \.cpu\(\) first"),
        (lambda one: one.to("meta"), RuntimeError, r"go by \.cpu\(\)"),
        (lambda one: one.to_sparse(), NotImplementedError, r"\.to_dense\(\)"),
    ],
)
def test_what_would_reach_its_memory_fails_and_says_what_to_do(emu, reach, error, text):
    with pytest.raises(error, match=text):
        reach(torch.ones(2, device="emu"))


def test_values_are_read_by_downloads(emu):
    made = torch.tensor([1.5, 2.5], device="emu")
    assert made.tolist() == [1.5, 2.5]
    assert made[1].item() == 2.5
    assert float(made.sum()) == 4.0
    assert f"{made.sum():.2f}" == "4.00"
    assert made.numpy(force=True).tolist() == [1.5, 2.5]
    assert repr(made) == "tensor([1.5000, 2.5000], device='emu:0')"
    assert "requires_grad=True" in repr(made.clone().requires_grad_())


def test_inference_mode_gives_views_and_results(emu):
    made = torch.ones(2, 2, device="emu")
    with torch.inference_mode():
        assert (made[0] + 1).cpu().tolist() == [2, 2]
        assert made.view(-1).cpu().tolist() == [1, 1, 1, 1]


def test_an_operator_without_a_kernel_says_so(emu):
    values = torch.ones(1, 4, 8, 8, device="emu", dtype=torch.half)
    with pytest.raises(NotImplementedError, match=r"no kernel for the host.*with \.cpu\(\)"):
        torch.ops.aten.cudnn_convolution(
            values, values, [0, 0], [1, 1], [1, 1], 1, False, False, True
        )
