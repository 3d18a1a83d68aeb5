"""Redaction on the way in: a store that takes secrets out of every draft before it is written, wherever it comes from.

It is one seam for all: imports, hooks' payloads, what the command line and the Python API append, forks, checkpoints, and what
was kept in an emergency. Large texts are redacted before they become blobs, and shared state with the event that changes it.

A key that has a hash of a record in it would tell who holds the log whether a guess of a short secret is right. So where
a record is redacted, the hash in its key, and wherever else it stands, is that of the record as it is kept: the same record,
read again, still adds nothing. The hashes of how far a transcript was read are masked.
"""

import json
import re
from base64 import b64decode, b64encode
from binascii import Error
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from math import isfinite
from typing import Any, Final, NamedTuple, TypeVar, cast

from segue.core.errors import SegueError
from segue.core.log.events import ANY, Appended, Commit, Draft, ForkPoint, KeyPolicy
from segue.core.redaction.masking import is_masked, masked, unmasked
from segue.core.redaction.values import Redacted
from segue.ports import Asked, Store
from segue.ports.redaction import Redactor, Redacts

_HASH: Final = re.compile(r"[0-9a-f]{32}")
_NAMES: Final = ("body", "scopes", "key", "node", "parent", "actor", "stream")
_REMEMBERED: Final = 4096
"""Records whose hash changed that are remembered: what refers to one follows it closely."""

S = TypeVar("S", bound=Store)


def redacting(kind: type[S], redactor: Redactor, key: bytes = b"") -> type[S]:
    """Return the kind of store that *kind* is, but that it takes secrets out of what it is given.

    With a *key* (32 bytes), the hashes in the positions of transcripts are masked.
    """
    members = {"_redacts_with": (redactor, key), "__module__": __name__}
    return cast("type[S]", type(kind.__name__, (_Redacting, kind), members))


def without_secrets(store: Store, drafts: Sequence[Draft]) -> Sequence[Draft]:
    """Return *drafts* as *store* would write them: for what is kept elsewhere until it can."""
    return store.without_secrets(drafts) if isinstance(store, Redacts) else drafts


class _Redacting:
    """Mixed into a store: what comes in is redacted first. It has one field, since the store's own names are not known."""

    _redacts_with: tuple[Redactor, bytes]

    def __init__(self, *args: Any, **named: Any) -> None:
        self._redaction = _Redaction(*self._redacts_with)
        super().__init__(*args, **named)

    def create(self, session: str, drafts: Sequence[Draft], *, fork: ForkPoint | None = None) -> Commit:
        """See `Store.create`."""
        clean = self.without_secrets(drafts)
        commit: Commit = super().create(session, clean, fork=fork)  # type: ignore[misc]  # it is mixed into a store
        self._redaction.tally(session, clean, commit)
        return commit

    def append(
        self,
        session: str,
        drafts: Sequence[Draft],
        *,
        expect: int = ANY,
        on_key: KeyPolicy = "ignore",
        fence: int | None = None,
    ) -> Commit:
        """See `Store.append`."""
        clean = self.without_secrets(drafts)
        commit: Commit = super().append(session, clean, expect=expect, on_key=on_key, fence=fence)  # type: ignore[misc]
        self._redaction.tally(session, clean, commit)
        return commit

    def append_each(self, session: str, asked: Sequence[Asked]) -> list[Commit | SegueError]:
        """See `Store.append_each`."""
        clean = [one._replace(drafts=self.without_secrets(one.drafts)) for one in asked]
        found: list[Commit | SegueError] = super().append_each(session, clean)  # type: ignore[misc]
        for one, outcome in zip(clean, found, strict=True):
            if isinstance(outcome, Commit):
                self._redaction.tally(session, one.drafts, outcome)
        return found

    def lookup(self, session: str, key: str) -> Appended | None:
        """See `Store.lookup`: a key that holds a secret is known without it."""
        found: Appended | None = super().lookup(session, self._redaction.text(key))  # type: ignore[misc]
        return found

    def put_blob(self, data: bytes) -> str:
        """See `Store.put_blob`."""
        name: str = super().put_blob(self._redaction.data(data))  # type: ignore[misc]
        return name

    def without_secrets(self, drafts: Sequence[Draft]) -> list[Draft]:
        """See `Redacts.without_secrets`."""
        return self._redaction.drafts(drafts)

    def position_of(self, stored: dict[str, Any]) -> dict[str, Any] | None:
        """See `Redacts.position_of`."""
        return self._redaction.position_of(stored)

    def taken_out(self, session: str) -> Mapping[str, int]:
        """See `Redacts.taken_out`."""
        return dict(self._redaction.taken.pop(session, {}))


