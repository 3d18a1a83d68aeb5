"""Tables of a TOML file that is the user's: put behind everything else, and taken out, as text.

Every edit is checked by its meaning: the file must say what it said before, and ours, or it is refused.
"""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any, NamedTuple

Path = tuple[str, ...]


class NotTomlError(ValueError):
    """A text that is not TOML, or has a table in a form that cannot be changed by itself."""


class Merged(NamedTuple):
    """A file with our tables in it."""

    text: str
    pieces: tuple[str, ...]
    """What was put in."""


def has(text: str, tables: Mapping[Path, Mapping[str, Any]]) -> bool:
    """Return whether every table is there with its values, whatever else it has. Raises NotTomlError."""
    document = parse(text)
    return all(dict(values).items() <= _at(document, path).items() for path, values in tables.items())


def merge(text: str, tables: Mapping[Path, Mapping[str, Any]]) -> Merged:
    """Return *text*, which has none of the tables, with them behind it.

    Raises:
        NotTomlError: it is not TOML, or has one of the tables above them in a form that takes no more.
    """
    wanted = parse(text)
    line_end = "\r\n" if "\r\n" in text else "\n"
    pieces = []
    for path, values in tables.items():
        table = wanted
        for key in path:
            table = table.setdefault(key, {})
            if not isinstance(table, dict):
                raise NotTomlError(f"{'.'.join(path[:-1])} is no table")
        table |= values
        lines = [
            "",
            f"[{'.'.join(map(_key, path))}]",
            *(f"{_key(k)} = {json.dumps(v, ensure_ascii=False)}" for k, v in values.items()),
        ]
        pieces.append("".join(line + line_end for line in lines))
    if text and not text.endswith("\n"):
        pieces[0] = line_end + pieces[0]
    elif not text:
        pieces[0] = pieces[0][len(line_end) :]
    merged = text + "".join(pieces)
    if _parsed(merged) != wanted:
        raise NotTomlError(f"{'.'.join(next(iter(tables))[:-1])} is written in a form that takes no further table")
    return Merged(merged, tuple(pieces))


def unmerge(text: str, paths: set[Path], pieces: tuple[str, ...]) -> str:
    """Return *text* without the tables *paths*. What was put in word for word is taken out so, else the whole table.

    Raises:
        NotTomlError: it is not TOML, or a table cannot be taken out by itself.
    """
    document = parse(text)
    there = [path for path in paths if _at(document, path)]
    wanted = parse(text)
    for path in there:
        _drop(wanted, path)
    rest = text
    for piece in pieces:
        if rest.count(piece) == 1:
            rest = rest.replace(piece, "")
    if _same(rest, wanted):
        return rest
    rest = text
    for path in there:
        rest = _without(rest, path)
    if _same(rest, wanted):
        return rest
    raise NotTomlError("a table of ours was changed in a way that it cannot be taken out by itself")


def parse(text: str) -> dict[str, Any]:
    """Return the document. Raises NotTomlError."""
    try:
        return tomllib.loads(text.removeprefix("\ufeff"))
    except (tomllib.TOMLDecodeError, RecursionError) as e:
        raise NotTomlError(str(e)) from e


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        return parse(text)
    except NotTomlError:
        return None


def _same(text: str, wanted: dict[str, Any]) -> bool:
    found = _parsed(text)
    return found is not None and _pruned(found) == _pruned(wanted)


def _pruned(document: Any) -> Any:
    """Return the document without empty tables: a header that is left above nothing says nothing."""
    if not isinstance(document, dict):
        return document
    return {key: inner for key, value in document.items() if (inner := _pruned(value)) != {}}


def _at(document: Any, path: Path) -> dict[str, Any]:
    for key in path:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}


def _drop(document: dict[str, Any], path: Path) -> None:
    above = _at(document, path[:-1])
    above.pop(path[-1], None)


def _without(text: str, path: Path) -> str:
    """Return the text without the header of that table, the lines of its values and the blank line above it."""
    keys = r"[ \t]*\.[ \t]*".join(f"(?:{re.escape(_key(key))}|'{re.escape(key)}')" for key in path)
    return re.sub(
        rf"(?m)^(?:[ \t]*\r?\n)?[ \t]*\[[ \t]*{keys}[ \t]*\].*(?:\n|\Z)(?:[ \t]*[^\s#\[].*(?:\n|\Z))*", "", text, count=1
    )


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else json.dumps(key, ensure_ascii=False)
