"""A conversation's entries and its record, folded from its session's log: a cache that follows the log, never the truth.

An entry is an event of its own, its message verbatim; the record is an event whenever it is saved. What a fork shares with the
conversation that it left is in its log by reference, records of that one included: each record says whose it is. What a long log
makes of it is kept, so that who opens it next reads only what came after.
"""

import json
import threading
from collections.abc import Iterable, Iterator
from typing import Any, Final, NamedTuple

from segue.core.log.events import MAIN, Damage, Draft, Event
from segue.core.log.kinds import is_node
from segue.engine.kept import Kept, OutdatedError, check, is_worth, keep, recall
from segue.integrations.pydantic_ai._said import said
from segue.ports import Store

AGENT: Final = "pydantic_ai"
RECORD: Final = f"{AGENT}.record"
DELETED: Final = f"{AGENT}.deleted"
ERASED: Final = "erased"
"""The kind of an entry whose content was erased: histories go past it."""
SCHEMA: Final = f"{AGENT}.conversation.2"


class Entry(NamedTuple):
    """An entry as it was stored: its message as the JSON that the framework makes of it, parsed; where it was kept, as text."""

    seq: int
    id: str
    parent: str | None
    kind: str
    record: dict[str, Any] | str

    def parsed(self) -> dict[str, Any]:
        """Return the message as JSON. It is not to be changed."""
        return json.loads(self.record) if isinstance(self.record, str) else self.record

    def text(self) -> str:
        """Return the message as text."""
        if isinstance(self.record, str):
            return self.record
        return json.dumps(self.record, ensure_ascii=False, separators=(",", ":"))


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
        self._begin()

    def _begin(self) -> None:
        self.seq = self._kept = 0
        self._digest = ""
        self.head: str | None = None
        """The last node of the session's conversation, as others see it."""
        self.record: dict[str, Any] | None = None
        self.deleted = False
        self.entries: dict[str, Entry] = {}
        self._steps: dict[str, str | None] = {}
        """Nodes that hold no entry, each with what it follows: who else speaks in an entry's message, and erased ones."""
        self._stamp = ""

    def catch_up(self, store: Store) -> None:
        """Take in what is new in the session's log, and keep it for others where that was much. Raises NotFoundError."""
        stamp = store.stamp(self.session)
        if stamp == self._stamp:
            return
        if not self.seq:
            self._recall(store)
        try:
            self._follow(store)
        except OutdatedError:
            self._begin()
            self._follow(store)
        self._stamp = stamp

    def _follow(self, store: Store) -> None:
        known = self.seq
        damaged: list[Damage] = []
        for event in store.read(self.session, after=known, on_damage=damaged.append):
            check(event, known)
            self.seq, self._digest = event.seq, event.digest
            self._take(event)
        if not damaged and is_worth(self.seq, self._kept):
            self._kept = self.seq
            keep(store, self.session, SCHEMA, Kept(self.seq, self._digest, self._to_json()))

    def _to_json(self) -> dict[str, Any]:
        """Return what is known as it is kept, each field of the entries in a list."""
        self.entries = {name: entry._replace(record=entry.text()) for name, entry in self.entries.items()}
        told = {"id": self.id, "head": self.head, "record": self.record, "deleted": self.deleted}
        return {**told, "entries": list(zip(*self.entries.values(), strict=True))}

    def _recall(self, store: Store) -> None:
        """Begin with what was kept, where there is something."""
        found = recall(store, self.session, SCHEMA)
        try:
            if found is not None and found.value["id"] == self.id:
                entries = [Entry(*one) for one in zip(*found.value["entries"], strict=True)]
                head, record, deleted = (found.value[name] for name in ("head", "record", "deleted"))
                self.entries = {entry.id: entry for entry in entries}
                self.head, self.record, self.deleted = head, record, deleted
                self.seq, self._digest = found.seq, found.digest
                self._kept = self.seq
        except (ValueError, LookupError, TypeError):  # another's: it is not believed
            self._begin()

    def _take(self, event: Event) -> None:
        if (record := record_of(event, self.id)) is not None:
            self.record = record
        elif is_deletion(event, self.id):
            self.record, self.deleted = None, True
        elif event.kind == "head.moved" and event.stream == MAIN:
            self.head = event.body.get("to")
        elif event.stream == MAIN and is_node(event.kind):
            self.head = event.node
        if (entry := entry_of(event)) is not None:
            self.entries[entry.id] = entry
        elif event.stream == MAIN and is_node(event.kind):
            self._pass(event)

    def _pass(self, event: Event) -> None:
        """Take in a node that holds no entry, or none any more."""
        parent = event.parent
        while parent in self._steps:
            parent = self._steps[parent]
        self._steps[event.node] = parent
        if event.erased:
            self.entries.setdefault(event.node, Entry(event.seq, event.node, parent, ERASED, {}))

    def chain(self, head: str | None, limit: int | None = None) -> Iterator[Entry]:
        """Yield the entries from *head* back to the first, but for erased ones. Raises LookupError where one is not there."""
        number = 0
        while head is not None and (limit is None or number < limit):
            entry = self.entries[head]
            if entry.kind != ERASED:
                yield entry
                number += 1
            head = entry.parent


