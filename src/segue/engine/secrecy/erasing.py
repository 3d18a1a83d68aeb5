"""Erasing as a use case: what would go and from where, doing it, and proving it by a look at every byte that is left.

plan    what is found where, nothing changed
erase   the events, then all other places, then the index anew; again while something that was being written comes up
prove   every byte of every place
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final, NamedTuple

from segue.core.errors import NotFoundError, UsageError
from segue.core.log.events import Draft, Event
from segue.core.log.needles import Needle, literal, nothing
from segue.engine.loading import load
from segue.ports import Index, Store
from segue.ports.erasing import Ground, Scan, Searched

TRIES: Final = 3
SHORTEST: Final = 12
"""Characters of a text that is looked for because an erased event held it."""
_LONGEST, _MOST = 200, 300
_STRUCTURE: Final = ("session.", "checkpoint.", "import.", "lease.", "agent.", "project.", "continuation.", "erased")
"""Kinds whose texts are names, paths and ids, which other files bear as well: they are not looked for."""

Wanted = Mapping[str, Collection[int]]
"""Session -> numbers of events."""


class Plan(NamedTuple):
    """What would be erased: the events, and the places in which their contents stand."""

    events: Wanted
    scans: Mapping[str, Scan]


class Erased(NamedTuple):
    """What was erased: how many events in which sessions, how many files and git objects beside them, and the proof."""

    events: Mapping[str, int]
    files: Mapping[str, int]
    scans: Mapping[str, Scan]

    @property
    def left(self) -> int:
        """How often it is still found."""
        return sum(scan.times for scan in self.scans.values())


class Erasing:
    """Erases in one store and in all that stands beside it."""

    def __init__(self, store: Store, index: Index, searched: Searched, grounds: Sequence[Ground]) -> None:
        """Work on *store*; *grounds* are all the places, the store first."""
        self._store, self._index, self._searched, self._grounds = store, index, searched, grounds

    def plan(self, needle: Needle, wanted: Wanted) -> Plan:
        """Return what would be erased: events that are *wanted*, and whatever *needle* finds. Changes nothing."""
        return Plan(_joined(wanted, self._searched.find(needle)), self.prove(needle))

    def erase(self, needle: Needle, wanted: Wanted, note: Mapping[str, Any], whole: Collection[str] = ()) -> Erased:
        """Erase events and whatever *needle* finds, and prove it. What is interrupted is done again.

        Args:
            needle: what is looked for everywhere.
            wanted: events, whatever they hold.
            note: what the logs are to tell of it; never contents.
            whole: sessions of which everything goes: they keep their names.
        """
        events: dict[str, int] = {}
        files: dict[str, int] = {}
        names = {session: _identity(self._store, session) for session in whole}
        scans: Mapping[str, Scan] = {}
        for _ in range(TRIES):
            for session, seqs in _joined(wanted, self._searched.find(needle)).items():
                events[session] = events.get(session, 0) + self._searched.erase(session, seqs, note)
            for session, identity in names.items():
                self._store.append(session, [Draft("session.updated", identity)])
            names = {}
            for ground in self._grounds:
                files[ground.name] = files.get(ground.name, 0) + ground.purge(needle, lambda gone: _tell(self._store, gone, note))
            self._index.rebuild()
            scans = self.prove(needle)
            if not any(scan.left for scan in scans.values()):
                break
        return Erased({name: n for name, n in events.items() if n}, files, scans)

    def prove(self, needle: Needle) -> dict[str, Scan]:
        """Look at every byte of every place. Changes nothing."""
        return {ground.name: ground.scan(needle) for ground in self._grounds}


def all_of(store: Store, session: str) -> list[int]:
    """Return the numbers of a session's own events that hold anything but what an erasure says."""
    first = store.info(session).first
    events = store.read(session, after=first - 1, blobs=False, on_damage=lambda _: None)
    return [event.seq for event in events if not event.erased and event.kind != "erased"]


