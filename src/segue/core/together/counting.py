"""What a session's log holds, counted thing by thing: so that a conversion can answer for each of them.

A thing is a part of a message (and a medium within a tool's answer), a message without parts, a compaction, a record without
meaning, a loss. Of a record's several revisions the newest counts.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from segue.core.log.events import Event
from segue.core.log.kinds import is_node
from segue.core.together.conversation import FATES, Carried, Fate

MEDIA: Final = frozenset(("blob", "uri", "file"))
_WHAT_LIMIT: Final = 60


def parts_of(event: Event) -> list[Mapping[str, Any]]:
    """Return the parts of a message; what is no part is one of the type `unknown`."""
    parts = event.body.get("parts")
    found = parts if isinstance(parts, list) else [] if parts is None else [parts]
    return [part if isinstance(part, Mapping) else {"type": "unknown", "content": part} for part in found]


def what_of(part: Mapping[str, Any]) -> str:
    """Return the kind of thing that a part is: its type, of media the modality."""
    kind = part.get("type")
    if kind in MEDIA:
        return modality_of(part)
    return _named(kind)


def modality_of(part: Mapping[str, Any]) -> str:
    """Return the modality of a media part: as it says, or by its MIME type; else `file`."""
    told, mime = part.get("modality"), part.get("mime_type")
    if isinstance(told, str) and told:
        return _named(told)
    return _named(mime.split("/")[0]) if isinstance(mime, str) and "/" in mime else "file"


def media_within(part: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the media in a tool's answer."""
    response = part.get("response") if part.get("type") == "tool_call_response" else None
    inner = response if isinstance(response, list) else ()
    return [item for item in inner if isinstance(item, Mapping) and item.get("type") in MEDIA]


def things_of(event: Event) -> Iterator[str]:
    """Yield the kind of each thing that *event* holds."""
    if event.kind == "message":
        parts = [] if event.erased else parts_of(event)
        for part in parts:
            yield what_of(part)
            yield from map(what_of, media_within(part))
        if not parts:
            yield "message"
    elif event.kind == "record":
        yield f"record.{_named(event.body.get('type'))}"
    elif event.kind in {"compaction", "loss"}:
        yield event.kind


def things(events: Iterable[Event]) -> Counter[str]:
    """Return how many things of each kind *events* hold: what the lines of a conversion's report, but for `added`, add up to."""
    newest: dict[tuple[str, str], Event] = {}
    others: Counter[str] = Counter()
    for event in events:
        if is_node(event.kind):
            newest[event.stream, event.node] = event
        else:
            others.update(things_of(event))
    for event in newest.values():
        others.update(things_of(event))
    return others


class Tally:
    """Counts fates."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._counts: Counter[tuple[str, Fate, str]] = Counter()

    def add(self, what: str, fate: Fate, why: str = "", number: int = 1) -> None:
        """Count *number* things of the kind *what*."""
        self._counts[what, fate, why] += number

    def event(self, event: Event, fate: Fate, why: str) -> None:
        """Count all that *event* holds."""
        for what in things_of(event):
            self.add(what, fate, why)

    def carried(self) -> tuple[Carried, ...]:
        """Return the lines of the report: by kind, kept first, the largest first."""
        lines = [Carried(what, fate, number, why) for (what, fate, why), number in self._counts.items() if number]
        return tuple(sorted(lines, key=lambda c: (c.what, FATES.index(c.fate), -c.number, c.why)))


def _named(kind: Any) -> str:
    return kind[:_WHAT_LIMIT] if isinstance(kind, str) and kind else "unknown"
