"""One name for one file: agents name a file of the workspace by its absolute path, commands and outputs by a relative one."""

from collections.abc import Collection, Mapping, Sequence

from segue.core.context.condense import Unit
from segue.core.context.files import file_of


def with_one_name(units: Sequence[Unit], home: str) -> list[Unit]:
    """Return *units*, of which those that show or change a file below *home*, the root of the workspace, give it one name.

    So its lines come together. Only a relative path of a file whose absolute one is among them too is changed, and only one with
    a directory in it: where a command ran is not known, and a directory has a `README.md` like its neighbours.
    """
    absolute = {path for unit in units if (path := file_of(unit)).startswith("/")}
    return [_renamed(unit, home.rstrip("/"), absolute) for unit in units] if home and absolute else [*units]


def _renamed(unit: Unit, home: str, absolute: Collection[str]) -> Unit:
    path = file_of(unit)
    full = _in_full(path, home, absolute)
    return unit if full == path else unit._replace(touches=(unit.touches[0]._replace(path=full),))


def _in_full(path: str, home: str, absolute: Collection[str]) -> str:
    if path.startswith("/") or "/" not in path.removeprefix("./"):
        return path
    full = f"{home}/{path.removeprefix('./')}"
    return full if full in absolute else path


def longer_names(paths: Mapping[str, float], home: str) -> dict[str, str]:
    """Return for each of *paths* (with what each counts) that is the end of a longer one the longest name of the same file.

    Of several that end in it the one below *home* is meant, or the one that counts most. `../` says nothing of where it was said.
    """
    found: dict[str, str] = {}
    by_name: dict[str, list[str]] = {}
    for path in paths:
        by_name.setdefault(path.rsplit("/", 1)[-1], []).append(path)
    for same in by_name.values():
        for path in same:
            end = _end(path)
            longer = [other for other in same if len(_end(other)) > len(end) and other.endswith(f"/{end}")]
            if longer:
                full = f"{home.rstrip('/')}/{end}"
                found[path] = full if home and full in longer else max(longer, key=lambda other: (paths[other], other))
    return {path: _last(found, path) for path in found}


def _end(path: str) -> str:
    """Return *path* without what it begins with, where that is relative."""
    while path.startswith(("./", "../")):
        path = path.split("/", 1)[1]
    return path.lstrip("/")


def _last(names: Mapping[str, str], path: str) -> str:
    while path in names:  # each is longer than the one before
        path = names[path]
    return path
