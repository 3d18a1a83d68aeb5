"""From the mirror to files, as the store had them: what is damaged is left out, the rest is there."""

import re
from pathlib import Path
from typing import Final

from segue.core.errors import MirrorError
from segue.host.mirror.trees import Tree
from segue.host.private import make, new

_PART: Final = re.compile(r"\d{10,}-\d{10,}\Z")


def export(tree: Tree, directory: Path) -> int:
    """Write what is in *tree* into *directory*, and return how many objects are damaged or missing."""
    try:
        found = tree.entries()
    except (MirrorError, ValueError):
        return 1
    damaged = 0
    for name, entry in sorted(found.items()):
        if not entry.directory:
            damaged += _write(tree, [name], directory / name)
        elif _is_parts(tree, name):
            parts = [f"{name}/{part}" for part in tree.names(name)]
            damaged += _write(tree, parts, directory / name)
        else:
            damaged += _below(tree, name, directory)
    return damaged


def _below(tree: Tree, name: str, directory: Path) -> int:
    within = tree.at(name)
    return export(within, directory / name) if within else 0


def _is_parts(tree: Tree, name: str) -> bool:
    try:
        names = tree.names(name)
    except (MirrorError, ValueError):
        return False
    return bool(names) and all(_PART.match(one) for one in names)


def _write(tree: Tree, paths: list[str], file: Path) -> int:
    """Write the objects at *paths* into one file, one behind the other; return how many are damaged."""
    make(file.parent)
    damaged = 0
    with new(file) as out:
        for path in paths:
            try:
                out.write(tree.content(path))
            except MirrorError:
                damaged += 1
    return damaged
