"""opencode's sessions in files: what `opencode export` writes, and the tree under `storage/` of versions before 1.2.

An export is one document, `{"info": <session>, "messages": [{"info": <message>, "parts": [<part>, ...]}, ...]}`. In the tree
each record is a file: `storage/session/<project>/<session>.json`, `storage/message/<session>/<message>.json`,
`storage/part/<message>/<part>.json`; in the oldest one, below `storage/session/` all of them.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from segue.ports import Batch, Noted
from segue.transcripts._document import MAX_DOCUMENT, TornError, Walk, read_document
from segue.transcripts._lines import MAX_LINE
from segue.transcripts._records import dict_of, name_of, parse, short, text_of, time_of
from segue.transcripts.opencode.records import Meaning, Record

if TYPE_CHECKING:
    from segue.core.log.events import Draft

_BATCH_EVENTS: Final = 500
_BATCH_BYTES: Final = 4 * 1024 * 1024
_MESSAGE = re.compile(rb'\{\s*"info"\s*:\s*\{')
_OWN_ID = re.compile(rb'"(id|parentID)"\s*:\s*"(ses_[0-9A-Za-z_-]{1,100})"')
_EXPORT = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"info"\s*:\s*\{')
_LOST: Final = 64 * 1024
"""Bytes of a damaged stretch that its loss keeps."""


def is_export(head: bytes) -> bool:
    """Return whether a file that begins with *head* is an export."""
    return bool(_EXPORT.match(head)) and _OWN_ID.search(head) is not None


def is_tree(path: str, head: bytes) -> bool:
    """Return whether a file is a session's in the tree of older versions."""
    file = Path(path)
    return file.name.startswith("ses_") and _storage(file) is not None and _OWN_ID.search(head) is not None


def identify(path: str, head: bytes) -> str:
    """Return the session that the one in the file belongs to: itself, or the one that began it."""
    own = head.partition(b'"messages"')[0]
    told = {name.decode(): value.decode() for name, value in reversed(_OWN_ID.findall(own))}
    return told.get("parentID") or told.get("id") or path


