"""Where do presets live? In a folder that the user names, one JSON file for each.

`pipeline.save_preset` writes them and `pipeline.load_preset` reads them, so that code and controls
share them.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ipywidgets

from widgets.routes import keep_answering

if TYPE_CHECKING:
    from collections.abc import Callable

    from toolkit import Pipeline

__all__ = ["PresetBar", "PresetFolder"]

_NAME = re.compile(r"\w[\w .+-]{0,80}")


class PresetFolder:
    """The presets of a pipeline in one folder.

    Args:
        pipeline: whose parameters.
        folder: is made with the first preset.
    """

    def __init__(self, pipeline: Pipeline, folder: str | Path) -> None:
        self._pipeline = pipeline
        self.folder = Path(folder)

    def names(self) -> list[str]:
        """What is there, by name."""
        return sorted(path.stem for path in self.folder.glob("*.json"))

    def path(self, name: str) -> Path:
        """The file of a preset.

        Raises:
            ValueError: a name that is none, or that leads out of the folder.
        """
        name = name.strip()
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"{name!r} is no name for a preset: use letters, digits, blanks, and . + - _"
                if name
                else "give the preset a name first"
            )
        return self.folder / f"{name}.json"

    def save(self, name: str) -> None:
        """Write the parameters of now. Blocks for the disk.

        Raises:
            ValueError: a name that cannot be one.
            OSError: the folder cannot be written.
        """
        path = self.path(name)
        self.folder.mkdir(parents=True, exist_ok=True)
        self._pipeline.save_preset(path)

    def load(self, name: str) -> None:
        """Set the parameters of a preset: all of them, or none. Blocks for the disk.

        Raises:
            ValueError: there is none of that name, or it does not fit this pipeline.
        """
        path = self._existing(name)
        self._pipeline.load_preset(path)

    def delete(self, name: str) -> None:
        """Delete a preset's file.

        Raises:
            ValueError: there is none of that name.
        """
        self._existing(name).unlink()

    def _existing(self, name: str) -> Path:
        path = self.path(name)
        if not path.is_file():
            there = ", ".join(self.names()) or "none"
            raise ValueError(f"there is no preset {name.strip()!r}; there are: {there}")
        return path


class PresetBar(ipywidgets.HBox):
    """A name, and what to do with it.

    Args:
        presets: the folder.
        load: called with a name; sets the parameters.
        say: called with a sentence about what happened.
    """

    def __init__(
        self,
        presets: PresetFolder,
        *,
        load: Callable[[str], None],
        say: Callable[[str], None],
    ) -> None:
        self._presets = presets
        self._say = say
        self._doomed = ""
        self.name = ipywidgets.Combobox(
            description="Preset",
            placeholder="a name",
            tooltip="the name of a preset: a new one to save, or one of the list",
            ensure_option=False,
            style={"description_width": "auto"},
        )
        self.save = self._button("Save", "save all parameters under this name", self._save)
        self.load = self._button("Load", "set the parameters of this preset", self._load_named)
        self.delete = self._button("Delete", "delete the preset's file", self._delete)
        self._load = load
        super().__init__([self.name, self.save, self.load, self.delete])
        self.add_class("dh-presets")
        for one in self.children:
            keep_answering(one)
        self._list()

    def _button(self, text: str, hint: str, action: Callable[[str], None]) -> ipywidgets.Button:
        def pressed(_: Any) -> None:
            name = self.name.value.strip()
            if action != self._delete:
                self._spare()
            try:
                action(name)
            except (OSError, ValueError) as error:
                self._say(str(error))
            self._list()

        button = ipywidgets.Button(description=text, tooltip=hint)
        button.add_class("dh-small")
        button.on_click(pressed)
        return button

    def _list(self) -> None:
        self.name.options = tuple(self._presets.names())

    def _save(self, name: str) -> None:
        self._presets.save(name)
        self._say(f"Saved {name!r}.")

    def _load_named(self, name: str) -> None:
        self._load(name)
        self._say(f"Loaded {name!r}.")

    def _delete(self, name: str) -> None:
        self._presets.path(name)
        if self._doomed != name:
            self._doomed = name
            self.delete.description = "Really?"
            self._say(f"Press again to delete {name!r}; nothing brings it back.")
            return
        self._spare()
        self._presets.delete(name)
        self._say(f"Deleted {name!r}.")

    def _spare(self) -> None:
        self._doomed = ""
        self.delete.description = "Delete"
