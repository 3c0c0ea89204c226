"""Calls that take no memory: what goes unmarked takes none, and what may take some does not."""

import operator
import warnings
from itertools import product

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from toolkit import hooks
from toolkit.profiling import profile
from toolkit.profiling.allocator import AllocatorStream
from toolkit.profiling.in_place import IN_PLACE, INTO_OUT, fills_first, fills_out, gives_view

NUMBERS_OF_ARGUMENTS = {
    "sqrt": 1,
    "abs": 1,
    "neg": 1,
    "clamp": 1,
    "addcmul": 3,
    "addcdiv": 3,
    "lerp": 3,
}
OPTIONS = {
    "add": {"alpha": 2},
    "sub": {"alpha": 0.5},
    "addcmul": {"value": 4},
    "addcdiv": {"value": 0.5},
    "clamp": {"min": 0.1, "max": 2},
}
DTYPES = (
    *(torch.float32, torch.float64, torch.float16, torch.bfloat16),
    *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64, torch.bool),
)
SHAPE = (2, 35, 500)  # enough for torch to split it over threads


def tensors(count, dtype, layout):
    """Operands of one shape, and of shapes that are spread over it."""
    made = [torch.ones(SHAPE).to(dtype) for _ in range(count)]
    if layout == "strided":
        made = [torch.ones(2, 500, 70).to(dtype)[:, :, ::2].transpose(1, 2) for _ in made]
    if layout == "spread":
        shapes = [SHAPE, (), (35, 1), (500,)]
        made = [torch.ones(shape).to(dtype) for shape in shapes[:count]]
    return made


def blocks(work):
    """How many blocks were taken, as the allocator itself tells."""
    stream = AllocatorStream()
    assert stream.start(operators=True)
    try:
        work()
    except RuntimeError:  # not made for this dtype
        return 0
    finally:
        events = stream.stop()
    return sum(nbytes > 0 for one in events for nbytes in one.sizes)


def variants():
    """Layout, dtype and whether there are options."""
    return product(("whole", "strided", "spread"), DTYPES, (False, True))


@pytest.fixture(params=(1, 2), autouse=True, ids="{} threads".format)
def threads(request):
    """Torch works on so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield request.param
    torch.set_num_threads(before)


@pytest.mark.parametrize("name", sorted(IN_PLACE))
def test_arithmetic_into_the_first_operand_takes_nothing(name):
    bare = name.removesuffix("_")
    free = 0
    for layout, dtype, has_options in variants():
        args = tuple(tensors(NUMBERS_OF_ARGUMENTS.get(bare, 2), dtype, layout))
        options = OPTIONS.get(bare, {}) if has_options else {}
        function = getattr(torch.Tensor, name)
        if fills_first((), args, options):
            free += 1
            taken = blocks(lambda f=function, a=args, o=options: f(*a, **o))
            assert taken == 0, (layout, dtype, options)
    assert free >= len(DTYPES)


@pytest.mark.parametrize("name", sorted(INTO_OUT))
def test_arithmetic_into_out_takes_nothing(name):
    free = 0
    function = getattr(torch, name)
    for (layout, dtype, has_options), result in product(variants(), (None, torch.bool)):
        args = tuple(tensors(NUMBERS_OF_ARGUMENTS.get(name, 2), dtype, layout))
        out = torch.empty_like(args[0], dtype=result or dtype)
        options = {**(OPTIONS.get(name, {}) if has_options else {}), "out": out}
        if fills_out((), args, options):
            free += 1
            taken = blocks(lambda f=function, a=args, o=options: f(*a, **o))
            assert taken == 0, (layout, dtype, result, has_options)
    assert free >= len(DTYPES)


A, ROW = torch.rand(2, 3), torch.rand(3)
WHOLE, GRADIENT = torch.ones(2, 3, dtype=torch.int32), torch.rand(2, 3, requires_grad=True)
TURNED = torch.rand(2, 3, dtype=torch.cfloat).conj().imag
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # torch says that nested tensors are young
    NESTED = torch.nested.nested_tensor([torch.rand(3)] * 2, layout=torch.strided)


class Mine(torch.Tensor):
    """A class of somebody else's."""


@pytest.mark.parametrize(
    "args",
    [
        (),
        (A, 2.0),
        (A, WHOLE),
        (A, A.double()),
        (A, GRADIENT),
        (A, TURNED),
        (TURNED, A),
        (A, A.to_sparse()),
        (A.to("meta"), A.to("meta")),
        (NESTED, NESTED),
        (A.to(torch.cfloat), A.to(torch.cfloat)),
        (A, A.as_subclass(Mine)),
        (2.0, A),
    ],
)
def test_operands_that_leave_a_reason_are_marked(args):
    assert not fills_first((), args, None)
    assert not fills_out((), args, {"out": torch.empty(2, 3)})


