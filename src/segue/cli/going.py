"""How `segue resume --in` reads for people: what was carried, what was verified, and the command."""

import shlex
from collections.abc import Iterator
from itertools import groupby

from segue.cli.frame import Frame
from segue.cli.render import plural, table
from segue.core.together.conversation import Carried
from segue.engine.conversion import Resumption

_WAYS = {
    "native": "as {agent} has it: {foreign_id}",
    "converted": "as a transcript of {agent}'s: {foreign_id}",
    "prompt": "with its restored context to read",
}
_WHYS = 3
"""Reasons that are told for one kind of thing; all of them are in --json."""


def command_line(found: Resumption, cwd: str) -> str:
    """Return what to type, from the directory *cwd*."""
    lines = [shlex.join(words) for words in (*found.prepare, found.command)]
    if found.workspace and found.workspace != cwd:
        lines.insert(0, shlex.join(("cd", found.workspace)))
    return " && ".join(lines)


def text(found: Resumption, command: str, frame: Frame) -> str:
    """Return the whole answer."""
    dry = " (nothing was written)" if found.dry else ""
    name = found.name or found.session
    head = f"{name} goes on {_WAYS[found.way].format(agent=found.agent, foreign_id=found.foreign_id)}{dry}\n"
    checked = found.checked
    sound = "sound" if not checked.findings else f"{plural(len(checked.findings), 'place')} damaged"
    about = [f"verified: {plural(checked.events, 'event')}, {sound}; first {checked.first[:12]}, last {checked.last[:12]}"]
    if found.way == "converted":
        about.append(_sizes(found))
    elif found.way == "prompt":
        about.append(f"to read: {found.files[0]}, about {found.tokens:,} tokens")
    if found.paths:
        about.append(f"paths: {plural(found.paths, 'place')} now in {found.workspace}")
    about += [f"copied first: {copy}" for copy in found.copies]
    rows = list(_rows(found.carried))
    shown = "\n" + table(rows, ("what", "kept", "mapped", "folded", "dropped", "added", "why"), frame.width) if rows else ""
    warnings = "".join(f"warning: {warning}\n" for warning in found.warnings)
    return head + "".join(f"{line}\n" for line in about) + shown + warnings + f"\n{command}\n"


def _sizes(found: Resumption) -> str:
    condensed = f", {found.condensed:,} older ones condensed into the first" if found.condensed else ""
    how = "" if found.method == "exact" else "about "
    return f"carried: {plural(found.turns, 'turn')}{condensed}; {how}{found.tokens:,} of {found.window:,} tokens"


def _rows(carried: tuple[Carried, ...]) -> Iterator[tuple[str, ...]]:
    """Yield a row for each kind of thing; records that mean nothing to a conversation are one kind."""
    for what, lines in groupby(carried, key=lambda c: c.what.partition(".")[0]):
        found = list(lines)
        counts = [sum(c.number for c in found if c.fate == fate) for fate in ("kept", "mapped", "folded", "dropped", "added")]
        whys = [f"{c.why} ({c.number:,})" for c in sorted(found, key=lambda c: -c.number) if c.why]
        whys = list(dict.fromkeys(whys)) if what != "record" else ["no part of what was said"]
        more = f"; and {len(whys) - _WHYS} more" if len(whys) > _WHYS else ""
        yield (what, *(f"{n:,}" if n else "" for n in counts), "; ".join(whys[:_WHYS]) + more)
