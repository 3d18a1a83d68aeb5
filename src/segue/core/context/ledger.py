"""The ledger of files: which files a session is about, what was done to them, and with which names, most relevant first."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from math import exp
from typing import Final, NamedTuple

from segue.core.context.condense import Unit
from segue.core.context.items import mentions
from segue.core.context.paths import longer_names

_WEIGHT: Final = {"edit": 4.0, "write": 4.0, "read": 2.0, "run": 1.5, "search": 1.0, "other": 1.0, "said": 1.0, "shown": 0.25}
_FADES: Final = 60
"""Units after which a use counts about a third."""
_FLOOR: Final = 0.15
_SHOWN_AT_MOST: Final = 10
"""Paths that each end of an output contributes: a listing of a whole tree says little about each. What is being worked on is
at the end of what a compiler or a test says, behind what it is built on."""
_SHOWN_IN: Final = 10_000
"""Characters of each end in which they are looked for."""
_SHOWN_LATELY: Final = 400
"""Units back to which paths in outputs are looked for."""
_NAMED: Final = 12
"""Files that are listed with names."""
_NAMED_FROM: Final = 40
"""Latest uses of a file that its names are taken from."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{3,}")
_COMPOUND: Final = re.compile(r"[a-z0-9]_[A-Za-z0-9]|[a-z][A-Z]")


class Use(NamedTuple):
    """What was done to a file in a part of a conversation that is not looked at: the weights of it, how often what, the last."""

    weight: float
    times: dict[str, int]
    seq: int


class FileLine(NamedTuple):
    """A file of the ledger: how relevant, how often what was done, the names its changes and reads are about."""

    path: str
    score: float
    uses: dict[str, int]
    names: list[str]
    seq: int


def weight_of(op: str) -> float:
    """Return what one use of a file counts."""
    return _WEIGHT.get(op, _WEIGHT["other"])


def ledger(units: Sequence[Unit], older: Mapping[str, Use] = {}, home: str = "") -> list[FileLine]:
    """Return the files of a conversation, most relevant first: by what was done to them, how often and how lately.

    *home* is the root of the workspace: a file is listed once, under its longest name. *older* is what was done to files before
    these units; what is said of files in it counts as long ago.
    """
    scores = {path: use.weight * _FLOOR for path, use in older.items()}
    uses = {path: Counter(use.times) for path, use in older.items()}
    last = {path: use.seq for path, use in older.items()}
    changed: dict[str, list[int]] = {}
    for place, unit in enumerate(units):
        weight = _weight(len(units), place)
        for path, how in _used(unit, shown=len(units) - place <= _SHOWN_LATELY):
            scores[path] = scores.get(path, 0.0) + _WEIGHT[how] * weight
            last[path] = unit.seq
            uses.setdefault(path, Counter())
            if how != "shown":
                uses[path][how] += 1
        if unit.op in {"edit", "write", "read"} and not unit.failed and len(unit.touches) == 1:
            changed.setdefault(unit.touches[0].path, []).append(place)
    for path, name in longer_names(scores, home).items():
        scores[name] += scores.pop(path)
    found = []
    for order, (path, score) in enumerate(sorted(scores.items(), key=lambda entry: (-entry[1], entry[0]))):
        names = _names(units, changed.get(path, ())) if order < _NAMED else []
        found.append(FileLine(path, score, dict(uses[path]), names, last[path]))
    return found


def _weight(count: int, place: int) -> float:
    return _FLOOR + exp((place - count + 1) / _FADES)


def _used(unit: Unit, *, shown: bool) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    found += [(touch.path, touch.op if touch.op in _WEIGHT else "other") for touch in unit.touches if _is_file(touch.path)]
    if unit.kind in {"prose", "instruction"}:
        found += [(path, "said") for path in mentions(unit.text)]
    elif shown and unit.op in {"run", "search"}:
        known = {path for path, _ in found}
        found += [(path, "shown") for path in _named_in(unit.text) if path not in known]
    return found


def _named_in(output: str) -> list[str]:
    """Return the paths that an output names at its beginning and at its end."""
    if len(output) <= 2 * _SHOWN_IN:
        first = last = mentions(output)
    else:
        first, last = mentions(output[:_SHOWN_IN]), mentions(output[-_SHOWN_IN:])
    return list(dict.fromkeys([*_worked_on(first)[:_SHOWN_AT_MOST], *_worked_on(last)[-_SHOWN_AT_MOST:]]))


def _worked_on(paths: list[str]) -> list[str]:
    """Return *paths* without what git keeps for itself: a listing of everything names it, and nobody edits it."""
    return [path for path in paths if ".git/" not in path]


def _is_file(path: str) -> bool:
    return bool(path) and not path.endswith("/")


def _names(units: Sequence[Unit], places: Sequence[int]) -> list[str]:
    """Return the compound names in what was changed and read at *places*, those that count most first."""
    names: dict[str, float] = {}
    for place in places[-_NAMED_FROM:]:
        unit = units[place]
        lines = unit.text.splitlines()
        if unit.op == "edit":
            lines = [line for line in lines if line[:1] in "+-"] or lines
        scale = _weight(len(units), place) * (3.0 if unit.op != "read" else 0.5)
        for name, count in Counter(_NAME.findall("\n".join(lines[:400]))).items():
            if _COMPOUND.search(name):
                names[name] = names.get(name, 0.0) + scale * min(count, 4) ** 0.5
    return sorted(names, key=lambda name: (-names[name], name))[:24]
