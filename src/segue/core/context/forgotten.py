"""What the summary that an agent made of its own context says nothing of: what the user said, decisions, rules, files changed.

An agent that compacts its context goes on from a summary. The log has what was before; here it is looked at whether the summary
speaks of it: most of the words that matter of what was said, the name of a file. No model is asked, so a thing that is said in
other words can be named here too: it is an offer, and costs a line.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

from segue.core.context.items import Item, from_events
from segue.core.context.relevance import words
from segue.core.log.events import MAIN, Event
from segue.core.session.tree import active_chain

_FIRST: Final = 60
"""Words of a saying that are looked for: the rest of a long one is detail."""
_SAID: Final = 0.5
"""The share of its words that a summary must have."""


class Lost(NamedTuple):
    """Something that a summary says nothing of: the event that has it, what it is, and how it begins."""

    seq: int
    kind: str
    """`instruction`, `decision`, `constraint`, `preference` or `file`."""
    text: str


class Forgotten(NamedTuple):
    """What the summary of a compaction says nothing of."""

    compaction: int
    """The number of the compaction's event."""
    lost: tuple[Lost, ...]


def forgotten(events: Iterable[Event], work: Mapping[str, Any], stream: str = MAIN) -> Forgotten | None:
    """Return what the summary of the last compaction says nothing of; None where there was none, or its summary is not known.

    *work* is the working state now.
    """
    events = list(events)
    cuts = [e for e in active_chain(events, stream) if e.kind == "compaction"]
    if not cuts:
        return None
    cut = cuts[-1].seq
    before = cuts[-2].seq if len(cuts) > 1 else 0
    items = from_events(events, stream)
    summary = next((item.text for item in items if item.kind == "summary" and item.seq >= cut), "")
    if not summary.strip():
        return None
    return Forgotten(cut, tuple(_lost(summary, [i for i in items if before <= i.seq < cut], work, cut)))


def _lost(summary: str, items: Iterable[Item], work: Mapping[str, Any], cut: int) -> Iterable[Lost]:
    known = frozenset(words(summary))
    changed: dict[str, int] = {}
    for item in items:
        if item.kind == "instruction" and not says(known, item.text):
            yield Lost(item.seq, "instruction", item.text)
        changed |= {touch.path: item.seq for touch in item.touches if touch.path and touch.op in {"edit", "write"}}
    for table, kind in (("decisions", "decision"), ("constraints", "constraint"), ("preferences", "preference")):
        for entry in work[table].values():
            text = entry.get("title") or entry.get("text") or ""
            if entry["seq"] < cut and not says(known, text):
                yield Lost(entry["seq"], kind, text)
    for path, seq in changed.items():
        if path.rstrip("/").rpartition("/")[2].lower() not in summary.lower():
            yield Lost(seq, "file", path)


def says(known: Collection[str], text: str) -> bool:
    """Return whether a summary of the words *known* speaks of *text*: of at least half the words of it that matter.

    Of a single such word (`yes, go on`) it need not speak.
    """
    wanted = [word for word in dict.fromkeys(words(text)) if len(word) > 2][:_FIRST]
    return len(wanted) < 2 or sum(word in known for word in wanted) >= len(wanted) * _SAID
