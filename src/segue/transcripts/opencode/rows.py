"""What is new in one session of opencode's database, as events."""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from segue.ports import Batch
from segue.transcripts._lines import MAX_LINE
from segue.transcripts._records import count_of, dict_of, digest, list_of, name_of, parse, text_of, time_of
from segue.transcripts.opencode.database import NEWER, Database, Listed, Row
from segue.transcripts.opencode.records import RESULT, Meaning, Record, is_over, stable

if TYPE_CHECKING:
    from segue.core.log.events import Draft

_WINDOW: Final = 2_000
"""Milliseconds before the latest change in which another one may still have become visible."""
_BATCH_EVENTS: Final = 500
_BATCH_BYTES: Final = 4 * 1024 * 1024
_PIECE: Final = 4 * 1024 * 1024
_OBJECTS: Final = frozenset({"revert", "permission", "model", "metadata", "summary_diffs"})
"""Columns of a session that hold JSON."""
_NAMES: Final = {
    "slug": "slug",
    "projectID": "project_id",
    "workspaceID": "workspace_id",
    "directory": "directory",
    "path": "path",
    "parentID": "parent_id",
    "title": "title",
    "version": "version",
    "metadata": "metadata",
    "agent": "agent",
    "model": "model",
    "permission": "permission",
    "revert": "revert",
}
"""Field of an export -> column of a session."""
_TIMES: Final = ("created", "updated", "compacting", "archived")
_SUMMARY: Final = ("additions", "deletions", "files", "diffs")
_TOKENS: Final = ("input", "output", "reasoning", "cache_read", "cache_write")


