"""What a memory holds, folded from its session's events: a cache that follows the log, never the truth.

    langgraph.items   {"items": [{"ns": [...], "key": "...", "value": {...}, "ttl": 5.0, "vectors": {"path": "base64"}}, ...]}
    langgraph.read    {"items": [[[...], "key"], ...]}

An entry without a value takes the item away. A read puts off the time at which an item ends; times are those of the events,
or `times` where an entry only moved: [created, updated, read]. Vectors are 32-bit floats, little-endian.
"""

import json
import sys
import threading
from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from segue.core.log.events import Draft, Event
from segue.core.log.times import seconds
from segue.ports import Snapshot, Store

ITEMS: Final = "langgraph.items"
READ: Final = "langgraph.read"

_SCHEMA: Final = "langgraph.memory.1"
_EVERY: Final = 512
"""After this many events the fold is kept as a snapshot."""
_LARGEST: Final = 16_000_000
_MINUTE: Final = 60.0

Namespace = tuple[str, ...]
Name = tuple[Namespace, str]


class Entry(NamedTuple):
    """An item as it is held. Times are seconds since 1970, `ttl` minutes."""

    seq: int
    value: dict[str, Any]
    created: float
    updated: float
    ttl: float | None
    read: float
    read_by: int
    """The event that tells when it was read."""
    vectors: dict[str, str]

    @property
    def ends(self) -> float | None:
        """When it ends, if it does."""
        return None if self.ttl is None else self.read + self.ttl * _MINUTE