def check(store: Store, wanted: Wanted) -> None:
    """Refuse events that are not there. Raises NotFoundError."""
    for session, seqs in wanted.items():
        head = store.info(session).head.seq
        for seq in seqs:
            if not 0 < seq <= head:
                raise NotFoundError("event", f"{session}#{seq}", hint=f"segue log {session}")


def needle_of(store: Store, wanted: Wanted) -> Needle:
    """Return what finds the texts (12 characters or more) that only the *wanted* events hold; nothing where there are none."""
    pieces: dict[str, None] = {}
    for session, seqs in wanted.items():
        for seq in seqs:
            for event in store.read(session, after=seq - 1, upto=seq, on_damage=lambda _: None):
                pieces |= dict.fromkeys(_pieces(event))
    only = [*pieces][: _MOST * 4]
    for session in store.sessions() if only else ():
        own = {*wanted.get(session, ())}
        for event in store.read(session, after=store.info(session).first - 1, on_damage=lambda _: None):
            if event.seq not in own and not event.erased:
                text = _text(event)
                only = [piece for piece in only if piece not in text]
    return literal(only[:_MOST]) if only else nothing()


def parsed(reference: str) -> tuple[str, list[int] | None]:
    """Return the session and the events that `SESSION#5,7-9` names; None where it is all of it. Raises UsageError."""
    session, mark, events = reference.partition("#")
    if not mark:
        return session, None
    seqs: set[int] = set()
    for part in events.split(","):
        low, dash, high = part.partition("-")
        if not low.isdecimal() or (dash and not high.isdecimal()):
            raise UsageError(f"events cannot be told from {reference!r}", hint="SESSION#7 or SESSION#5,7-9")
        seqs.update(range(int(low), int(high or low) + 1))
    return session, sorted(seqs)


def _tell(store: Store, gone: Collection[str], note: Mapping[str, Any]) -> None:
    """Tell the sessions whose checkpoints name snapshots of workspaces that these go, once."""
    for session in store.sessions() if gone else ():
        first = store.info(session).first
        events = store.read(session, after=first - 1, blobs=False, on_damage=lambda _: None)
        named: set[str] = set()
        told: set[str] = set()
        for event in events:
            if event.kind == "checkpoint.created":
                named.update(_snapshots(event))
            elif event.kind == "erased":
                told.update(event.body.get("snapshots", ()))
        if lost := sorted(named & {*gone} - told):
            store.append(session, [Draft("erased", {**note, "seqs": [], "snapshots": lost})])


def _snapshots(event: Event) -> list[str]:
    workspace = event.body.get("workspace")
    found = workspace.get("id") if isinstance(workspace, dict) else None
    return [found] if isinstance(found, str) else []


def _joined(one: Wanted, other: Wanted) -> dict[str, set[int]]:
    found: dict[str, set[int]] = {}
    for part in (one, other):
        for session, seqs in part.items():
            found.setdefault(session, set()).update(seqs)
    return found


def _identity(store: Store, session: str) -> dict[str, Any]:
    """Return by what a session is found: its name, whose it is, and what it is called there."""
    header = load(store, session, on_damage=lambda _: None).header
    return {field: header[field] for field in ("name", "agent", "foreign_ids") if header.get(field)}


def _pieces(event: Event) -> Iterator[str]:
    if event.kind.startswith(_STRUCTURE):
        return
    waiting: list[Any] = [event.body, (event.source or {}).get("raw"), event.scopes]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            yield from (line[:_LONGEST] for line in value.splitlines() if len(line.strip()) >= SHORTEST)


def _text(event: Event) -> str:
    texts: list[str] = []
    waiting: list[Any] = [event.body, event.source, event.scopes]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            waiting += value.values()
            texts += value
        elif isinstance(value, list):
            waiting += value
        elif isinstance(value, str):
            texts.append(value)
        else:
            texts.append(json.dumps(value))
    return "\n".join(texts)
