"""A file in a context: its line in the ledger, itself as it stands or its latest lines, and the room that it may take."""

from collections.abc import Collection
from functools import partial
from typing import Final

from segue.core.context.estimating import FULL
from segue.core.context.files import File, view
from segue.core.context.ledger import FileLine
from segue.core.context.pack import Candidate, Counter, shortened
from segue.core.context.prompt import Block, exchange_block
from segue.core.context.quoting import line

_OPS: Final = ("edit", "write", "read", "run", "search", "other")
_TRIES: Final = 5
_FEWEST_LINES: Final = 4
_SHARE: Final = 4
"""The part of a budget that one file may take at first: a fourth."""
_READ_LONG_AGO: Final = 12
"""The same of a file that was only read, and not lately: it is more often a document or data than what is changed next."""
_FEW: Final = 1_000
"""Tokens that such a file may take all the same, where that is less than a fourth."""
_SEARCHED: Final = 6
"""The same of a file of which only searches showed lines."""


def ledger_line(entry: FileLine, name: str, names: int) -> str:
    """Return the line of a file that is called *name*: what was done to it, and so many names in it."""
    uses = ",".join(f"{op}{entry.uses[op] if entry.uses[op] > 1 else ''}" for op in _OPS if entry.uses.get(op))
    about = f": {' '.join(entry.names[:names])}" if names and entry.names else ""
    return line(f"- {name} {uses}".rstrip() + about)


def as_it_stands(file: File, name: str, place: int, seq: int, counter: Counter) -> Candidate:
    """Return a candidate of a file that is called *name*, at the *place* of event *seq*: whole, or its latest lines."""
    missed = f"; {len(file.missed)} later changes are not in it" if file.missed else ""
    head = f"File {name} as last known{missed}"
    whole, _ = view(file)

    def cut(room: int) -> str:
        lines = sum(len(stretch.lines) for stretch in file.stretches)
        most, best = lines * room // (counter.count(whole) + 1), ""
        for _ in range(_TRIES):
            if most < _FEWEST_LINES:
                break
            part, gone = view(file, most)
            text = exchange_block(seq, f"{head}, {gone:,} lines left out", part)
            cost = counter.count(text)
            best = text if cost <= room and len(text) > len(best) else best
            if room * FULL <= cost <= room:
                break
            most = min(most * room // max(cost, 1), most * 2) if cost <= room else most * room * 96 // (cost * 100)
        if len(best) * 10 < len(whole) * 9 and counter.count(best) < room * 9 // 10:  # its lines are long
            best = shortened(whole, room, counter=counter, render=partial(exchange_block, seq, f"{head}, cut"))
        return best

    return Candidate(Block("history", place, exchange_block(seq, head, whole)), seq, line(head, 100), cut)


def share_of(how: Collection[str], budget: int, *, lately: bool) -> int:
    """Return the tokens of a *budget* that a file may take at first, by what was done to it."""
    if {*how} == {"search"}:
        return budget // _SEARCHED
    share = budget // _SHARE
    return share if lately or {*how} & {"edit", "write"} else min(share, max(budget // _READ_LONG_AGO, _FEW))