@pytest.mark.parametrize(
    ("args", "options"),
    [
        ((A, A), {}),
        ((A, A), {"out": torch.empty(0)}),
        ((A, A), {"out": torch.empty(4, 2, 3)}),
        ((ROW, ROW), {"out": torch.empty(2, 3)}),
        ((ROW, A[:, :1]), {"out": torch.empty(3)}),
        ((A, A), {"out": torch.empty(2, 3, dtype=torch.float64)}),
        ((A, A), {"out": TURNED}),
        ((A, A), {"out": torch.empty(2, 3).as_subclass(Mine)}),
        ((A, A), {"out": torch.empty(2, 3), "value": A}),
        ((WHOLE, WHOLE), {"out": WHOLE.clone(), "value": 0.5}),
        ((A,), {"out": (A, A)}),
    ],
)
def test_a_result_that_does_not_fit_is_marked(args, options):
    assert not fills_out((), args, options)


def test_whoever_takes_part_is_a_reason():
    class Between(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            return func(*args, **(kwargs or {}))

    seen = []

    def look(_):
        answers = (
            fills_first((), (A, A), None),
            fills_out((), (A, A), {"out": torch.empty(2, 3)}),
            gives_view((), (A,), None),
        )
        seen.append(answers)
        return _

    look(A)
    with Between():
        look(A)
    torch.func.vmap(look)(A)
    assert seen == [(True, True, True), (False, False, False), (False, False, False)]
    with torch.autograd.forward_ad.dual_level():
        assert not fills_first((), (A, A), None)


def test_values_without_gradient_are_none_where_gradients_are_kept():
    assert fills_first((), (A, A), None)
    with torch.no_grad():
        assert fills_first((), (A, GRADIENT), None)


def test_views_of_what_is_no_plain_memory_are_let_in():
    assert gives_view((), (A,), None)
    assert gives_view((torch.Tensor,), (A,), None)
    for one in (A.to_sparse(), A.to("meta"), NESTED, A.as_subclass(Mine), [A], None):
        assert not gives_view((), (one,), None)
    assert not gives_view((), (), None)
    assert not gives_view((Mine,), (A,), None)


@pytest.mark.parametrize("level", ["lines", "exact"])
def test_a_call_that_takes_something_keeps_its_line(level):
    picture, out = torch.ones(2, 3), torch.empty(0)
    with profile(level=level) as session, hooks.scope("work", 0):
        torch.mul(picture, picture, out=out)
        picture.mul_(2.0)
        operator.iadd(picture, torch.ones(2, 3, dtype=torch.int32))
    rows = {row.op: row for row in session.lines() if row.counts.allocations}
    assert {"aten::mul", "aten::mul_"} <= rows.keys()
    assert rows["aten::mul"].counts.allocated_bytes == 24
    assert session.lines().unattributed_bytes == 0


def test_exact_counts_calls_that_it_does_not_mark():
    picture, out = torch.ones(4, 3), torch.empty(2, 3)
    with profile(level="exact") as session, hooks.scope("work", 0):
        for _ in range(5):
            torch.mul(picture[:2], picture[2:], out=out)
        out.sqrt_()
    calls = {row.name: row.counts.calls for row in session.key_averages()}
    assert (calls["aten::mul"], calls["aten::sqrt_"]) == (5, 1)
    assert calls["torch.Tensor.__getitem__"] == 10
    assert "aten::slice" not in calls


def test_calls_that_take_nothing_leave_nothing_in_the_stream():
    picture, out = torch.ones(4, 3), torch.empty(2, 3)
    found = []
    for times in (1, 100):
        with profile(level="exact", keep="all") as session, hooks.scope("work", 0):
            for _ in range(times):
                torch.mul(picture[:2], picture[2:], out=out)
        found.append(len(session.events))
    assert found == [0, 0]


@pytest.mark.parametrize("level", ["lines", "exact"])
def test_lines_asks_once_for_each_place_in_the_code_and_exact_at_every_call(level):
    picture = torch.ones(2, 3)
    with profile(level=level) as session:
        for index in range(40):
            fitting, enlarged = torch.empty(2, 3), torch.empty(0)
            with hooks.scope("work", index):
                for out in (fitting, enlarged):
                    torch.mul(picture, picture, out=out)
    taken = session.bill().stage("work").total.allocated_bytes
    assert taken == 40 * 24
    without_line = session.lines().unattributed_bytes
    assert (without_line == 0) if level == "exact" else (0 < without_line < taken)
