"""What stands for the lanes where no kernel runs? A picture of their last seconds, as SVG."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from toolkit.scheduler.levels import Level
from toolkit.scheduler.reasons import Happening
from toolkit.scheduler.shifts import context_shifts, misses, shifts
from toolkit.scheduler.stretches import depths, slices, stretches

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from toolkit.scheduler.recording import Recording
    from toolkit.scheduler.stretches import Depth, Stretch

__all__ = ["poster"]

SPAN_NS = 2_000_000_000
_WIDTH, _GUTTER, _EDGE = 900, 104, 10
_WORKER, _MISSES, _LEVEL, _GAP, _HEAD = 26, 30, 30, 3, 34
_HEIGHTS = (1.0, 0.82, 0.66, 0.5, 0.36)  # of a slice, by level
_BARS = "█▆▅▃▁"
_COLOURS = ("#3f7ec6", "#d9722c", "#2f9a72", "#b8529a", "#94770a", "#7260cb", "#c14a4a", "#2f8c9a")
_SHAPES = {"context": "■", "deadline": "▲", "inheritance": "●", "aging": "✚", "prediction": "★"}
_STYLE = """
.dh-lanes-still text {
  font: 11px system-ui, sans-serif; fill: var(--jp-ui-font-color1, currentColor); }
