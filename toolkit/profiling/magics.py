"""What did this cell cost? `%load_ext toolkit`, and then `%%frame_profile` on top of it.

```
%%frame_profile --budget allocations=0,syncs=0 -o session
for frame in pipeline.run(video):
    show(frame["edges"])
```
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class
from IPython.display import display  # pyright: ignore[reportUnknownVariableType] half typed

from toolkit.profiling.capture import profile
from toolkit.profiling.holding import Holding
from toolkit.profiling.overrun import OverBudget
from toolkit.profiling.reporters import html
from toolkit.profiling.terms import LIMITS, Terms

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from toolkit.profiling.session import Session

__all__ = ["FrameProfileMagics", "load_ipython_extension"]


def load_ipython_extension(shell: InteractiveShell) -> None:
    """What `%load_ext toolkit` calls: `%frame_profile` and `%%frame_profile` are there then."""
    shell.register_magics(FrameProfileMagics)


@magics_class
class FrameProfileMagics(Magics):
    """The magics of the profiler."""

    @line_cell_magic
    def frame_profile(self, line: str, cell: str | None = None) -> Any:
        """Run a line or a cell, and show what it cost: any torch code, pipelines or not.

        Usage, in a line or on top of a cell:
          %frame_profile [options] statement
          %%frame_profile [options]

        Options:
          --level LEVEL    how closely to look: counts, or another level there is; counts
          --budget LIMITS  such as allocations=0,d2h_bytes=0,peak_bytes=8MB: what a frame may use,
                           or all of it where there are no frames; action=warn only warns
          --html           show the bill as HTML
          -o NAME          keep the session in this variable; NAME.bill() is the bill

        The bill is shown and the session is kept when the code raises or is interrupted, too.
        """
        __tracebackhide__ = True
        options, statement = self.parse_options(
            *(line, "o:", "level=", "budget=", "html"),
            preserve_non_opts=True,
            posix=False,
            strict=False,
        )
        terms = _terms(options.get("budget", ""))
        recorder = _profile(options.get("level", "counts"))
        source = statement if cell is None else cell
        if cell is not None and statement.strip():
            raise UsageError(f"%%frame_profile takes options alone in its line, not {statement!r}.")
        if not source.strip():
            raise UsageError("%frame_profile profiles nothing: write a statement behind it.")
        holding = Holding(terms, "")
        try:
            with recorder, holding:
                result = self._run(source)
        finally:
            self._show(recorder.session, options)
        if holding.overrun is not None:
            raise OverBudget(holding.overrun)
        return result

    def _run(self, source: str) -> Any:
        """Run source as a cell is run; gives the value of its last expression."""
        __tracebackhide__ = True
        shell: Any = self.shell
        code = shell.transform_cell(source)
        name = shell.compile.cache(code, shell.execution_count, raw_code=source)
        parsed = shell.compile.ast_parse(code, filename=name)
        last = parsed.body[-1] if parsed.body else None
        is_shown = isinstance(last, ast.Expr) and not source.rstrip().endswith(";")
        if is_shown:
            parsed.body.pop()
        space = shell.user_ns
        exec(compile(parsed, name, "exec"), space)
        if isinstance(last, ast.Expr) and is_shown:
            return eval(compile(ast.Expression(last.value), name, "eval"), space)
        return None

    def _show(self, session: Session, options: Any) -> None:
        shell: Any = self.shell
        if "o" in options:
            shell.user_ns[options["o"]] = session
        bill = session.bill()
        shown = {"text/plain": str(bill)}
        if "html" in options:
            shown["text/html"] = html.table(bill)
        display(shown, raw=True)


def _terms(text: str) -> Terms:
    if not text:
        return Terms(action="off")
    try:
        terms = Terms.read(text)
    except ValueError as error:
        raise UsageError(f"--budget {text}: {error}") from None
    if not terms.limits:
        raise UsageError(f"--budget {text} limits nothing: set some of {', '.join(LIMITS)}.")
    return terms


def _profile(level: str) -> profile:
    try:
        return profile(level)
    except ValueError as error:
        raise UsageError(f"--level: {error}") from None