class Files:
    """Reads one session from files, whole each time: keys tell what is known."""

    def __init__(self, path: str, foreign_id: str) -> None:
        self._path = path
        self._foreign_id = foreign_id
        self._meaning = Meaning(foreign_id, foreign_id)
        self._told: dict[str, Any] = {}
        self._drafts: list[Draft] = []
        self._size = 0
        self._began: str | None = None
        self._item = 0
        """Where the message that is read begins: what is damaged is looked through from there for the next one."""

    # --- exports

    def export(self) -> Iterator[Batch]:
        """Yield what an export holds. Raises OSError."""
        data = read_document(self._path)
        if not data.strip():
            yield Batch(self._foreign_id, (), None, {}, noted=(Noted(self._path, "empty file"),))
            return
        if len(data) > MAX_DOCUMENT:
            reason = f"longer than can be read: more than {MAX_DOCUMENT >> 20} MiB in one document"
            yield Batch(self._foreign_id, (), None, {}, noted=(Noted(self._path, reason),))
            return
        reading: Iterator[Batch] | None = self._document(Walk(data))
        while reading is not None:
            try:
                yield from reading
                break
            except TornError as e:
                found = _MESSAGE.search(data, self._item + 1)
                self._lose(data[e.at : found.start() if found else len(data)], e)
                reading = self._messages(Walk(data, found.start())) if found else None
        yield from self._rest()

    def _document(self, walk: Walk) -> Iterator[Batch]:
        for name in walk.members():
            if name == "info":
                self._session(self._record(walk))
            elif name == "messages" and walk.is_array():
                self._item = walk.at
                for _ in walk.items():
                    yield from self._message(walk)
            else:
                self._unknown(walk, f"member {name!r} of the export")

    def _messages(self, walk: Walk) -> Iterator[Batch]:
        """Yield the messages that follow one another behind a damaged place."""
        while True:
            yield from self._message(walk)
            walk.skip(b",")
            if not walk.is_object():
                return

    def _message(self, walk: Walk) -> Iterator[Batch]:
        info: Record | None = None
        parts: list[Record] = []
        try:
            if walk.is_object():
                self._item = walk.at
                for name in walk.members():
                    if name == "info":
                        info = self._record(walk)
                    elif name == "parts" and walk.is_array():
                        for _ in walk.items():
                            parts += [p for p in (self._record(walk),) if p is not None]
                    else:
                        self._unknown(walk, f"member {name!r} of a message")
            else:
                self._unknown(walk, "a message that is no object")
        finally:  # what was read before a damaged place is kept
            self._group(info, parts)
        if len(self._drafts) >= _BATCH_EVENTS or self._size >= _BATCH_BYTES:
            yield self._batch()

    def _record(self, walk: Walk) -> Record | None:
        """Return the record at hand, or None where it is none, which is a loss."""
        start, end = walk.value()
        data = walk.data[start:end]
        found, flaw = _parsed(self._path, data)
        if flaw:
            self._drafts.append(self._meaning.loss(self._path, f"byte {start}", flaw, data[:MAX_LINE], ":flaw"))
        return found

    def _unknown(self, walk: Walk, what: str) -> None:
        start, end = walk.value()
        data = walk.data[start : min(end, start + MAX_LINE)]
        kept = f"the first {MAX_LINE} of its {end - start} bytes are kept" if end - start > MAX_LINE else "it is kept as it is"
        self._drafts.append(
            self._meaning.loss(self._path, f"byte {start}", f"not known: {short(what, 80)}; {kept}", data, ":unknown")
        )

    # --- the tree

    def tree(self) -> Iterator[Batch]:
        """Yield what the tree holds of the session whose own file this is. Raises OSError."""
        file = Path(self._path)
        storage = _storage(file)
        self._session(self._load(file))
        session = file.stem
        for message in _below(storage, "message", session) if storage else ():
            info = self._load(message)
            folders = (("part", message.stem), ("session", "part", session, message.stem))
            parts = [self._load(p) for folder in folders for p in _files(storage, *folder)] if storage else []
            self._group(info, [p for p in parts if p is not None] or _inline(info))
            if len(self._drafts) >= _BATCH_EVENTS or self._size >= _BATCH_BYTES:
                yield self._batch()
        yield from self._rest()

    def _load(self, file: Path) -> Record | None:
        """Return the record of a file, or None where it is none, which is a loss."""
        try:
            data = read_document(str(file))
        except OSError as e:
            if str(file) == self._path:
                raise
            self._drafts.append(self._meaning.loss(str(file), file.stem, f"cannot be read: {e.strerror or e}"))
            return None
        found, flaw = _parsed(str(file), data)
        if flaw:
            self._drafts.append(self._meaning.loss(str(file), file.stem, flaw, data[:MAX_LINE], ":flaw"))
        return found

    # --- both

    def _session(self, found: Record | None) -> None:
        if found is None:
            return
        self._meaning = Meaning(name_of(found.record, "id") or self._foreign_id, self._foreign_id)
        self._began = time_of(dict_of(found.record, "time").get("created"))
        self._drafts += self._meaning.session(found)

    def _group(self, info: Record | None, parts: list[Record]) -> None:
        found = [r for r in (info, *parts) if r is not None]
        self._drafts += self._meaning.whole(info, parts, {r.id for r in found})
        self._size += sum(len(r.data) for r in found)

    def _lose(self, data: bytes, error: TornError) -> None:
        reason = f"not JSON: {error}"
        self._drafts.append(self._meaning.loss(self._path, f"byte {error.at}", reason, data[:_LOST], ":torn"))

    def _rest(self) -> Iterator[Batch]:
        if self._drafts:
            yield self._batch()

    def _batch(self) -> Batch:
        facts = {k: v for k, v in self._meaning.facts.items() if self._told.get(k) != v}
        found, self._drafts, self._size = self._drafts, [], 0
        self._told = dict(self._meaning.facts)
        return Batch(self._foreign_id, found, None, facts, self._began)


def _parsed(path: str, data: bytes) -> tuple[Record | None, str]:
    if len(data) > MAX_LINE:
        return None, f"longer than can be read: {len(data)} bytes, the first {MAX_LINE} are kept"
    parsed = parse(data)
    if parsed.record is None:
        return None, parsed.flaw
    return Record(path, parsed.record, parsed.text, data), parsed.flaw


def _storage(file: Path) -> Path | None:
    """Return the tree's root: the directory `storage` two or three levels above a session's own *file*."""
    return next((p for p in list(file.parents)[1:4] if p.name == "storage" and file.relative_to(p).parts[0] == "session"), None)


def _files(storage: Path | None, *below: str) -> list[Path]:
    return sorted((storage or Path()).joinpath(*below).glob("*.json"))


def _below(storage: Path, kind: str, session: str) -> list[Path]:
    """Return the files of a session's records of one kind, in the order of their ids."""
    return _files(storage, kind, session) or _files(storage, "session", kind, session)


def _inline(info: Record | None) -> list[Record]:
    """Return the parts that the oldest versions kept within the message."""
    found: list[Record] = []
    parts = info.record.get("parts") if info is not None else None
    for number, part in enumerate(parts if isinstance(parts, list) else ()):
        if isinstance(part, dict) and info is not None:
            named = {"id": f"{info.id}.{number}", "messageID": name_of(info.record, "id"), **part}
            if text_of(part, "type") == "tool-invocation":
                named |= _invocation(dict_of(part, "toolInvocation"))
            found.append(Record(info.file, named, "", b""))
    return found


def _invocation(told: dict[str, Any]) -> dict[str, Any]:
    """Return a call in the oldest form as a tool's part."""
    over = told.get("state") == "result"
    state = {"status": "completed" if over else "running", "input": told.get("args"), "output": told.get("result")}
    return {"type": "tool", "tool": told.get("toolName"), "callID": told.get("toolCallId"), "state": state}
