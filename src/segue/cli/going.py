"""How `segue resume --in` reads for people: what was carried, what was verified, and the command."""

import shlex
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Protocol

from segue.cli.frame import Frame
from segue.cli.render import line, plural, table
from segue.core.together.conversation import FATES, Carried
from segue.engine.resuming.resumption import Resumption

_WAYS = {
    "native": "which has it",
    "converted": "with a transcript that was written for it",
    "prompt": "with the restored context to read",
}
_WHYS = 12
"""Reasons that are told; all of them are in --json."""


class Goes(Protocol):
    """What is typed to go on."""

    @property
    def prepare(self) -> tuple[tuple[str, ...], ...]:
        """Commands that are run before."""
        ...

    @property
    def command(self) -> tuple[str, ...]:
        """The command; empty where there is none."""
        ...

    @property
    def workspace(self) -> str:
        """Where they are run."""
        ...


def command_line(found: Goes, cwd: str) -> str:
    """Return what to type, from the directory *cwd*; empty where no program goes on in what was written."""
    if not found.command:
        return ""
    lines = [shlex.join(words) for words in (*found.prepare, found.command)]
    if found.workspace and found.workspace != cwd:
        lines.insert(0, shlex.join(("cd", found.workspace)))
    return " && ".join(lines)


def text(found: Resumption, command: str, frame: Frame, begins: Iterable[str] = ()) -> str:
    """Return the whole answer; *begins*: from where it goes on, a line each."""
    would = " (nothing was written)" if found.dry else ""
    how = f"goes on in {found.agent}, {_WAYS[found.way]}" if found.command else f"is written as {found.agent}"
    about = [f"{found.name or found.session} {how}{would}", *begins, *_about(found, frame)]
    if found.carried:
        rows = list(_rows(found.carried))
        about += [
            "",
            table(rows, ("", *FATES), frame.width).rstrip("\n"),
            *(line(why, frame.width) for why in _whys(found.carried)),
        ]
    about += [f"warning: {warning}" for warning in found.warnings]
    return "\n".join((*about, "", command or "".join(found.files[:1]), ""))


def _about(found: Resumption, frame: Frame) -> Iterator[str]:
    checked = found.checked
    sound = "sound" if not checked.findings else f"damaged in {plural(len(checked.findings), 'place')}: segue validate"
    yield f"verified  {plural(checked.events, 'event')}, {sound}; first {checked.first[:12]}, last {checked.last[:12]}"
    how = "" if found.method in {"exact", "usage"} else "about "
    if found.way == "native" and found.tokens:
        yield f"context   {found.tokens:,} tokens of {_window(found)}, as its provider counted last"
    if found.way == "converted":
        condensed = f", the first for {found.condensed:,} older ones" if found.condensed else ""
        yield f"carried   {plural(found.turns, 'turn')}{condensed}; {how}{found.tokens:,} tokens of {_window(found)}"
    elif found.way == "prompt":
        yield f"to read   {found.files[0]}, {how}{found.tokens:,} tokens"
    if found.freed:
        yield f"condensed {found.freed:,} tokens are freed"
    if found.paths:
        yield f"paths     {plural(found.paths, 'place')} now in {found.workspace}"
    if found.continuation and found.continuation != found.session:
        yield f"taken up  as {frame.app.index.session(found.continuation).name}"
    for copy in found.copies:
        yield f"copied    {copy}"


def _window(found: Resumption) -> str:
    """Return a window's size, and who says so where it was not asked for."""
    by = {"configuration": "as configured", "model": found.window_model, "agent": f"the usual one of {found.agent}"}
    said = f" ({by[found.window_by]})" if found.window_by in by else ""
    return f"a window of {found.window:,}{said}"


def _rows(carried: Iterable[Carried]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each kind of thing; records that mean nothing to a conversation are one kind."""
    for what, lines in groupby(carried, key=lambda c: c.what.partition(".")[0]):
        found = list(lines)
        counts = [sum(c.number for c in found if c.fate == fate) for fate in FATES]
        yield (what, *(f"{n:,}" if n else "" for n in counts))


def _whys(carried: Iterable[Carried]) -> list[str]:
    """Return the reasons, the most frequent first."""
    counts: dict[tuple[str, str, str], int] = {}
    for c in carried:
        if c.why:
            key = (c.what.partition(".")[0], c.fate, c.why)
            counts[key] = counts.get(key, 0) + c.number
    found = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{number:>7,} {what} {fate}: {why}" for (what, fate, why), number in found[:_WHYS]]
    return shown + ([f"        and {plural(len(found) - _WHYS, 'more reason')}: --json"] if len(found) > _WHYS else [])
