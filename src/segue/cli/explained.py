"""How `segue restore --explain` reads: what went into a context, what did not, and why."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from segue.cli.render import line, style, table
from segue.core.context.tokens import FAMILY_NAMES

if TYPE_CHECKING:
    from segue.core.context.pack import Entry, Lane
    from segue.engine.context.restoring import Restored

_SHOWN = 12
"""Elements that are skipped for the same reason and named; `--json` has them all."""
_ORDER = ("loaded", "shortened", "missing", "skipped")


def text(restored: "Restored", width: int) -> str:
    """Return the whole answer."""
    context, state = restored.context, restored.state
    size = context.size
    margin = f", give or take {size.margin:.0%}" if size.margin else ""
    counts = [f"{n:,} {status}" for status in _ORDER if (n := sum(e.status == status for e in context.items))]
    counted_for = f"{FAMILY_NAMES[size.family]} ({size.method}{margin})"
    head = [
        f"{style('bold', state.header['name'] or state.session)} at event {state.seq:,}",
        f"{size.tokens:,} of {context.budget:,} tokens for {counted_for}: {', '.join(counts)}",
        "",
        table(list(map(_lane, context.lanes)), ("lane", "priority", "at most", "tokens", "elements"), width).rstrip("\n"),
    ]
    return "\n".join([*head, *_by_status(context.items, width)]) + "\n"


def _lane(lane: "Lane") -> tuple[str, ...]:
    cap = "the rest" if lane.name == "history" else f"{lane.cap:,}"
    return (lane.name, f"{lane.priority:g}", cap, f"{lane.used:,}", _LANES.get(lane.name, ""))


_LANES = {
    "said": "what the user said",
    "facts": "task, constraints, decisions, open threads, next steps",
    "indexes": "essential notes of the library",
    "last": "what the agent said and did last",
    "errors": "calls that failed, and have not succeeded since",
    "files": "the ledger of files",
    "more": "working state that is good to know",
    "notes": "further notes of the library",
    "history": "the conversation, newest first; with a task, what is about it",
    "left": "pointers to what had no room",
}


def _by_status(items: Sequence["Entry"], width: int) -> Iterator[str]:
    for status in _ORDER:
        found = [entry for entry in items if entry.status == status]
        if not found:
            continue
        yield ""
        yield style("bold", f"{status} ({len(found):,})")
        if status in {"loaded", "shortened"}:
            yield from (_entry(entry, width) for entry in found)
        else:
            yield from _by_reason(found, width)


def _by_reason(items: Iterable["Entry"], width: int) -> Iterator[str]:
    for reason, group in groupby(sorted(items, key=lambda e: (_general(e.reason), -e.seq)), key=lambda e: _general(e.reason)):
        found = list(group)
        yield f"  {line(reason, width - 12)}: {len(found):,}"
        yield from (f"  {_entry(entry, width - 2)}" for entry in found[:_SHOWN])
        if len(found) > _SHOWN:
            yield style("dim", f"           and {len(found) - _SHOWN:,} more: --json")


def _general(reason: str) -> str:
    """Return a reason without what it names: `read again: 12` is one kind."""
    head, mark, rest = reason.partition(": ")
    return head if mark and rest.isdigit() else reason


def _entry(entry: "Entry", width: int) -> str:
    where = f"§{entry.seq}" if entry.seq else ""
    tokens = f"{entry.tokens:,}" if entry.tokens else ""
    why = f" ({entry.reason})" if entry.status == "shortened" else ""
    about = f", about the task {entry.relevance:g}" if entry.relevance else ""
    lane = f"  [{entry.lane} {entry.priority:g}{about}]" if entry.lane else ""
    return f"{where:>9} {tokens:>6}  {line(entry.what + why, max(width - 18 - len(lane), 20))}{style('dim', lane)}"
