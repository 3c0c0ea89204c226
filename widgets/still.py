"""What does a reader see where no kernel or no front end runs? A picture, and one line of text.

A notebook that was saved and is looked at elsewhere (a static page, a review, a pull request) has
no widgets. So a widget's output carries three things: its view, for a page with a kernel; the last
picture as PNG; and one line that is the same in every run, so that comparing outputs compares
something.

The picture is shown only where the notebook carries no widget state: a viewer that finds state
tries to draw the widget from it. JupyterLab saves none by default (its setting "Save Jupyter widget
state in notebooks" is off); `nbclient` saves it unless `store_widget_state=False`, and `nbconvert
--execute` with it, so drop `metadata.widgets` from what they made.
"""

from __future__ import annotations

import base64
from contextlib import suppress
from typing import Any

__all__ = ["Still"]


class Still:
    """Mixin for a widget, first among its bases: `class Live(Still, anywidget.AnyWidget)`.

    Override `still_text`, and `still_png` where there is a picture. Neither may fail, wait for a
    pipeline, or say anything that differs between two runs.
    """

    def still_text(self) -> str:
        """One stable line: no address in memory, no time, no counter."""
        return f"{type(self).__name__}()"

    def still_png(self) -> bytes | None:
        """The picture that stands for the widget, as the bytes of a PNG, or None. Computes none."""
        return None

    def __repr__(self) -> str:
        """The text in one line: what a box that holds the widget says of it, and a saved notebook.

        Never raises: a box asks for it, and a traceback.
        """
        name = type(self).__name__
        with suppress(Exception):
            first, *more = self.still_text().splitlines()
            line = f"{first} …" if more else first
            return line if line.startswith(name) else f"{name}({line})"
        return f"{name}()"

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        """The widget's view with its text and its picture beside it, as data and metadata."""
        above: Any = super()
        bundle = above._repr_mimebundle_(**options)
        data, metadata = bundle if isinstance(bundle, tuple) else (bundle or {}, {})
        data = data | {"text/plain": self.still_text()}
        picture = self.still_png()
        if picture:
            data["image/png"] = base64.b64encode(picture).decode("ascii")
        return data, metadata