.dh-lanes-still .soft { fill: var(--jp-ui-font-color2, currentColor); }
.dh-lanes-still .band { fill: var(--jp-layout-color2, #8882); }
.dh-lanes-still .depth { fill: #8886; }
.dh-lanes-still .shift { stroke: var(--jp-ui-font-color2, #888); }
.dh-lanes-still .context { stroke: var(--jp-ui-font-color1, currentColor); stroke-dasharray: 5 3; }
.dh-lanes-still .miss { fill: #d0453b; font-weight: bold; }
"""


def poster(shown: Sequence[tuple[str, Recording]], span_ns: int = SPAN_NS) -> str:
    """Workers, missed deadlines, queues and shifts of one or more recordings, below each other.

    Args:
        shown: a title, which may be empty, and a recording each.
        span_ns: how much of the end is shown.
    """
    parts: list[str] = []
    top = 0
    for title, recording in shown:
        drawn = _Drawing(recording, span_ns, top)
        parts += drawn.lines(title)
        top = drawn.bottom
    words = "; ".join(_in_words(title, recording) for title, recording in shown)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="dh-lanes-still" role="img" '
        f'aria-label="{escape(words, quote=True)}" viewBox="0 0 {_WIDTH} {top}" '
        f'width="{_WIDTH}" height="{top}" style="max-width:100%;height:auto">'
        f"<style>{_STYLE}</style>{''.join(parts)}</svg>"
    )


def _in_words(title: str, recording: Recording) -> str:
    """How many deadlines were missed, of how many that were due in what is recorded."""
    ended = (Happening.DONE, Happening.FAIL)
    due = sum(1 for one in recording.events if one.happening in ended and one.value)
    missed = len(misses(recording))
    words = f"{missed} of {due} deadlines missed" if due else "no deadline was due"
    return f"{title}: {words}" if title else f"{recording.workers} workers, {words}"


class _Drawing:
    """One recording on its rows."""

    def __init__(self, recording: Recording, span_ns: int, top: int) -> None:
        self.recording = recording
        self.t1 = recording.end_ns
        self.t0 = max(recording.start_ns, self.t1 - span_ns)
        self.scale = (_WIDTH - _GUTTER - _EDGE) / max(self.t1 - self.t0, 1)
        self.top = top
        self.workers = top + _HEAD
        self.misses = self.workers + recording.workers * (_WORKER + _GAP)
        self.levels = self.misses + _MISSES + _GAP
        self.bottom = self.levels + len(Level) * (_LEVEL + _GAP) + 2 * _GAP

    def lines(self, title: str) -> Iterator[str]:
        """The elements of the picture."""
        found = [one for one in stretches(self.recording) if one.end_ns >= self.t0]
        yield _text(2, self.top + 13, _in_words(title, self.recording))
        yield from self._legend()
        for worker, own in _rows(slices(found), self.recording.workers):
            yield from self._worker(worker, own)
        yield from self._missed()
        yield from self._queues(found)
        yield from self._contexts()
        yield from self._shifts()

    def x(self, t_ns: int) -> float:
        """Where a time is, px."""
        return _GUTTER + (max(t_ns, self.t0) - self.t0) * self.scale

    def _legend(self) -> Iterator[str]:
        x = _GUTTER
        for place, kind in enumerate(self.recording.kinds):
            y, colour = self.top + 21, _colour(place)
            yield f'<rect x="{x}" y="{y}" width="9" height="9" fill="{colour}"/>'
            yield _text(x + 13, self.top + 29, kind.name, "soft")
            x += 30 + 7 * len(kind.name)

    def _band(self, y: int, height: int) -> str:
        width = _WIDTH - _GUTTER - _EDGE
        return f'<rect class="band" x="{_GUTTER}" y="{y}" width="{width}" height="{height}"/>'

    def _worker(self, worker: int, own: Sequence[Stretch]) -> Iterator[str]:
        y = self.workers + worker * (_WORKER + _GAP)
        yield self._band(y, _WORKER)
        yield _text(2, y + 17, f"worker {worker}")
        paths: dict[str, list[str]] = {}
        last = 0.0
        for one in own:
            left, right = max(self.x(one.begin_ns), last), self.x(one.end_ns)
            if right <= last:  # narrower than what was drawn already
                continue
            width = max(right - left, 0.8)
            last = left + width
            high = round(_WORKER * _HEIGHTS[one.level])
            path = f"M{left:.1f} {y + _WORKER}v-{high}h{width:.1f}v{high}z"
            paths.setdefault(_colour(one.kind), []).append(path)
        for colour, found in paths.items():
            yield f'<path fill="{colour}" d="{"".join(found)}"/>'

    def _missed(self) -> Iterator[str]:
        y = self.misses
        yield self._band(y, _MISSES)
        yield _text(2, y + 12, "✕ missed", "miss")
        cross, word = 0.0, 0.0
        for one in misses(self.recording):
            x = self.x(one.t_ns)
            if one.t_ns < self.t0 or x < cross:
                continue
            cross = x + 8
            yield _text(x - 4, y + 12, "✕", "miss")
            cause = one.cause.name.lower().replace("_", " ")
            if x >= word and x + 6 * len(cause) < _WIDTH:
                word = x + 6 * len(cause) + 6
                yield _text(x - 4, y + 25, cause)

    def _queues(self, found: Iterable[Stretch]) -> Iterator[str]:
        steps = depths(found)
        for level in Level:
            y, floor = self._level(level), self._level(level) + _LEVEL
            most = max((step.queued[level] for step in steps), default=0)
            yield self._band(y, _LEVEL)
            yield _text(2, y + 13, f"{_BARS[level]} {level.name}")
            yield _text(2, y + 26, f"at most {most} queued", "soft")
            if most:
                path = "".join(
                    f"H{x}V{floor - depth / most * (_LEVEL - 2):.1f}"
                    for x, depth in self._profile(steps, level)
                )
                end = f"H{self.x(self.t1):.1f}V{floor}z"
                yield f'<path class="depth" d="M{_GUTTER} {floor}{path}{end}"/>'

    def _profile(self, steps: Iterable[Depth], level: int) -> Iterator[tuple[int, int]]:
        """How high a queue was from each pixel on: the last depth there."""
        at = {round(self.x(step.t_ns)): step.queued[level] for step in steps}
        last = 0
        for x, depth in at.items():
            if depth != last:
                yield x, depth
            last = depth

    def _contexts(self) -> Iterator[str]:
        for one in context_shifts(self.recording):
            if one.t_ns >= self.t0:
                x, y = self.x(one.t_ns), self.top + 8
                yield f'<path class="context" fill="none" d="M{x:.1f} {y}V{self.bottom - 6}"/>'
                yield _text(x + 4, y + 6, f"context: {self.recording.context_name(one.context)}")

    def _shifts(self) -> Iterator[str]:
        words = dict.fromkeys(Level, 0.0)
        for one in shifts(self.recording):
            if one.t_ns < self.t0:
                continue
            x, y0, y1 = self.x(one.t_ns), self._middle(one.before), self._middle(one.after)
            tip = 5 if y1 < y0 else -5
            yield (
                f'<path class="shift" fill="none" stroke-width="{1 if one.task else 2.5}" '
                f'd="M{x:.1f} {y0}V{y1}m-4 {tip}l4 {-tip}l4 {tip}"/>'
            )
            word = one.reason.name.lower()
            yield _text(x - 4, y0 + 4, _SHAPES.get(word, "◆"))
            if not one.task:
                word = f"{self.recording.kind_name(one.kind)}: {word}"
            level = Level(one.after)
            if x >= words[level] and x + 6 * len(word) < _WIDTH - _EDGE:
                words[level] = x + 6 * len(word) + 8
                yield _text(x + 6, y1 - 2, word)

    def _level(self, level: int) -> int:
        return self.levels + level * (_LEVEL + _GAP)

    def _middle(self, level: int) -> int:
        return self._level(level) + _LEVEL // 2


def _rows(found: dict[int, list[Stretch]], workers: int) -> Iterator[tuple[int, list[Stretch]]]:
    """Each worker with what it ran, those that ran nothing, too."""
    for worker in range(workers):
        yield worker, found.get(worker, [])


def _colour(kind: int) -> str:
    return _COLOURS[kind % len(_COLOURS)]


def _text(x: float, y: float, words: str, name: str = "") -> str:
    kind = f' class="{name}"' if name else ""
    return f'<text x="{x:.1f}" y="{y:.1f}"{kind}>{escape(words)}</text>'
