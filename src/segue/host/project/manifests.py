"""The files of a project that say what it depends on, found within two directories of its root."""

import os
from collections.abc import Iterator
from typing import Final

from segue.core.delta.manifests import is_manifest
from segue.host.project.digests import Digests
from segue.ports.workspace import shown

_MOST: Final = 50
_ENTRIES: Final = 5_000
_DEEP: Final = 2
OTHERS: Final = frozenset({"node_modules", "vendor", "venv", "env", "target", "dist", "build", "site-packages"})
"""Directories that hold what others made."""


def manifests(root: str, digests: Digests) -> dict[str, str]:
    """Return the digest of each file below *root* that says what the project depends on, by path."""
    found = {}
    for path in _paths(root):
        if digest := digests.of(path):
            found[shown(path)] = digest
        if len(found) == _MOST:
            break
    return dict(sorted(found.items()))


def read(root: str, path: str, most: int = 8 << 20) -> str:
    """Return the text of a file below *root*; empty where there is none, or it is larger than *most* bytes."""
    try:
        place = os.path.join(root, path)  # noqa: PTH118
        with open(os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
            data = file.read(most + 1)
    except (OSError, ValueError):
        return ""
    return data.decode("utf-8", "replace") if len(data) <= most else ""


def _paths(root: str) -> Iterator[str]:
    """Yield paths, those near the root first."""
    left, places = _ENTRIES, [""]
    for deep in range(_DEEP + 1):
        below: list[str] = []
        for place in places:
            try:
                with os.scandir(os.path.join(root, place) if place else root) as entries:  # noqa: PTH118
                    here = sorted(entries, key=lambda e: e.name)[:left]
            except OSError:
                continue
            left -= len(here)
            for entry in here:
                path = f"{place}{entry.name}"
                if is_manifest(entry.name) and entry.is_file(follow_symlinks=False):
                    yield path
                elif deep < _DEEP and not entry.name.startswith(".") and entry.name not in OTHERS and _is_directory(entry):
                    below.append(f"{path}/")
        places = below


def _is_directory(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False
