"""Calls of which the stream tells all by itself: listening to one says what a look into it says."""

import pytest
import torch
from torch.nn import functional

from toolkit import hooks
from toolkit.profiling import call_kinds, profile, watch
from toolkit.profiling.in_place import stays_on_host

PICTURE = torch.arange(2 * 3 * 20 * 30, dtype=torch.float32).reshape(2, 3, 20, 30)
SIDEWAYS = PICTURE.transpose(2, 3)  # not in one piece, so that many must copy it first
MATRIX = torch.arange(120.0).reshape(10, 12)
NUMBERS = torch.tensor([3, 1, 2])
FILTER = torch.ones(4, 3, 3, 3)
CALLS = {
    "to a dtype": lambda: PICTURE.to(torch.float64),
    "to a copy": lambda: PICTURE.to(torch.float32, copy=True),
    "to itself": lambda: PICTURE.to(torch.float32),
    "to, by name": lambda: SIDEWAYS.to(dtype=torch.uint8),
    "float": lambda: NUMBERS.float(),
    "half": lambda: SIDEWAYS.half(),
    "bool": lambda: MATRIX.bool(),
    "clone": lambda: SIDEWAYS.clone(),
    "contiguous": lambda: SIDEWAYS.contiguous(),
    "contiguous already": lambda: PICTURE.contiguous(),
    "flatten": lambda: SIDEWAYS.flatten(1),
    "flatten, a view": lambda: PICTURE.flatten(1),
    "reshape": lambda: SIDEWAYS.reshape(6, 600),
    "ravel": lambda: SIDEWAYS.ravel(),
    "repeat": lambda: MATRIX.repeat(2, 3),
    "tile": lambda: MATRIX.tile(2, 3),
    "stack": lambda: torch.stack((MATRIX, MATRIX)),
    "cat": lambda: torch.cat([MATRIX, MATRIX.t()[:10, :2]], dim=1),
    "cat of two dtypes": lambda: torch.cat([NUMBERS, MATRIX[0]]),
    "pad, reflected": lambda: functional.pad(SIDEWAYS, (1, 1, 1, 1), mode="reflect"),
    "pad, constant": lambda: functional.pad(SIDEWAYS, (1, 1), value=2),
    "interpolate": lambda: functional.interpolate(SIDEWAYS, scale_factor=2, mode="bilinear"),
    "max_pool2d": lambda: functional.max_pool2d(SIDEWAYS, 2),
    "avg_pool2d": lambda: functional.avg_pool2d(SIDEWAYS, 2),
    "index_select": lambda: SIDEWAYS.index_select(0, torch.zeros(1, dtype=torch.long)),
    "topk": lambda: SIDEWAYS.topk(3),
    "sort": lambda: SIDEWAYS.sort(),
    "argsort": lambda: NUMBERS.argsort(),
    "mm": lambda: MATRIX.mm(MATRIX.t()),
    "matmul": lambda: torch.matmul(PICTURE, SIDEWAYS),
    "bmm": lambda: torch.bmm(PICTURE[0], SIDEWAYS[0]),
    "addmm": lambda: torch.addmm(MATRIX[0], MATRIX[:, :10], MATRIX),
    "baddbmm": lambda: torch.baddbmm(NUMBERS.float()[:1], PICTURE[0], SIDEWAYS[0]),
    "conv2d": lambda: functional.conv2d(SIDEWAYS, FILTER),
}


@pytest.fixture(autouse=True)
def host_only(monkeypatch):
    """A device that is emulated needs a look."""
    monkeypatch.delattr(torch, "emu", raising=False)


def told(work, monkeypatch, *, is_listened_to):
    """Copies and lines of one stage that does `work`, on a frame that was not looked at."""
    taken = []
    listen_to = watch.Watch._listen_to
    with monkeypatch.context() as patched, profile("lines") as session:
        patched.setattr(
            watch, "stays_on_host", lambda *call: is_listened_to and stays_on_host(*call)
        )
        patched.setattr(
            watch.Watch, "_listen_to", lambda *call: taken.append(call[1]) or listen_to(*call)
        )
        for index in range(5):
            hooks.frame_begin(index)
            with hooks.scope("work", index):
                work()
            hooks.frame_end(index)
    tally = session.frames[4].stages["", "work"]
    lines = [
        (line.op, line.source.partition(" < ")[0], line.counts)
        for line in session.lines()
        if line.stage == "work"
    ]
    return bool(taken), tally.copies, tally.unsized_copies, tally.allocations, lines


@pytest.mark.parametrize("work", CALLS.values(), ids=CALLS)
def test_it_says_what_a_look_says(work, monkeypatch):
    work()
    is_looked_into = told(work, monkeypatch, is_listened_to=False)
    is_heard = told(work, monkeypatch, is_listened_to=True)
    assert (is_looked_into[0], is_heard[0]) == (False, True)
    assert is_heard[1:] == is_looked_into[1:]


def test_every_function_of_the_list_is_one_of_torch():
    assert all(
        hasattr(torch.Tensor, name) or hasattr(torch, name) or hasattr(functional, name)
        for name in call_kinds._TOLD
    )


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((PICTURE, "cpu"), {}),
        ((PICTURE,), {"device": "cpu"}),
        ((PICTURE, torch.device("cpu")), {}),
        ((PICTURE.to("meta"),), {}),
        (((MATRIX, MATRIX.to("meta")),), {}),
        ((torch.nn.Parameter(MATRIX),), {}),
    ],
    ids=["a name", "a device by name", "a device", "meta", "in a list", "a class of its own"],
)
def test_what_may_leave_the_host_is_looked_into(args, options):
    assert not stays_on_host((torch.Tensor,), args, options)


def test_a_mode_of_its_name_is_no_device():
    assert stays_on_host((torch.Tensor,), (PICTURE, (1, 1)), {"mode": "reflect", "value": None})
