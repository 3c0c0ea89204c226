"""What did that frame cost? Sessions count allocations, copies and waits by stage and frame.

```python
from toolkit.profiling import profile

with profile() as session:
    for frame in pipeline.run(video):
        show(frame["edges"])
print(session.bill())
```

`profile(level="exact")` also says which line of whose code it was: `session.lines()`. `budget`
holds code to what it may cost. Names are loaded when they are first used, so that the pytest
plugin loads no torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from toolkit.profiling.allocator import StreamMissingError as StreamMissingError
    from toolkit.profiling.allowances import allowed as allowed
    from toolkit.profiling.budgets import budget as budget
    from toolkit.profiling.capture import profile as profile
    from toolkit.profiling.comparison import Comparison as Comparison
    from toolkit.profiling.hook import HookWarning as HookWarning
    from toolkit.profiling.hook import build_hook as build_hook
    from toolkit.profiling.levels import LEVELS as LEVELS
    from toolkit.profiling.levels import every as every
    from toolkit.profiling.lines import LineRow as LineRow
    from toolkit.profiling.lines import Lines as Lines
    from toolkit.profiling.overrun import OverBudget as OverBudget
    from toolkit.profiling.overrun import OverBudgetWarning as OverBudgetWarning
    from toolkit.profiling.overrun import UnmeasuredWarning as UnmeasuredWarning
    from toolkit.profiling.processors import Bill as Bill
    from toolkit.profiling.processors import StageBill as StageBill
    from toolkit.profiling.session import Session as Session

_HOMES = {
    "LEVELS": "levels",
    "Bill": "processors",
    "Comparison": "comparison",
    "HookWarning": "hook",
    "LineRow": "lines",
    "Lines": "lines",
    "OverBudget": "overrun",
    "OverBudgetWarning": "overrun",
    "Session": "session",
    "StageBill": "processors",
    "StreamMissingError": "allocator",
    "UnmeasuredWarning": "overrun",
    "allowed": "allowances",
    "budget": "budgets",
    "build_hook": "hook",
    "every": "levels",
    "profile": "capture",
}

__all__ = [
    "LEVELS",
    "Bill",
    "Comparison",
    "HookWarning",
    "LineRow",
    "Lines",
    "OverBudget",
    "OverBudgetWarning",
    "Session",
    "StageBill",
    "StreamMissingError",
    "UnmeasuredWarning",
    "allowed",
    "budget",
    "build_hook",
    "every",
    "profile",
]


def __getattr__(name: str) -> object:
    if name in _HOMES:
        return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"toolkit.profiling has no {name!r}; it has {', '.join(__all__)}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