class _Redaction:
    """What a redacting store knows beside what the store does."""

    def __init__(self, redactor: Redactor, key: bytes) -> None:
        self._redactor = redactor
        self._key = key
        self.taken: dict[str, Counter[str]] = {}
        """How many secrets of each kind were taken out of new events of each session."""
        self._hashes: OrderedDict[str, str] = OrderedDict()

    def drafts(self, drafts: Sequence[Draft]) -> list[Draft]:
        """Return *drafts* without their secrets."""
        opened = [_open(draft) for draft in drafts]
        found = iter(self._redactor.redact_each([value for one in opened for value in (one.parts, one.record)]))
        clean = [self._masked(_closed(one, parts, record)) for one, parts, record in zip(opened, found, found, strict=True)]
        for draft, one in zip(drafts, clean, strict=True):
            self._note(draft, one)
        return [self._rehashed(draft) for draft in clean] if self._hashes else clean

    def text(self, text: str) -> str:
        """Return *text* without its secrets."""
        clean: str = self._redactor.redact_each([text])[0].value
        return clean

    def data(self, data: bytes) -> bytes:
        """Return *data* without its secrets; itself where there are none."""
        text = data.decode("utf-8", "surrogateescape")
        clean = self.text(text)
        return data if clean is text else clean.encode("utf-8", "surrogateescape")

    def position_of(self, stored: dict[str, Any]) -> dict[str, Any] | None:
        """See `Redacts.position_of`."""
        return unmasked(stored, self._key) if is_masked(stored) else stored

    def tally(self, session: str, drafts: Sequence[Draft], commit: Commit) -> None:
        """Count what was taken out of the events that are new."""
        for draft, entry in zip(drafts, commit.entries, strict=True):
            found = (draft.source or {}).get("redacted")
            if entry.new and isinstance(found, Mapping):
                self.taken.setdefault(session, Counter()).update(found)

    def _masked(self, draft: Draft) -> Draft:
        position = draft.body.get("position") if draft.kind == "import.advanced" and self._key else None
        if not isinstance(position, Mapping) or not position or is_masked(position):
            return draft
        return draft._replace(body={**draft.body, "position": masked(position, self._key)})

    def _note(self, before: Draft, after: Draft) -> None:
        """Remember which hash the record of a draft had, and has."""
        if before.source is after.source:
            return
        old, new = _record(before), _record(after)
        if old is not None and new is not None and old != new:
            self._hashes[_hash(old)] = _hash(new)
            if len(self._hashes) > _REMEMBERED:
                self._hashes.popitem(last=False)

    def _rehashed(self, draft: Draft) -> Draft:
        """Return *draft* with the hashes of records that are kept otherwise replaced where it names them."""

        def new(text: str) -> str:
            return _HASH.sub(lambda m: self._hashes.get(m[0], m[0]), text)

        named = {"key": draft.key, "node": draft.node, "parent": draft.parent}
        changed: dict[str, Any] = {name: new(text) for name, text in named.items() if text and new(text) != text}
        record = (draft.source or {}).get("record")
        if isinstance(record, str) and new(record) != record:
            changed["source"] = {**(draft.source or {}), "record": new(record)}
        return draft._replace(**changed) if changed else draft


class _Opened(NamedTuple):
    """A draft, as values that can be redacted."""

    draft: Draft
    parts: dict[str, Any]
    record: Any
    """What it came from, read."""
    how: str
    """How that was read: `json`, `text`, `bytes`, or not at all."""


def _open(draft: Draft) -> _Opened:
    parts = {name: getattr(draft, name) for name in _NAMES}
    source = dict(draft.source) if draft.source else {}
    record, how = _read(source.pop("raw", None), source.pop("raw_b64", None))
    return _Opened(draft, {**parts, "source": source}, record, how)


def _read(raw: Any, packed: Any) -> tuple[Any, str]:
    """Return a record's value, and how it was read: JSON is decoded, since its escapes hide what they stand for."""
    if isinstance(raw, str):
        try:
            return json.loads(raw, parse_float=_float, parse_constant=str), "json"
        except (ValueError, RecursionError):
            return raw, "text"
    if isinstance(packed, str):
        try:
            return b64decode(packed, validate=True).decode("utf-8", "surrogateescape"), "bytes"
        except (Error, ValueError):
            return packed, "text"
    return None, ""


def _float(text: str) -> float | str:
    value = float(text)
    return value if isfinite(value) else text


def _closed(opened: _Opened, parts: Redacted, record: Redacted) -> Draft:
    """Return the draft with its parts as they are now; one that holds no secret is returned itself."""
    if not (parts.counts or record.counts):
        return opened.draft
    before = opened.draft.source or {}
    source = dict(parts.value["source"])
    if opened.how == "bytes":
        source["raw_b64"] = b64encode(record.value.encode("utf-8", "surrogateescape")).decode()
    elif opened.how == "json":
        source["raw"] = _written(record.value) if record.counts else before["raw"]
    elif opened.how:
        source["raw" if "raw" in before else "raw_b64"] = record.value
    earlier = before.get("redacted")
    counts = Counter(parts.counts) | Counter(record.counts)  # what stands in both is one
    source["redacted"] = dict(sorted((counts + Counter(earlier if isinstance(earlier, Mapping) else {})).items()))
    return opened.draft._replace(**{**parts.value, "source": source})


def _written(record: Any) -> str:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":"))


def _record(draft: Draft) -> bytes | None:
    source = draft.source or {}
    if isinstance(source.get("raw"), str):
        return str(source["raw"]).encode("utf-8", "surrogatepass")
    if isinstance(source.get("raw_b64"), str):
        try:
            return b64decode(source["raw_b64"])
        except (Error, ValueError):
            return None
    return None


def _hash(record: bytes) -> str:
    """Return the hash of a record as the keys of imports have it."""
    return blake2b(record, digest_size=16).hexdigest()
