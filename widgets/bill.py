"""What does each frame cost, now? The bill of a pipeline, live, frame by frame and stage by stage.

The pipeline tells the widget what it uses, on whatever thread it runs: a cell, a player, a worker.
So the widget opens a session of its own that follows the pipeline, and only while somebody looks;
or it shows one that is there, and then it adds nothing. It reads a session as somebody who looks
on: a frame that is done is taken as it stands, and what is counted is what `session.frames` has.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import traitlets

from toolkit.profiling import LEVELS
from toolkit.profiling.following import Following
from toolkit.profiling.processors import stage_names
from widgets.bill_rows import MEASURES, limits_of, line_rows, pack
from widgets.bill_still import poster, table
from widgets.page import script, style
from widgets.shown import Shown

if TYPE_CHECKING:
    from toolkit import Pipeline
    from toolkit.profiling import Lines, Session, budget
    from toolkit.profiling.frames import StageKey

__all__ = ["Bill"]

SAMPLE = 30  # with level "lines", one frame in so many is looked at line by line
TEXT_NS = 250_000_000  # texts change at most four times a second
MOST_ROWS = 300  # what the page keeps


class Bill(Shown):
    """What each frame of `pipeline` costs, as a chart that moves, with budgets as lines in it.

    ```python
    bill = Bill(pipeline, budget=budget(allocations=0, syncs=0))
    bill
    ```

    Counted is what the pipeline does on any thread, from its first look for a frame until the next
    one: its source, its stages, and the body of the loop around `pipeline.run`. While no view can
    be seen there is no thread, and a session of its own pauses.

    Args:
        pipeline: whose bill.
        session: show this one instead of one of its own; it counts what it was opened for.
        budget: limits for each frame, shown as lines; its `warmup` frames are not judged. What
            `allowed(...)` permits is counted here all the same, and nothing is raised.
        running: record as soon as the widget is shown.
        while_hidden: go on recording while no view can be seen.

    Attributes:
        measure: what the chart shows, one of `MEASURES`.
        level: `"counts"`; `"lines"` looks at one frame in thirty line by line; `"exact"` looks at
            the next frame, and then it is again what it was before.
        running: whether a session of its own records.
        session: whose numbers are shown.
        exact: operators and lines of the frame that was looked at last, or None.

    Raises:
        ValueError: the budget limits something that is no sum over stages, such as `peak_bytes`.
    """

    _esm = script("seen", "shown", "bill")
    _css = style("shown", "bill")

    measure = traitlets.Enum(MEASURES, "allocations").tag(sync=True)
    level = traitlets.Enum(LEVELS, LEVELS[0]).tag(sync=True)
    running = traitlets.Bool(True).tag(sync=True)
    title = traitlets.Unicode().tag(sync=True)
    limits = traitlets.Dict().tag(sync=True)
    warmup = traitlets.Int(0).tag(sync=True)
    has_own_session = traitlets.Bool(True).tag(sync=True)

    def __init__(
        self,
        pipeline: Pipeline,
        *,
        session: Session | None = None,
        budget: budget | None = None,
        measure: str = "allocations",
        running: bool = True,
        while_hidden: bool = False,
    ) -> None:
        terms = None if budget is None else budget.terms
        self.pipeline = pipeline
        self.exact: Lines | None = None
        self._records_hidden = while_hidden
        self._base = LEVELS[0]  # what `level` is after a look
        self._own = None
        if session is None:
            self._own = Following(pipeline, detail=self._detail)
            session = self._own.session
        self.session = session
        self._look: Following | None = None
        self._exact_index = -1
        self._sent = 0
        # Never cleared: a page that was scrolled out keeps its rows, and they name places.
        self._places: dict[StageKey, int] = {}
        self._forget_page()
        super().__init__(
            measure=measure,
            running=running,
            title=pipeline.name,
            limits=limits_of(terms.limits) if terms else {},
            warmup=terms.warmup if terms else 0,
            has_own_session=self._own is not None,
        )
        self.observe(self._apply, ["running", "level"])
        self._apply()

    # -- what a program can do --------------------------------------------------------------------

    def start(self) -> None:
        """Record from the next frame on, while a view can be seen."""
        self.running = True

    def stop(self) -> None:
        """Record no further frame. What is there stays."""
        self.running = False

    def look(self) -> None:
        """Look at the next frame exactly; then `exact` has its operators and source lines."""
        with self._gate:
            if self._is_closed:
                return
            if self._look is None:
                self._look = Following(self.pipeline)
                self._look.session.look(frames=1, level=LEVELS[-1])
            if self.is_seen or self._records_hidden:
                self._look.resume()

    def close(self) -> None:
        """End the thread and the sessions of its own; the views go."""
        super().close()
        with self._gate:
            for one in (self._own, self._look):
                if one is not None:
                    one.close()
            self._look = None

    def still_text(self) -> str:
        """The table of the frames so far, without times."""
        return table(self.pipeline.name, self.session.newer(0)[1])

    def still_png(self) -> bytes | None:
        """The chart of the frames so far; None where there are none."""
        count, frames = self.session.newer(0)
        return poster(frames, self.measure, is_all=count == len(frames))

    # -- while a view can be seen -----------------------------------------------------------------

    def woke(self) -> None:
        """A first view can be seen."""
        self._apply()
        if self._look is not None:
            self._look.resume()

    def slept(self) -> None:
        """No view can be seen any more."""
        self._apply()
        if self._look is not None and not self._records_hidden:
            self._look.pause()

    def seen_anew(self, message: dict[str, Any]) -> None:
        """Send what this view has not got yet."""
        self._forget_page(int(message.get("have", 0)))

    def received(self, message: dict[str, Any]) -> None:
        """The page asks for the next frame exactly."""
        if message.get("t") == "look":
            self.look()

    def beat(self, now_ns: int) -> None:
        """Send the frames that are new; and four times a second the words beside them."""
        self._end_look()
        self._send_rows()
        self._send_exact()
        if now_ns - self._told_ns >= TEXT_NS:
            self._told_ns = now_ns
            self._send_words()
            self._send_lines()

    # -- inside -----------------------------------------------------------------------------------

    def _apply(self, _change: object = None) -> None:
        """Bring the session of its own to what is asked for."""
        with self._gate:
            if self._is_closed:
                return
            if self.level == LEVELS[-1]:
                self.look()
            else:
                self._base = self.level
            if self._own is None:
                return
            if self.running and (self.is_seen or self._records_hidden):
                self._own.resume()
            else:
                self._own.pause()

    def _detail(self, number: int) -> str:
        return "lines" if self._base == "lines" and number % SAMPLE == 0 else ""

    def _forget_page(self, have: int = 0) -> None:
        """The page has so many frames, and nothing else."""
        self._sent = min(have, self._sent)
        self._names: list[str] = []
        self._words: dict[str, Any] = {}
        self._lines_sent = 0
        self._told_ns = -TEXT_NS
        self._is_exact_sent = False

    def _send_rows(self) -> None:
        count, frames = self.session.newer(self._sent)
        if not frames:
            return
        frames = frames[-MOST_ROWS:]
        for frame in frames:
            for key in frame.stages:
                self._places.setdefault(key, len(self._places))
        message: dict[str, Any] = {"t": "rows"}
        names = list(stage_names(self._places).values())
        if names != self._names:
            self._names = message["stages"] = names
        self._sent = count
        self.tell(message, pack(frames, count - len(frames), self._places))

    def _send_words(self) -> None:
        words = {
            "t": "words",
            "frames": self._sent,
            "is_recording": self._own.is_recording if self._own else self.session.plan is not None,
            "is_looking": self._look is not None,
            "missing": self.session.unrecorded(),
            "notes": [*self._bypassed(), *self.session.notes],
        }
        if words != self._words:
            self._words = words
            self.tell(words)

    def _bypassed(self) -> list[str]:
        """What has no cost because it does not run."""
        names = self.pipeline.bypassed
        return [f"bypassed, at no cost: {', '.join(names)}"] if names else []

    def _end_look(self) -> None:
        """Show the frame that was looked at, once it is done."""
        if self._look is not None:
            count, frames = self._look.session.newer(0)
            if count:
                self._look.close()
                self.exact = self._look.session.lines()
                self._exact_index = next(
                    (one.index for one in frames if one.level == LEVELS[-1]), frames[0].index
                )
                self._look = None
                self._is_exact_sent = False
                if self.level == LEVELS[-1]:
                    self.level = self._base

    def _send_exact(self) -> None:
        if self.exact is not None and not self._is_exact_sent:
            self._is_exact_sent = True
            self.tell({"t": "lines", "frame": self._exact_index} | line_rows(self.exact))

    def _send_lines(self) -> None:
        """Lines of the frames that a level looked at, when there are more of them."""
        levels = self.session.levels
        looked = levels.get("lines", 0)
        if looked and looked != self._lines_sent:
            self._lines_sent = looked
            self.tell({"t": "lines", "frame": None} | line_rows(self.session.lines()))
