"""How far transcripts were read: it stands in their sessions' logs (`import.advanced`), and an import goes on from there."""

from hashlib import blake2b
from typing import Any, Final

from segue.core.errors import DamagedError, HeadMovedError
from segue.core.log.events import Commit, Draft
from segue.core.redaction.masking import is_masked
from segue.ports import Batch, Found, Store
from segue.ports.redaction import Redacts

_TRIES: Final = 8


class Positions:
    """The positions of files in their sessions, as the logs have them; those of this process are remembered."""

    def __init__(self, store: Store) -> None:
        """Remember nothing yet."""
        self._store = store
        self._known: dict[tuple[str, str], dict[str, Any]] = {}

    def of(self, session: str, file: Found) -> dict[str, Any] | None:
        """Return how far a file was read into the session; None: it was not."""
        if file.reader is None:
            return None
        return self._known.get((session, file.path)) or self._stored(session, _key(file.reader.agent, file))

    def remember(self, session: str, file: Found, position: dict[str, Any]) -> None:
        """Remember a position that the log has."""
        self._known[session, file.path] = position

    def forget(self, file: Found) -> None:
        """Let go of what is remembered of a file: the log has it."""
        for key in [k for k in self._known if k[1] == file.path]:
            del self._known[key]

    def advance(self, session: str, file: Found, batch: Batch) -> Commit | None:
        """Record how far the file was read with *batch*, and return the commit; None: nothing new, or others are quicker."""
        drafts, position = advances(file, batch), batch.position
        if not drafts or position is None:
            return None
        self.remember(session, file, position)
        for _ in range(_TRIES):
            head = self._store.info(session).head.seq
            stored = self._stored(session, drafts[0].key or "")
            if stored is not None and all(stored.get(k) == position.get(k) for k in ("offset", "digest")):
                return None
            try:
                return self._store.append(session, drafts, expect=head, on_key="replace")
            except HeadMovedError:
                continue
        return None

    def _stored(self, session: str, key: str) -> dict[str, Any] | None:
        known = self._store.lookup(session, key)
        if known is None:
            return None
        try:
            event = next(self._store.read(session, after=known.seq - 1, upto=known.seq), None)
        except DamagedError:
            return None  # read again from the start: what is known adds nothing
        position = event.body.get("position") if event is not None else None
        return position_of(self._store, position)


def position_of(store: Store, stored: object) -> dict[str, Any] | None:
    """Return a position that the log has, as its reader takes it; None: the file is read from its beginning."""
    if not isinstance(stored, dict):
        return None
    if isinstance(store, Redacts):
        return store.position_of(stored)
    return None if is_masked(stored) else stored


def advances(file: Found, batch: Batch) -> list[Draft]:
    """Return the event that says how far the file was read with *batch*; none where that is not said."""
    reader, position = file.reader, batch.position
    if reader is None or position is None:
        return []
    body = {
        "agent": reader.agent,
        "foreign_id": batch.foreign_id,
        "path": file.path,
        "position": position,
        "records": position.get("line", 0),
        "version": reader.version,
    }
    return [Draft("import.advanced", body, reader.agent, key=_key(reader.agent, file))]


def _key(agent: str, file: Found) -> str:
    name = f"{file.foreign_id}\0{file.path}".encode("utf-8", "replace")
    return f"{agent}:position:{blake2b(name, digest_size=16).hexdigest()}"