class Memory:
    """What is known of one memory's session, up to `seq`. Hold `lock` to use it."""

    def __init__(self, session: str) -> None:
        """Begin knowing nothing."""
        self.session = session
        self.lock = threading.Lock()
        self.seq = 0
        self.entries: dict[Namespace, dict[str, Entry]] = {}
        self.held: dict[int, int] = {}
        """By event: of how many items it is what counts. Those of none are dead."""
        self.sizes: dict[int, int] = {}
        """By event: of how many it was."""
        self._digest = ""
        self._stamp = ""
        self._kept = 0

    # --- following the log

    def catch_up(self, store: Store) -> None:
        """Take in what is new in the log; keep a snapshot now and then."""
        stamp = store.stamp(self.session)
        if stamp == self._stamp:
            return
        if not self.seq and (snapshot := store.snapshot(self.session, _SCHEMA)):
            self._restore(snapshot)
        for event in store.read(self.session, after=self.seq):
            self._take(event)
        self._stamp = stamp
        if self.seq - self._kept >= _EVERY:
            self._keep(store)

    def _take(self, event: Event) -> None:
        if not event.erased:
            at = seconds(event.at)
            if event.kind in {ITEMS, READ}:
                self.held[event.seq], self.sizes[event.seq] = 0, len(event.body["items"])
            if event.kind == ITEMS:
                for item in event.body["items"]:
                    self._set(event.seq, at, item)
            elif event.kind == READ:
                for ns, key in event.body["items"]:
                    self._note_read(event.seq, at, (*ns,), key)
            elif event.kind == "erased":
                self._lose(event.body)
        self.seq, self._digest = event.seq, event.digest

    def _set(self, seq: int, at: float, item: Mapping[str, Any]) -> None:
        ns, key = (*item["ns"],), item["key"]
        before = self.get(ns, key)
        if before is not None:
            self._count(before, -1)
        if "value" not in item:
            if before is not None:
                self._remove(ns, key)
            return
        created = at if before is None or ended(before, at) else before.created
        created, updated, read = item.get("times") or (created, at, at)
        entry = Entry(seq, item["value"], created, updated, item.get("ttl"), read, seq, item.get("vectors", {}))
        self.entries.setdefault(ns, {})[key] = entry
        self._count(entry, 1)

    def _note_read(self, seq: int, at: float, ns: Namespace, key: str) -> None:
        if (entry := self.get(ns, key)) is not None:
            self._count(entry, -1)
            self.entries[ns][key] = entry = entry._replace(read=max(at, entry.read), read_by=seq)
            self._count(entry, 1)

    def _count(self, entry: Entry, by: int) -> None:
        for seq in {entry.seq, entry.read_by} & self.held.keys():
            self.held[seq] += by

    def _remove(self, ns: Namespace, key: str) -> None:
        del self.entries[ns][key]
        if not self.entries[ns]:
            del self.entries[ns]

    def _lose(self, body: Mapping[str, Any]) -> None:
        """Let go of what was erased: of items that are there, too, where somebody erased these."""
        lost = {seq for first, last in body["seqs"] for seq in range(first, last + 1) if seq in self.held}
        needed = {seq for seq in lost if self.held[seq]}
        for ns, key in [(ns, key) for ns, key, entry in self.all() if entry.seq in needed] if needed else ():
            self._count(self.entries[ns][key], -1)
            self._remove(ns, key)
        for seq in lost:
            del self.held[seq], self.sizes[seq]

    # --- what is there

    def get(self, ns: Namespace, key: str) -> Entry | None:
        """Return an item, also one that has ended."""
        return self.entries.get(ns, {}).get(key)

    def all(self, prefix: Namespace = ()) -> Iterator[tuple[Namespace, str, Entry]]:
        """Yield all items below a namespace, in the order in which they came."""
        for ns, entries in self.entries.items():
            if ns[: len(prefix)] == prefix:
                for key, entry in entries.items():
                    yield ns, key, entry

    def dead(self) -> list[int]:
        """Return the events of which nothing is left: replaced, taken away, ended."""
        return [seq for seq, held in self.held.items() if not held]

    def remains(self) -> list[dict[str, Any]]:
        """Return the items that stand in one event with others of which nothing is left, as entries of a new one."""
        mixed = {seq for seq, held in self.held.items() if 0 < held < self.sizes[seq]}
        return [_entry(ns, key, entry) for ns, key, entry in self.all() if entry.seq in mixed] if mixed else []

    # --- snapshots

    def _keep(self, store: Store) -> None:
        entries = [[*ns, key, *entry] for ns, key, entry in self.all()]
        counts = [[seq, held, self.sizes[seq]] for seq, held in self.held.items()]
        data = json.dumps({"entries": entries, "counts": counts}).encode()
        self._kept = self.seq
        if len(data) <= _LARGEST:
            store.put_snapshot(self.session, Snapshot(self.seq, self._digest, _SCHEMA, data), alone=True)

    def _restore(self, snapshot: Snapshot) -> None:
        kept = json.loads(snapshot.data)
        width = len(Entry._fields)
        for row in kept["entries"]:
            ns, key, entry = (*row[: -width - 1],), row[-width - 1], Entry(*row[-width:])
            self.entries.setdefault(ns, {})[key] = entry
        self.held = {seq: held for seq, held, _ in kept["counts"]}
        self.sizes = {seq: size for seq, _, size in kept["counts"]}
        self.seq = self._kept = snapshot.seq
        self._digest = snapshot.digest


def _entry(ns: Namespace, key: str, entry: Entry) -> dict[str, Any]:
    found = {"ns": [*ns], "key": key, "value": entry.value, "times": [entry.created, entry.updated, entry.read]}
    more = {"ttl": entry.ttl, "vectors": entry.vectors}
    return found | {name: what for name, what in more.items() if what}


def ended(entry: Entry, now: float) -> bool:
    """Return whether an item's time is over."""
    return entry.ends is not None and entry.ends <= now


def moment(at: float) -> datetime:
    """Return seconds since 1970 as a time."""
    return datetime.fromtimestamp(at, UTC)


def items_draft(items: Sequence[Mapping[str, Any]]) -> Draft:
    """Return the event that changes items."""
    return Draft(ITEMS, {"items": [*items]}, actor="langgraph")


def read_draft(names: Sequence[Name]) -> Draft:
    """Return the event that tells of items which were read."""
    return Draft(READ, {"items": [[[*ns], key] for ns, key in names]}, actor="langgraph")


def packed(vector: Sequence[float]) -> str:
    """Return a vector as text."""
    floats = array("f", vector)
    if sys.byteorder == "big":
        floats.byteswap()
    return b64encode(floats.tobytes()).decode("ascii")


def unpacked(text: str) -> "array[float]":
    """Return what `packed` was given, to 32 bits."""
    floats = array("f", b64decode(text))
    if sys.byteorder == "big":
        floats.byteswap()
    return floats