def record_of(event: Event, conversation_id: str) -> dict[str, Any] | None:
    """Return the record that *event* stored of a conversation; None where it is another event."""
    if event.kind != RECORD or event.erased:
        return None
    record = event.body.get("record")
    return record if isinstance(record, dict) and record.get("conversation_id") == conversation_id else None


def is_deletion(event: Event, conversation_id: str) -> bool:
    """Return whether *event* says that a conversation is deleted."""
    return event.kind == DELETED and event.body.get("conversation_id") == conversation_id


def newest(seq: int, events: Iterable[Event], conversation_id: str) -> Last:
    """Return what *events*, the last one first, of a log whose head is *seq* say of its conversation."""
    for event in events:
        if is_deletion(event, conversation_id):
            return Last(seq, None, deleted=True)
        if (record := record_of(event, conversation_id)) is not None:
            return Last(seq, record, deleted=False)
    return Last(seq, None, deleted=False)


def following(known: Last, events: Iterable[Event], conversation_id: str) -> Last | None:
    """Return what was *known* with what *events* behind it say; None where some of what was known may be no more."""
    for event in events:
        if event.kind == "erased":
            return None
        record = record_of(event, conversation_id)
        if record is not None or is_deletion(event, conversation_id):
            known = Last(event.seq, record, deleted=record is None)
        else:
            known = known._replace(seq=event.seq)
    return known


def entry_of(event: Event) -> Entry | None:
    """Return the entry that *event* is; None where it is none."""
    source = event.source
    if source is None or source.get("agent") != AGENT or not source.keys() >= {"entry", "parent", "kind", "record"}:
        return None
    return Entry(event.seq, source["entry"], source["parent"], source["kind"], source["record"])


def backwards(events: Iterable[Event], head: str, limit: int) -> list[Entry] | None:
    """Return the last entries up to *head*, given the events of the log the other way round; None where one is not there."""
    found: list[Entry] = []
    wanted: str | None = head
    for event in events:
        if event.node != wanted or event.stream != MAIN or not is_node(event.kind):
            continue
        entry = entry_of(event)
        found += [] if entry is None else [entry]
        wanted = event.parent if entry is None else entry.parent
        if wanted is None or len(found) == limit:
            return found[::-1]
    return None


def drafts(entry: Entry) -> list[Draft]:
    """Return an entry as events: who else speaks in its message, then the one that holds it."""
    record = entry.parsed()
    source = {"agent": AGENT, "record": record, "entry": entry.id, "parent": entry.parent, "kind": entry.kind}
    bodies = said(record)
    *others, last = bodies or [{"type": str(record.get("kind", entry.kind))}]
    made: list[Draft] = []
    before = entry.parent
    for number, body in enumerate(others):
        node = f"{entry.id}:{number}"
        made.append(Draft("message", body, actor=_actor(body), node=node, parent=before))
        before = node
    held = Draft("message" if bodies else "record", last, actor=_actor(last), node=entry.id, parent=before, source=source)
    return [*made, held._replace(key=key(entry.id))]


def key(entry: str) -> str:
    """Return the key of an entry's event."""
    return f"{AGENT}:{entry}"


def _actor(body: dict[str, Any]) -> str:
    return "user" if body.get("role") == "user" and not body.get("meta") else AGENT


def overlook(_damage: Damage) -> None:
    """An entry that could not be read is missing from its history, which says so."""