class Reading:
    """Reads what is new of one session of a database: rows that changed since the last time, and what of them is new."""

    def __init__(self, db: Database, session: str, foreign_id: str, position: Mapping[str, Any]) -> None:
        state = dict_of(position, "state")
        self._db = db
        self._session = session
        self._foreign_id = foreign_id
        self._since = count_of(state, "since")
        self._window = {h for h in list_of(state, "window") if isinstance(h, str)}
        self._head = name_of(state, "head")
        self._revert = text_of(state, "revert")
        self._newest = {k: v for k, v in dict_of(state, "newest").items() if isinstance(v, str)}
        self._meaning = Meaning(session, foreign_id)
        self._meaning.facts = dict(dict_of(state, "facts"))
        self._told = dict(self._meaning.facts)
        self._seen: list[str] = []
        self._drafts: list[Draft] = []
        self._size = 0
        self._began: str | None = None

    def batches(self) -> Iterator[Batch]:
        """Yield what is new, and with the last stretch the position behind it."""
        own = self._db.session(self._session) or {}
        updated = count_of(own, "time_updated")
        self._began = time_of(own.get("time_created"))
        listed = self._db.rows(self._session)
        latest = max((row.updated for row in listed), default=0)
        taken_back = _json(own.get("revert"))
        visible = _visible(listed, taken_back)
        revert = digest(repr(taken_back).encode()) if taken_back else ""
        if own:
            found = _session_record(self._db.path, own)
            if self._is_new(found.id, repr(stable(found.record)).encode("utf-8", "replace")):
                self._drafts += self._meaning.session(found)
        self._settle(listed, visible, revert, updated)
        for group in _groups(listed):
            if any(row.updated >= self._since - _WINDOW for row in group):
                yield from self._group(group, latest)
        self._note_flaws()
        head = self._tip(visible)
        if revert and (revert != self._revert or self._drafts) and len(visible) < len(listed):
            self._drafts.append(self._meaning.moved(self._db.path, None, head, updated))
        if self._drafts:
            state = {
                "since": latest,
                "window": sorted(self._seen),
                "head": head,
                "revert": revert,
                "newest": {
                    table: max((r.id for r in listed if r.table == table), default="") for table in ("message", "part", NEWER)
                },
                "facts": self._meaning.facts,
            }
            told = json.dumps(state, sort_keys=True).encode()
            yield self._batch({"offset": latest, "digest": digest(told), "line": len(listed), "state": state})

    def _group(self, group: Sequence[Listed], latest: int) -> Iterator[Batch]:
        """Take in a message and its parts, as far as they are new, and yield a stretch that is full."""
        found = [(row, record) for row in group if (record := self._load(row)) is not None]
        new = {
            record.id
            for row, record in found
            if row.updated >= self._since - _WINDOW and self._is_new(record.id, record.data, keep=row.updated >= latest - _WINDOW)
        }
        message = next((record for row, record in found if row.table == "message"), None)
        self._drafts += self._meaning.whole(message, [record for row, record in found if row.table == "part"], new)
        for row, record in found:
            if row.table == NEWER and record.id in new:
                self._drafts += self._meaning.newer(record)
        self._size += sum(len(record.data) for _, record in found if record.id in new)
        if len(self._drafts) >= _BATCH_EVENTS or self._size >= _BATCH_BYTES:
            yield self._batch(None)

    def _is_new(self, name: str, told: bytes, *, keep: bool = True) -> bool:
        """Return whether a record was not seen before as it is now; *keep* it in mind for the next time."""
        name = digest(name.encode("utf-8", "replace") + b" " + told)[:12]
        if keep:
            self._seen.append(name)
        return name not in self._window

    def _load(self, row: Listed) -> Record | None:
        """Return a row's record; None where it cannot be read, or is too long, which is then a loss."""
        if self._db.size(row) > MAX_LINE:
            self._lose_in_pieces(row)
            return None
        found = self._db.row(row)
        if found is None:
            return None
        record, flaw = _row_record(self._db.path, row, self._session, found)
        if flaw:
            self._lose(row.id, flaw, record.data if not record.record.get("type") else None)
        return record if record.record else None

    # --- losses

    def _lose(self, record: str, reason: str, data: bytes | None = None) -> None:
        if self._is_new(f"{record} {reason}", data or b""):
            self._drafts.append(self._meaning.loss(self._db.path, record, reason, data, ":flaw"))

    def _lose_in_pieces(self, row: Listed) -> None:
        if not self._is_new(row.id, str(row.updated).encode()):
            return
        for number, piece in enumerate(self._db.pieces(row, _PIECE), 1):
            reason = "longer than can be read: its bytes are kept in pieces"
            lost = self._meaning.loss(self._db.path, row.id, reason, piece, f":piece-{number}")
            self._drafts.append(lost._replace(body={**lost.body, "piece": number}))
            self._size += len(piece)

    def _note_flaws(self) -> None:
        for flaw in dict.fromkeys(self._db.flaws):
            self._lose(flaw.where, flaw.reason)

    # --- what was taken back

    def _settle(self, listed: Sequence[Listed], visible: Sequence[Listed], revert: str, updated: int) -> None:
        """Move the head where rows that were read are gone, or are no longer taken back."""
        if not self._head:
            return
        row = self._head.partition(":")[0]
        there = row == self._session or any(r.id == row for r in listed)
        if there and (revert or not self._revert):
            return
        earlier = [r for r in (visible if revert else listed) if r.id <= self._newest.get(r.table, "")]
        to = self._tip(earlier)
        if to != self._head:
            self._drafts.append(self._meaning.moved(self._db.path, self._head, to, updated))

    def _tip(self, rows: Sequence[Listed]) -> str:
        """Return the last node that *rows* became."""
        for row in reversed(rows):
            if row.table != "part":
                return row.id
            found = self._db.row(row)
            if found is not None:
                record, _ = _row_record(self._db.path, row, self._session, found)
                return row.id + RESULT if is_over(record.record) else row.id
        return f"{self._session}:session"

    def _batch(self, position: dict[str, Any] | None) -> Batch:
        facts = {k: v for k, v in self._meaning.facts.items() if self._told.get(k) != v}
        found, self._drafts, self._size = self._drafts, [], 0
        self._told = dict(self._meaning.facts)
        return Batch(self._foreign_id, found, position, facts, self._began)


