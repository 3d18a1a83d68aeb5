"""A conversation's entries and its record, folded from its session's log: a cache that follows the log, never the truth.

An entry is an event of its own, its message verbatim; the record is an event whenever it is saved. What a fork shares with the
conversation that it left is in its log by reference, records of that one included: each record says whose it is.
"""

import json
import threading
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from segue.core.log.events import MAIN, Damage, Draft, Event
from segue.core.log.kinds import is_node
from segue.integrations.pydantic_ai._said import said
from segue.ports import Store

AGENT: Final = "pydantic_ai"
RECORD: Final = f"{AGENT}.record"
DELETED: Final = f"{AGENT}.deleted"


class Entry(NamedTuple):
    """An entry as it was stored: its message as JSON."""

    seq: int
    id: str
    parent: str | None
    kind: str
    text: str


class Last(NamedTuple):
    """A conversation's record at a head; `deleted`: its session is about to go."""

    seq: int
    record: dict[str, Any] | None
    deleted: bool


class Conversation:
    """What is known of a conversation's session, up to `seq`. Hold `lock` to use it."""

    def __init__(self, session: str, conversation_id: str) -> None:
        """Begin knowing nothing."""
        self.session, self.id = session, conversation_id
        self.lock = threading.Lock()
        self.seq = 0
        self.head: str | None = None
        """The last node of the session's conversation, as others see it."""
        self.record: dict[str, Any] | None = None
        self.deleted = False
        self.entries: dict[str, Entry] = {}
        self._stamp = ""

    def catch_up(self, store: Store) -> None:
        """Take in what is new in the session's log. Raises NotFoundError."""
        stamp = store.stamp(self.session)
        if stamp == self._stamp:
            return
        for event in store.read(self.session, after=self.seq, on_damage=_overlook):
            self.seq = event.seq
            self._take(event)
        self._stamp = stamp

    def _take(self, event: Event) -> None:
        if (record := record_of(event, self.id)) is not None:
            self.record = record
        elif is_deletion(event, self.id):
            self.record, self.deleted = None, True
        elif event.kind == "erased":  # some of what was read before is no more
            gone = {seq for first, last in event.body.get("seqs", ()) for seq in range(first, last + 1)}
            self.entries = {name: entry for name, entry in self.entries.items() if entry.seq not in gone}
        elif event.kind == "head.moved" and event.stream == MAIN:
            self.head = event.body.get("to")
        elif event.stream == MAIN and is_node(event.kind):
            self.head = event.node
        if (entry := entry_of(event)) is not None:
            self.entries[entry.id] = entry

    def last(self) -> Last:
        """Return the record as it is known."""
        return Last(self.seq, self.record, self.deleted)

    def chain(self, head: str | None, limit: int | None = None) -> Iterator[Entry]:
        """Yield the entries from *head* back to the first. Raises LookupError where one is not there."""
        number = 0
        while head is not None and (limit is None or number < limit):
            entry = self.entries[head]
            yield entry
            head, number = entry.parent, number + 1


def record_of(event: Event, conversation_id: str) -> dict[str, Any] | None:
    """Return the record that *event* stored of a conversation; None where it is another event."""
    if event.kind != RECORD or event.erased:
        return None
    record = event.body.get("record")
    return record if isinstance(record, dict) and record.get("conversation_id") == conversation_id else None


def is_deletion(event: Event, conversation_id: str) -> bool:
    """Return whether *event* says that a conversation is deleted."""
    return event.kind == DELETED and event.body.get("conversation_id") == conversation_id


def entry_of(event: Event) -> Entry | None:
    """Return the entry that *event* is; None where it is none."""
    source = event.source
    if source is None or source.get("agent") != AGENT or not source.keys() >= {"entry", "parent", "kind", "record"}:
        return None
    text = json.dumps(source["record"], ensure_ascii=False, separators=(",", ":"))
    return Entry(event.seq, source["entry"], source["parent"], source["kind"], text)


def backwards(events: Iterable[Event], head: str, limit: int) -> list[Entry] | None:
    """Return the last entries up to *head*, given the events of the log the other way round; None where one is not there."""
    found: list[Entry] = []
    wanted: str | None = head
    for event in events:
        entry = entry_of(event)
        if entry is None or entry.id != wanted:
            continue
        found.append(entry)
        wanted = entry.parent
        if wanted is None or len(found) == limit:
            return found[::-1]
    return None


def drafts(entry: str, parent: str | None, kind: str, text: str) -> list[Draft]:
    """Return an entry as events: who else speaks in its message, then the one that holds it."""
    record = json.loads(text)
    source = {"agent": AGENT, "record": record, "entry": entry, "parent": parent, "kind": kind}
    bodies = said(record)
    *others, last = bodies or [{"type": str(record.get("kind", kind))}]
    made: list[Draft] = []
    before = parent
    for number, body in enumerate(others):
        node = f"{entry}:{number}"
        made.append(Draft("message", body, actor=_actor(body), node=node, parent=before))
        before = node
    held = Draft("message" if bodies else "record", last, actor=_actor(last), node=entry, parent=before, source=source)
    return [*made, held._replace(key=key(entry))]


def key(entry: str) -> str:
    """Return the key of an entry's event."""
    return f"{AGENT}:{entry}"


def _actor(body: dict[str, Any]) -> str:
    return "user" if body.get("role") == "user" and not body.get("meta") else AGENT


def _overlook(_damage: Damage) -> None:
    """An entry that could not be read is missing from its history, which says so."""
