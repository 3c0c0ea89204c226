"""What do models think of a frame? Thoughts come when they are ready, and media waits for none.

```python
from toolkit.scheduler import Scheduler
from toolkit.thoughts import Annotator, Feed

scheduler = Scheduler({"frame": "CRITICAL", "pose": "NORMAL"})
pose = Annotator("pose", estimate_pose, scheduler=scheduler, kind="pose", needs=["gray"])
with Feed(scheduler, pipeline, camera, want=["edges"], fps=30, annotators=[pose]) as feed:
    feed.run()
print(pose.counts)
```
"""

from toolkit.thoughts.annotator import Annotator
from toolkit.thoughts.counts import AnnotatorCounts, FeedCounts
from toolkit.thoughts.feed import Feed

__all__ = ["Annotator", "AnnotatorCounts", "Feed", "FeedCounts"]