# --- rows as records

_encode = json.JSONEncoder(separators=(",", ":")).encode


def _row_record(path: str, row: Listed, session: str, found: Row) -> tuple[Record, str]:
    """Return a row in the form that an export has it in, and what is wrong with it: its ids go before its data's own fields."""
    data = found.get("data")
    data = data if isinstance(data, bytes) else str(data).encode("utf-8", "surrogatepass") if data is not None else b""
    ids = {"id": row.id, "sessionID": session} | ({"messageID": row.message} if row.table == "part" else {})
    before = _encode(ids)[:-1].encode()
    told = data.lstrip()
    body = told[1:]
    raw = before + (b"," if body.strip() != b"}" else b"") + body if told[:1] == b"{" else data
    parsed = parse(raw)
    columns = {k: _column(v) for k, v in found.items() if k not in {"id", "session_id", "message_id", "data"}}
    if parsed.record is None:
        return Record(path, {}, parsed.text, data, columns), parsed.flaw
    return Record(path, parsed.record | ids, parsed.text, raw, columns), parsed.flaw


def _session_record(path: str, row: Row) -> Record:
    """Return a session's own row in the form that an export has it in."""
    told = {k: _json(v) if k in _OBJECTS else _column(v) for k, v in row.items()}
    info: dict[str, Any] = {"id": told.pop("id", "")}
    for ours, theirs in _NAMES.items():
        if (value := told.pop(theirs, None)) is not None:
            info[ours] = value
    info["time"] = {k: v for k in _TIMES if (v := told.pop(f"time_{k}", None)) is not None}
    if (url := told.pop("share_url", None)) is not None:
        info["share"] = {"url": url}
    summary = {k: v for k in _SUMMARY if (v := told.pop(f"summary_{k}", None)) is not None}
    if summary:
        info["summary"] = summary
    cost = told.pop("cost", None)
    tokens = {k: told.pop(f"tokens_{k}", None) for k in _TOKENS}
    if cost is not None:
        info["cost"] = cost
    if any(v is not None for v in tokens.values()):
        cache = {"read": tokens.pop("cache_read"), "write": tokens.pop("cache_write")}
        info["tokens"] = {**tokens, "cache": cache}
    text = json.dumps(info, ensure_ascii=False)
    try:
        data = text.encode()
    except UnicodeEncodeError:
        text = json.dumps(info)
        data = text.encode()
    return Record(path, info, text, data, {k: v for k, v in told.items() if v is not None})


def _column(value: Any) -> Any:
    """Return a column's value as JSON: text, or bytes in base64 where they are none."""
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"base64": b64encode(value).decode()}


def _json(value: Any) -> Any:
    """Return a column of JSON as what it says, or as its text where it is none."""
    if not isinstance(value, (bytes, str)):
        return value
    found = parse(b'{"value":' + (value if isinstance(value, bytes) else value.encode("utf-8", "replace")) + b"}").record
    return _column(value) if found is None else found.get("value")


def _groups(listed: Sequence[Listed]) -> Iterator[list[Listed]]:
    """Yield each message's rows; parts without a message are groups of their own."""
    group: list[Listed] = []
    for row in listed:
        if group and (row.table != "part" or row.message != group[0].message):
            yield group
            group = []
        group.append(row)
    if group:
        yield group


def _visible(listed: Sequence[Listed], taken_back: Any) -> Sequence[Listed]:
    """Return the rows before those that the user has taken back, which opencode deletes when the session goes on."""
    message, part = (taken_back.get("messageID"), taken_back.get("partID")) if isinstance(taken_back, dict) else (None, None)
    for i, row in enumerate(listed):
        if row.id == part or (row.id == message and part is None):
            return listed[:i]
    return listed
