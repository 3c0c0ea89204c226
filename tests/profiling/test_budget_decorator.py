"""`@budget(...)`: a function, a coroutine or a stage is held on each call."""

import asyncio
from typing import Annotated

import pytest
import torch

from toolkit import Frame, Pipeline
from toolkit.pipeline import StageError
from toolkit.profiling import OverBudget, budget
from toolkit.stages.declare import Pointwise, Range, stage

PICTURE = torch.ones(256)  # 1024 bytes


def use(number=1):
    """So many allocations of 1024 bytes each."""
    for _ in range(number):
        torch.add(PICTURE, PICTURE)


def test_a_function_is_held_on_each_call_and_keeps_its_name_and_result():
    @budget(allocations=1)
    def work(number):
        """Use some."""
        use(number)
        return number

    assert (work.__name__, work(1), work(1)) == ("work", 1, 1)
    with pytest.raises(OverBudget, match=r"allocations 2, limit 1\nThe budget is set at .*\.py"):
        work(2)


def test_calls_of_the_warm_up_do_not_count():
    @budget(allocations=0, warmup=2)
    def work():
        use()

    work()
    work()
    with pytest.raises(OverBudget):
        work()


def test_a_function_that_calls_itself_is_held_each_time():
    @budget(allocations=3)
    def work(depth):
        use()
        if depth:
            work(depth - 1)

    work(2)
    with pytest.raises(OverBudget, match="allocations 4, limit 3"):
        work(3)


def test_a_coroutine_does_not_pay_for_other_tasks():
    turns = []

    @budget(allocations=1)
    async def frugal():
        for _ in range(3):
            turns.append("frugal")
            await asyncio.sleep(0)
        use()
        return "kept"

    async def spender():
        for _ in range(3):
            turns.append("spender")
            use(5)
            await asyncio.sleep(0)

    async def both():
        return (await asyncio.gather(frugal(), spender()))[0]

    assert asyncio.run(both()) == "kept"
    assert turns[:4] == ["frugal", "spender", "frugal", "spender"]


def test_a_coroutine_that_is_over_is_told():
    @budget(allocations=1)
    async def work():
        use()
        await asyncio.sleep(0)
        use()

    with pytest.raises(OverBudget, match="allocations 2, limit 1"):
        asyncio.run(work())


def test_a_generator_is_refused_with_what_to_do():
    with pytest.raises(TypeError, match=r"is a generator: .* around that loop"):

        @budget(allocations=0)
        def work():
            yield


def test_a_stage_is_held_by_itself_and_its_prepare_is_not():
    @budget(allocations=1)
    @stage("double", footprint=Pointwise())
    def double(gray, *, factor):
        return gray * factor

    @double.prepare
    def _(spec, *, times: Annotated[int, Range(1, 4, 1)] = 2):
        use(5)
        return {"factor": torch.full((256,), float(times))}

    constants = double.constants(None)
    assert double(PICTURE, **constants).sum() == 512
    assert (double.name, double.requires, double.defaults) == ("double", ("gray",), {"times": 2})


def test_a_stage_that_is_over_fails_on_that_frame_and_says_who_it_was():
    @budget(allocations=1)
    @stage("greedy", footprint=Pointwise())
    def greedy(gray):
        return gray + gray + gray

    pipeline = Pipeline([greedy], given=["gray"])
    frame = Frame.from_image(torch.zeros(1, 2, 2, dtype=torch.uint8))
    frame.attach("gray", PICTURE)
    with pytest.raises(StageError, match="stage 'greedy' failed on frame 0: OverBudget") as caught:
        _ = pipeline.bind(frame)["greedy"]
    assert isinstance(caught.value.__cause__, OverBudget)
    assert [one.stage for one in caught.value.__cause__.offenders] == ["greedy"]
