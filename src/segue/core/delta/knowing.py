"""Which of the files that changed a session knows: what it has of them is old."""

from collections.abc import Collection, Mapping
from typing import Final

from segue.core.session.sections import Item

_MOST: Final = 50


def stale(items: Mapping[str, Item], root: str, changed: Collection[str]) -> tuple[str, ...]:
    """Return the files among *changed* (paths below *root*) that a session read or wrote, those used most lately first."""
    found = []
    for name, item in sorted(items.items(), key=lambda entry: -entry[1]["seq"]):
        path = below(item["path"] or name, root) if item["kind"] == "file" else ""
        if path and path in changed:
            found.append(path)
    return tuple(dict.fromkeys(found))[:_MOST]


def below(path: str, root: str) -> str:
    """Return *path* as it is below *root*; a path that is not absolute as it is; empty where it is elsewhere."""
    if not path.startswith("/"):
        return path.removeprefix("./")
    return path[len(root) + 1 :] if root and path.startswith(f"{root}/") else ""
