"""What did that frame cost? Sessions count allocations, copies and waits by stage and frame.

```python
from toolkit.profiling import profile

with profile() as session:
    for frame in pipeline.run(video):
        show(frame["edges"])
print(session.bill())
```
"""

from toolkit.profiling.allocator import StreamMissingError
from toolkit.profiling.capture import LEVELS, profile
from toolkit.profiling.processors import Bill, Comparison, StageBill
from toolkit.profiling.session import Session

__all__ = ["LEVELS", "Bill", "Comparison", "Session", "StageBill", "StreamMissingError", "profile"]
