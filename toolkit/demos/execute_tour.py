"""How is the committed tour made? By running it, and leaving out what belongs to one machine.

    python -m toolkit.demos.execute_tour                 # notebooks/00__tour.ipynb, in place
    python -m toolkit.demos.execute_tour OTHER.ipynb

Live views become pictures: a widget's view is replaced by the picture that its image shows, for a
page without a kernel has no widgets. Counters, times, paths and widget state are left out, so that
two runs differ in pixels of plots at most.
"""

from __future__ import annotations

import json
import sys
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["clean", "execute", "main"]

ROOT = Path(__file__).resolve().parents[2]
TOUR = ROOT / "notebooks" / "00__tour.ipynb"
LIMIT_SECONDS = 300
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
WIDGET_STATE = "application/vnd.jupyter.widget-state+json"
MOST_BYTES = 1_000_000

Notebook = dict[str, Any]


def execute(path: Path) -> Notebook:
    """Run all cells in a fresh kernel, without a front end; the notebook with its outputs.

    Blocks until they have run, at most five minutes for each cell.

    Raises:
        nbclient.exceptions.CellExecutionError: a cell failed, and carries no tag that allows it.
    """
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook,
        timeout=LIMIT_SECONDS,
        kernel_name="python3",
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.execute()
    return json.loads(nbformat.writes(notebook))


def clean(notebook: Notebook) -> Notebook:
    """A copy with posters in place of widgets, and without what another run would change."""
    made = deepcopy(notebook)
    states = made["metadata"].pop("widgets", {}).get(WIDGET_STATE, {}).get("state", {})
    kernel = made["metadata"].get("kernelspec", {})
    made["metadata"] = {"kernelspec": kernel, "language_info": {"name": "python"}}
    for cell in made["cells"]:
        tags = cell["metadata"].get("tags")
        cell["metadata"] = {"tags": tags} if tags else {}
        if cell["cell_type"] != "code":
            continue
        cell["outputs"] = [
            _cleaned(output, states) for output in cell["outputs"] if not _is_noise(output)
        ]
    counted = [cell for cell in made["cells"] if cell["cell_type"] == "code"]
    for count, cell in enumerate(counted, start=1):
        cell["execution_count"] = count
        for output in cell["outputs"]:
            if "execution_count" in output:
                output["execution_count"] = count
    return made


def main(path: Path = TOUR) -> None:
    """Run the notebook at `path` and write it back, executed and clean.

    Raises:
        ValueError: the result is larger than a notebook under version control may be.
    """
    text = json.dumps(clean(execute(path)), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    nbytes = len(text.encode())
    if nbytes > MOST_BYTES:
        raise ValueError(
            f"{path.name} has {nbytes} bytes with its outputs, and {MOST_BYTES} are allowed: "
            "draw fewer or smaller pictures"
        )
    path.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{path.name}: {nbytes / 1e6:.2f} MB with its outputs\n")


def _is_noise(output: dict[str, Any]) -> bool:
    """Warnings and progress on standard error: of this run, not of the tour."""
    return output["output_type"] == "stream" and output.get("name") == "stderr"


def _cleaned(output: dict[str, Any], states: dict[str, Any]) -> dict[str, Any]:
    data = output.get("data", {})
    view = data.pop(WIDGET_VIEW, None)
    if view is not None:
        data.clear()
        models = list(_inside(view["model_id"], states))
        images = (one for one in models if one["model_name"] == "ImageModel")
        for image in images:
            kind, picture = image["state"].get("format", "png"), _buffer(image, "value")
            if picture:
                data[f"image/{kind}"] = picture
        lines = (_line(one["state"]) for one in models)
        data["text/plain"] = "\n".join(line for line in lines if line) or "a live view"
    if output["output_type"] in ("display_data", "execute_result"):
        output["metadata"] = {}
    return output


def _inside(model_id: str, states: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A widget's model and those of all widgets in it, from the top down."""
    model = states.get(model_id)
    if model is None:
        return
    yield model
    for child in model["state"].get("children", ()):
        yield from _inside(child.removeprefix("IPY_MODEL_"), states)


def _buffer(model: dict[str, Any], name: str) -> str:
    """A binary value as base64, or nothing."""
    found = [one["data"] for one in model.get("buffers", ()) if one["path"] == [name]]
    return found[0] if found else ""


def _line(state: dict[str, Any]) -> str:
    """What a control says: its description and its value."""
    description, value = state.get("description"), state.get("value")
    return f"{description}: {value}" if description and value is not None else ""


if __name__ == "__main__":
    main(*(Path(argument) for argument in sys.argv[1:]))
