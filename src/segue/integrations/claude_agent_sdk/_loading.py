"""The entries of a transcript, made of the events of its records: what a load gives, and what is kept of it for the next one."""

from base64 import b64decode, b64encode
from collections.abc import Iterable
from contextlib import suppress
from hashlib import blake2b
from typing import Any, Final, NamedTuple

from segue.core.log.events import Event
from segue.engine.kept import Kept, OutdatedError, check, is_worth, keep, recall
from segue.integrations.claude_agent_sdk._entries import META, entry_of, is_handed_over, raw_of
from segue.integrations.claude_agent_sdk._names import Name, Stands, stands
from segue.ports import Store

_SCHEMA: Final = "claude_agent_sdk.entries.1"


class _Record(NamedTuple):
    """A record as the log has it."""

    name: str
    """What it is called in its transcript."""
    after: str | None
    entry: dict[str, Any]
    mark: str
    """What its bytes are known by, where it has no id to be known by."""
    is_handed: bool


class Transcript:
    """The records of a transcript up to `seq`."""

    def __init__(self) -> None:
        """Begin before the first event."""
        self.seq = 0
        self.digest = ""
        self._order: list[_Record] = []
        self._known: dict[str, int] = {}
        self._pieces: list[bytes] = []

    def __bool__(self) -> bool:
        """Return whether there are any records."""
        return bool(self._order)

    def take(self, event: Event, at: Stands) -> None:
        """Take in the event of a record, and where it stands.

        A record that was revised stands where it first stood, as it was last.
        """
        source = event.source or {}
        data = raw_of(source)
        if data is None:
            return
        piece = event.body.get("piece") if event.kind == "loss" else None
        if piece is not None:
            self._pieces = [*self._pieces, data] if piece != 1 else [data]
            data = b"".join(self._pieces)
        entry = entry_of(data)
        if entry is None:  # there are more pieces to come
            return
        found = {**entry, "type": META} if at.is_meta else entry
        uuid = found.get("uuid")
        mark = "" if uuid else blake2b(data, digest_size=16).hexdigest()
        if isinstance(uuid, str) and uuid in self._known:
            place = self._known[uuid]
            self._order[place] = self._order[place]._replace(entry=found, mark=mark)
            return
        if isinstance(uuid, str) and uuid:
            self._known[uuid] = len(self._order)
        self._order.append(_Record(source.get("record", ""), source.get("after"), found, mark, at.is_handed))

    def entries(self) -> list[dict[str, Any]]:
        """Return the entries: a record that came late stands where it does in the file.

        Of what was read from the agent's own file besides, what it never hands over is left out, and notes that were handed over.
        """
        handed = {record.mark for record in self._order if record.is_handed}
        wanted = [
            record
            for record in self._order
            if record.is_handed
            or (is_handed_over(record.entry.get("type")) and (record.entry.get("uuid") or record.mark not in handed))
        ]
        return [record.entry for record in _placed(wanted)]

    def to_json(self) -> dict[str, Any]:
        """Return the records as they are kept, each field of them in a list."""
        pieces = [b64encode(piece).decode() for piece in self._pieces]
        return {"pieces": pieces, "records": list(zip(*self._order, strict=True))}

    @classmethod
    def from_kept(cls, kept: Kept) -> "Transcript":
        """Return the records that were kept. Raises ValueError, LookupError, TypeError."""
        made = cls()
        made.seq, made.digest = kept.seq, kept.digest
        made._pieces = [b64decode(piece) for piece in kept.value["pieces"]]
        made._order = [_Record(*record) for record in zip(*kept.value["records"], strict=True)]
        uuids = ((record.entry.get("uuid"), place) for place, record in enumerate(made._order))
        made._known = {uuid: place for uuid, place in uuids if isinstance(uuid, str) and uuid}
        return made


def load(store: Store, session: str, name: Name) -> list[dict[str, Any]]:
    """Return the entries of a transcript, and keep its records for who loads it next where many were read.

    Raises:
        NotFoundError, DamagedError: the session's log is gone, or cannot be read.
    """
    schema = f"{_SCHEMA}/{name.subpath}" if name.subpath else _SCHEMA
    found = _recall(store, session, schema)
    kept = found.seq
    try:
        _follow(found, store, session, name)
    except OutdatedError:
        found, kept = Transcript(), 0
        _follow(found, store, session, name)
    if found and is_worth(found.seq, kept):
        keep(store, session, schema, Kept(found.seq, found.digest, found.to_json()))
    return found.entries()


def _follow(found: Transcript, store: Store, session: str, name: Name) -> None:
    """Take in what is new. Raises OutdatedError."""
    known = found.seq
    for event in store.read(session, after=known):
        check(event, known)
        found.seq, found.digest = event.seq, event.digest
        at = stands(event.source, name.session)
        if at is not None and at.subpath == name.subpath and not event.erased:
            found.take(event, at)


def _recall(store: Store, session: str, schema: str) -> Transcript:
    kept = recall(store, session, schema)
    if kept is not None:
        with suppress(ValueError, LookupError, TypeError, AttributeError):  # another's: it is not believed
            return Transcript.from_kept(kept)
    return Transcript()


def _placed(kept: list[_Record]) -> Iterable[_Record]:
    if all(one.after is None for one in kept):
        return kept
    names = {one.name for one in kept}
    behind: dict[str, list[_Record]] = {}
    on_time: list[_Record] = []
    for one in kept:
        if one.after is None or (one.after and one.after not in names):
            on_time.append(one)
        else:
            behind.setdefault(one.after, []).append(one)
    found: list[_Record] = []
    waiting = [*reversed(on_time), *reversed(behind.pop("", []))]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += reversed(behind.pop(one.name, []))
    return found
