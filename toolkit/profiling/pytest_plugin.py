"""How does a test hold code to a budget? By a marker, in any project that has the toolkit.

```python
@pytest.mark.frame_budget(allocations=0, syncs=0, warmup=2)
def test_the_pipeline_allocates_nothing(pipeline, video):
    for frame in pipeline.run(video):
        frame["edges"]
```

Only the test itself is measured, not its fixtures. Code that is no pipeline asks for the fixture
`frame_budget` and says `frame_budget.step()` after each iteration; for a part of a test there is
`with frame_budget(allocations=0):`. What a marker leaves out is taken from the markers of its class
and module, and then from the ini file:

```ini
[pytest]
frame_budget = allocations=0 syncs=0
```

The ini file alone holds no test to anything. torch is loaded by the first test that has a budget.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from toolkit.profiling.terms import LIMITS, OPTIONS, Terms, read_values

if TYPE_CHECKING:
    from collections.abc import Generator

    from toolkit.profiling.budgets import budget
    from toolkit.profiling.meter import Meter
    from toolkit.profiling.session import Session

__all__ = ["FrameBudget"]

NAME = "frame_budget"
_MARKER = (
    f"{NAME}({', '.join(f'{name}=...' for name in LIMITS)}, {', '.join(OPTIONS)}): fail the test "
    "if a frame uses more than this; what is left out comes from the ini file."
)
_METER: pytest.StashKey[Meter] = pytest.StashKey()
_DEFAULTS: pytest.StashKey[dict[str, Any]] = pytest.StashKey()


class FrameBudget:
    """What the fixture `frame_budget` gives: the budget of this test."""

    def __init__(self, item: pytest.Item) -> None:
        self._item = item

    def __call__(self, **limits: Any) -> budget:
        """A budget for a part of the test: that of the marker and the ini file, with changes.

        Raises:
            ValueError: a name or a value that does not exist; the text lists those that do.
        """
        from toolkit.profiling.budgets import budget

        return budget.of(_terms(self._item).changed(**limits))

    @property
    def meter(self) -> Meter:
        """The open budget of a test that has the marker.

        Raises:
            RuntimeError: it has none.
        """
        meter = self._item.stash.get(_METER, None)
        if meter is None:
            raise RuntimeError(
                f"this test is under no budget: mark it with @pytest.mark.{NAME}(allocations=0), "
                f"or use `with {NAME}(allocations=0) as meter:`."
            )
        return meter

    @property
    def session(self) -> Session:
        """What was recorded so far; `session.bill()` is the bill."""
        return self.meter.session

    def step(self) -> None:
        """Say that an iteration is done, in code that is no pipeline: it is judged as a frame."""
        self.meter.step()


@pytest.fixture
def frame_budget(request: pytest.FixtureRequest) -> FrameBudget:
    """What the test may use: to step from frame to frame, and to hold a part of it."""
    item: pytest.Item = request.node
    return FrameBudget(item)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Make the ini option known."""
    parser.addini(
        NAME, "what tests with the marker frame_budget may use, such as: allocations=0 syncs=0"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known, and read the ini file."""
    config.addinivalue_line("markers", _MARKER)
    text = str(config.getini(NAME))
    try:
        values = read_values(text)
        Terms().changed(**values)
    except ValueError as error:
        raise pytest.UsageError(f"{NAME} = {text}, in the ini file: {error}") from error
    config.stash[_DEFAULTS] = values


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse markers with wrong names before any test runs."""
    for item in items:
        if item.get_closest_marker(NAME) is None:
            continue
        try:
            terms = _terms(item)
        except ValueError as error:
            raise pytest.UsageError(f"{item.nodeid}: @pytest.mark.{NAME}: {error}") from error
        if not terms.limits:
            raise pytest.UsageError(
                f"{item.nodeid}: @pytest.mark.{NAME} limits nothing: set some of "
                f"{', '.join(LIMITS)}, there or in the ini file."
            )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """Measure a test that has the marker, and fail it when it is over."""
    if item.get_closest_marker(NAME) is None:
        return (yield)
    from toolkit.profiling.holding import Holding

    path, line, _ = item.location
    with Holding(_terms(item), f"{path}:{(line or 0) + 1}") as holding:
        item.stash[_METER] = holding.meter
        result = yield
    if holding.overrun is not None:
        pytest.fail(str(holding.overrun), pytrace=False)
    return result


def _terms(item: pytest.Item) -> Terms:
    """The terms of a test: the ini file's, changed by its markers, the closest one last."""
    values: dict[str, Any] = dict(item.config.stash[_DEFAULTS])
    for marker in reversed(list(item.iter_markers(NAME))):
        if marker.args:
            raise ValueError(f"{marker.args[0]!r} has no name: write for example allocations=0.")
        Terms().changed(**marker.kwargs)
        values.update(marker.kwargs)
    return Terms().changed(**values)
