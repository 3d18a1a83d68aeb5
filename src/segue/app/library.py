"""Wiring of the library: where its folders are."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segue.app.wiring import App
    from segue.core.session.state import State
    from segue.host.library.folders import Folders

CACHE = "cache"
"""The directory in segue's home for what can be deleted at any time."""
TOP = "organizations"
"""The directory that makes a folder a library."""


def folders_of(app: "App") -> list[str]:
    """Return the folders of the library: the configured ones, else the workspace where it is one, and `library` in segue's home.

    Relative ones are below the workspace.
    """
    given = [part for part in app.config["library"].split(":") if part.strip()]
    if given:
        return [str(Path(app.workspace, Path(part.strip()).expanduser())) for part in given]
    here = [app.workspace] if Path(app.workspace, TOP).is_dir() else []
    return [*here, str(app.config.home / "library")]


def library_of(app: "App") -> "Folders":
    """Return the library. Beside an encrypted store nothing of what notes say is kept."""
    from segue.host.library.folders import Folders

    return Folders(folders_of(app), app.config.home / CACHE, app.clock, keep=not app.boxes.tag)


def concerns(app: "App", state: "State") -> bool:
    """Return whether there is a folder of notes, or the session relies on a note: else there is nothing to look for."""
    return any(Path(folder).is_dir() for folder in folders_of(app)) or any(i["kind"] != "file" for i in state.items.values())


def forget_catalogues(app: "App") -> None:
    """Delete what is known of notes: it can be had again. Raises OSError."""
    for file in (app.config.home / CACHE / "library").glob("*.sqlite*"):
        file.unlink(missing_ok=True)


def is_structured(app: "App") -> bool:
    """Return whether new notes are put where organisation and project say: in a library, not in any other folder."""
    first = Path(folders_of(app)[0])
    return (first / TOP).is_dir() or first == app.config.home / "library"
