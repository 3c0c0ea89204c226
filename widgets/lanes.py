"""What does a scheduler do, and why? Its workers and levels, live, with every shift of priority.

    from widgets import Lanes
    Lanes(scheduler)                        # goes on while cells run
    Lanes(scheduler, load=workload)         # with a slider for `workload.load`
    Lanes().compare(recording, what_if)     # two recordings on one axis of time

The page gets the bytes of the trace as they are, and makes all pictures and words of them. So the
kernel's part is to copy what is new, ten times a second, and only while somebody looks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import traitlets

from toolkit.live.credit import Credit
from toolkit.scheduler.reasons import Reason
from toolkit.scheduler.recording import Recording
from widgets.lanes_data import Frozen, about, export, pack, recorded
from widgets.lanes_still import poster
from widgets.page import script, style
from widgets.shown import Shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from toolkit.scheduler.trace import Trace

__all__ = ["Lanes", "Watched"]

# An answer costs the kernel more than a delta does: the page answers one in so many, and two such
# groups may be on their way.
GROUP = 8
IN_FLIGHT = 2
POSTER_EVENTS = 8_000  # are enough for some seconds
WHOLE_NS = 1 << 62
ALIVE_NS = 500_000_000  # without events, the page is told this often that time goes on
LOST_NS = 4_000_000_000  # a page that has not drawn a group for so long holds up no other


class Watched(Protocol):
    """What is needed of a scheduler: `toolkit.scheduler.Scheduler` has it."""

    @property
    def trace(self) -> Trace:
        """Its events."""
        ...

    @property
    def contexts(self) -> Sequence[str]:
        """The names of its contexts."""
        ...

    @property
    def context(self) -> str:
        """The one that holds."""
        ...

    @property
    def kinds(self) -> Sequence[str]:
        """The names of its kinds."""
        ...

    def snapshot(self) -> Mapping[str, Any]:
        """What is queued and what runs."""
        ...

    def set_context(self, name: str, *, reason: Reason) -> Any:
        """Let another context hold."""
        ...


class Lanes(Shown):
    """The decisions of `scheduler` as they happen: lanes for each worker and each level.

    A slice is a quantum; the higher it is, the more urgent. A shift of priority is an arrow from
    level to level with the shape and the word of its reason, a missed deadline a cross with its
    cause. Click a slice for the story of its task. The page keeps 20 s to look back at.

    ```python
    lanes = Lanes(scheduler, load=workload)
    lanes                                   # in a cell of its own
    lanes.compare(recording, what_if)       # instead of the live picture; `lanes.live()` ends that
    ```

    Args:
        scheduler: whose decisions; without one there is nothing but `compare`.
        load: what the slider sets: something with an attribute `load`, or a function that takes the
            new load. Without it there is no slider.

    Attributes:
        paused: whether the picture stands still, for views that come later, too. The scheduler goes
            on; what its trace kept at the pause is copied once, 1.5 MB at most by default.
        load: what the slider says: offered work over what the workers can do.
        titles: names of the recordings that are compared; empty while the picture is live.
    """

    _esm = script(
        *("seen", "shown", "lanes_events", "lanes_model", "lanes_place", "lanes_paint", "lanes")
    )
    _css = style("shown", "lanes")

    title = traitlets.Unicode().tag(sync=True)
    contexts = traitlets.List(traitlets.Unicode()).tag(sync=True)
    context = traitlets.Unicode().tag(sync=True)
    paused = traitlets.Bool(False).tag(sync=True)
    load = traitlets.Float(1.0, min=0.0, max=3.0).tag(sync=True)
    has_load = traitlets.Bool(False).tag(sync=True)
    has_scheduler = traitlets.Bool(True).tag(sync=True)
    titles = traitlets.List(traitlets.Unicode()).tag(sync=True)

    def __init__(
        self, scheduler: Watched | None = None, *, load: Callable[[float], Any] | Any = None
    ) -> None:
        self.scheduler = scheduler
        self._loaded = load
        self._cursor = self._number = self._kinds_told = self._told_ns = 0
        self._is_fresh = True
        self._frozen: Frozen | None = None  # while it is paused
        self._pair: tuple[tuple[str, Recording], ...] = ()
        self._is_pair_told = False
        self._credits: dict[str, Credit] = {}  # of each view
        super().__init__(
            title=_title(scheduler.snapshot()) if scheduler is not None else "no scheduler",
            contexts=list(scheduler.contexts) if scheduler is not None else [],
            context=scheduler.context if scheduler is not None else "",
            load=float(getattr(load, "load", 1.0)),
            has_load=load is not None,
            has_scheduler=scheduler is not None,
        )
        self.observe(self._set_load, "load")
        self.observe(self._set_paused, "paused")

    # -- what a program can do --------------------------------------------------------------------

    def compare(
        self,
        first: Recording,
        second: Recording,
        *,
        titles: tuple[str, str] = ("as it was", "what if"),
    ) -> Lanes:
        """Show two recordings, one above the other, with their misses. Gives back the widget."""
        with self._gate:
            self._pair = tuple(zip(titles, (first, second), strict=True))
            self._is_pair_told = False
        self.titles = list(titles)
        return self

    def live(self) -> None:
        """Show the scheduler again."""
        with self._gate:
            self._pair = ()
        self.titles = []

    def still_text(self) -> str:
        """What is watched: the same in every run."""
        if self.scheduler is None:
            return f"Lanes({' and '.join(self.titles) or 'nothing'})"
        kinds = ", ".join(self.scheduler.kinds)
        return f"Lanes({self.title}, kinds: {kinds})"

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """With a picture of the last seconds, for pages without a kernel."""
        data, metadata = super()._repr_mimebundle_(**options)
        if self._pair:
            data["image/svg+xml"] = poster(self._pair, WHOLE_NS)
        elif self.scheduler is not None:
            data["image/svg+xml"] = poster([("", recorded(self.scheduler, POSTER_EVENTS))])
        return data, metadata

    # -- while a view can be seen -----------------------------------------------------------------

    def seen_anew(self, message: dict[str, Any]) -> None:
        """Send what this view has not got yet: all that is kept, where it missed something."""
        self._credit(str(message["view"]))
        if int(message.get("have", 0)) != self._number or not self._number:
            self._is_fresh = True
        self._is_pair_told = False

    def slept(self) -> None:
        """No view can be seen any more."""
        self._credits = {}

    def received(self, message: dict[str, Any]) -> None:
        """The page drew a delta, or somebody pressed a button."""
        act = {
            "drawn": self._drawn,
            "context": self._set_context,
            "export": self._export,
            "live": lambda _: self.live(),
        }.get(str(message.get("t")))
        if act is not None:
            act(message)

    def beat(self, now_ns: int) -> None:
        """Send what is new, unless the page is behind."""
        if self._pair and not self._is_pair_told:
            self._is_pair_told = True
            streams = [about(one) | {"title": title} for title, one in self._pair]
            self.tell({"t": "pair", "streams": streams}, *(pack(one) for _, one in self._pair))
        if self.scheduler is None:
            return
        if self.context != self.scheduler.context:
            self.context = self.scheduler.context
        if (self._is_fresh or not self._pair) and self._may_send():
            self._send_delta(self._frozen or self.scheduler, now_ns)

    # -- inside -----------------------------------------------------------------------------------

    def _may_send(self) -> bool:
        """Whether each view that answers has room for one more delta."""
        for view, credit in list(self._credits.items()):
            if credit.lost():  # it may have gone; when it draws again, it counts again
                del self._credits[view]
        return not any(one.seconds_to_next() for one in self._credits.values())

    def _send_delta(self, scheduler: Watched | Frozen, now_ns: int) -> None:
        delta = scheduler.trace.since(0 if self._is_fresh else self._cursor)
        if not (delta.data or self._is_fresh):
            if self._frozen is None and now_ns - self._told_ns >= ALIVE_NS:
                self._told_ns = now_ns
                self.tell({"t": "alive"})
            return
        self._told_ns = now_ns
        # A page that has this number has all of it already, and keeps its picture.
        is_news = delta.cursor != self._cursor or not self._number
        number = self._number + is_news
        message: dict[str, Any] = {"t": "delta", "n": number, "lost": delta.lost}
        kinds = len(scheduler.kinds)
        if self._is_fresh or delta.lost or kinds != self._kinds_told:
            message["snapshot"] = dict(scheduler.snapshot())
        if self._is_fresh:
            message["about"] = about(Recording.of(message["snapshot"], b""))
        self._is_fresh, self._kinds_told = False, kinds
        self._cursor, self._number = delta.cursor, number
        if is_news and number % GROUP == 0:
            for one in self._credits.values():
                one.try_take(number)
        self.tell(message, delta.data)

    def _drawn(self, message: dict[str, Any]) -> None:
        self._credit(str(message["view"])).give(int(message["n"]))

    def _credit(self, view: str) -> Credit:
        new = Credit(IN_FLIGHT, LOST_NS, clock=self.now_ns)
        return self._credits.setdefault(view, new)

    def _set_context(self, message: dict[str, Any]) -> None:
        if self.scheduler is not None:
            self._guarded(self.scheduler.set_context, str(message["name"]), reason=Reason.USER)

    def _set_load(self, change: Any) -> None:
        if callable(self._loaded):
            self._guarded(self._loaded, change.new)
        elif self._loaded is not None:
            self._guarded(setattr, self._loaded, "load", change.new)

    def _set_paused(self, change: Any) -> None:
        if self.scheduler is None:
            return
        with self._gate:
            self._frozen = Frozen(self.scheduler) if change.new else None

    def _export(self, message: dict[str, Any]) -> None:
        if self.scheduler is None:
            return
        found = self._guarded(export, self.scheduler, str(message["format"]))
        if found is not None:
            name, data = found
            self.tell({"t": "file", "view": message["view"], "name": name}, data)

    def _guarded(self, call: Callable[..., Any], *inputs: Any, **options: Any) -> Any:
        """Call what belongs to others; what it raises is shown in the page."""
        try:
            found = call(*inputs, **options)
        except Exception as error:  # noqa: BLE001 - shown in the page, where somebody looks
            self.tell({"t": "fault", "text": f"{type(error).__name__}: {error}"})
            return None
        self.tell({"t": "fault", "text": ""})
        return found


def _title(snapshot: Mapping[str, Any]) -> str:
    workers, cores = snapshot["workers"], snapshot.get("cores")
    shared = f" on {cores} cores" if cores and cores != workers else ""
    return f"{workers} workers{shared}, mode {snapshot['mode']}"
