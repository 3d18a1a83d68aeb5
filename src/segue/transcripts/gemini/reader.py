"""Gemini CLI's transcripts: `tmp/<project>/chats/session-<UTC minute>-<id's first 8>.jsonl`; before 0.39 one `.json` document.

Seen in files of version 0.61.0 and read in its source. The first line is a header. A message is written again under the same
`id` when its tools end: the last one counts. `{"$set": {...}}` changes the header, or replaces all messages: so the program
writes the environment when it starts, the whole conversation anew when it goes on with a session, and the summary and a copy
of what follows it when it compresses. Gone on with in the minute in which it began, a session has a second header in the same
file. `{"$rewindTo": id}` takes back that message and all behind it. Subagents have files of
their own in `chats/<session>/`.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, Final

from segue.core.log.events import MAIN, Draft
from segue.ports import Batch
from segue.transcripts._genai import answers_of, parts_of, without_hooks
from segue.transcripts._parts import texts
from segue.transcripts._reading import File, Interpreter, JsonLinesReader
from segue.transcripts._records import (
    Drafts,
    Place,
    dict_of,
    list_of,
    name_of,
    parse,
    short,
    text_of,
    time_of,
    without_raw,
)
from segue.transcripts.gemini._document import lines_of
from segue.transcripts.gemini._messages import answered_in, as_typed, heard, model_body

AGENT: Final = "gemini-cli"
_FILE = re.compile(r"session-[\dT-]{10,20}-\w{8}(-\w{8})?\Z")
_SPOKEN: Final = frozenset({"user", "gemini"})
_TYPES: Final = frozenset({"user", "gemini", "info", "error", "warning"})
_INJECTED = re.compile(r"\s*(<session_context>|Here is the user's editor context as a JSON object)")
_ENVIRONMENT: Final = "<session_context>"
_SNAPSHOT: Final = "<state_snapshot>"
_NODES: Final = frozenset({"message", "compaction", "record"})
_ROOT_LIMIT: Final = 4096
_NO_POSITION: Final = re.compile(r"\.json(\.gz)?\Z")


class Gemini(JsonLinesReader):
    """Reads Gemini CLI's transcripts. See `ports.TranscriptReader`."""

    agent = AGENT
    version = "1"

    def sniff(self, path: str, head: bytes) -> bool:
        """See `TranscriptReader.sniff`."""
        if _NO_POSITION.search(path):
            return head.lstrip(b"\xef\xbb\xbf \r\n\t")[:1] == b"{" and b'"sessionId"' in head and b'"projectHash"' in head
        if next(self._records(head), None) is not None:
            return True
        return bool(_FILE.match(_stem(path))) and self._says_nothing(head)

    def identify(self, path: str, head: bytes) -> str:
        """See `TranscriptReader.identify`: what the records say; a subagent's file belongs to the session of its directory."""
        if _NO_POSITION.search(path):
            found = re.search(rb'"sessionId":\s*"([\w-]{1,64})"', head)
            return found[1].decode() if found else _stem(path)
        pure = PurePath(path)
        for record in self._records(head):
            known = record | dict_of(record, "$set")
            if known.get("kind") == "subagent" and pure.parent.parent.name == "chats":
                return pure.parent.name
            if told := name_of(known, "sessionId"):
                return told
        return _stem(path)

    def read(
        self, path: str, foreign_id: str, position: Mapping[str, Any] | None = None, *, trusted: bool = False
    ) -> Iterator[Batch]:
        """See `TranscriptReader.read`. A JSON document is read whole each time."""
        if not _NO_POSITION.search(path):
            yield from super().read(path, foreign_id, position, trusted=trusted)
            return
        drafts = Drafts(self.agent, self.version, foreign_id)
        meaning = self._interpreter(File(path, foreign_id), drafts, {})
        document = lines_of(path)
        found: list[Draft] = [draft for line in document.lines for draft in self._line(meaning, drafts, path, line)]
        for number, data, reason in document.losses:
            found.append(drafts.loss(Place(path, number, data, parse(data).text), reason, at=meaning.at))
        if found or document.noted:
            began = next((d.at for d in found if d.at), None)
            yield Batch(foreign_id, found, None, dict(meaning.facts), began, document.noted)

    def _recognise(self, record: Mapping[str, Any]) -> bool:
        if "sessionId" in record and "projectHash" in record:
            return True
        if isinstance(record.get("$set"), dict) or text_of(record, "$rewindTo"):
            return True
        return bool(text_of(record, "id")) and text_of(record, "type") in _TYPES and "content" in record

    def _interpreter(self, file: File, drafts: Drafts, state: Mapping[str, Any]) -> Interpreter:
        return _Gemini(file, drafts, state)


class _Gemini(Interpreter):
    """What Gemini CLI's records mean."""

    def __init__(self, file: File, drafts: Drafts, state: Mapping[str, Any]) -> None:
        super().__init__(file, drafts, state)
        self._began = name_of(state, "began")
        self._hash = name_of(state, "hash")
        self._stream = name_of(state, "stream") or MAIN
        self._answers: set[str] = set()
        self._nodes: dict[str, str] = {}  # of this stretch, until those before it are needed
        self._copies: set[str] = set()
        self._heard: set[int] = set()  # what was said, hashed, and the ids of calls
        self._copying = bool(state.get("copying"))
        self._copied: set[str] = set()
        self._before = bool(state)
        self._started = bool(state.get("started"))  # the program has just started: it tells the environment anew

    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = {"at": self.at, "facts": self.facts, "began": self._began, "hash": self._hash}
        for name, flag in (("started", self._started), ("copying", self._copying)):
            if flag:
                found[name] = True
        return found if self._stream == MAIN else found | {"stream": self._stream}

    def events(self, record: dict[str, Any], place: Place) -> Iterable[Draft]:
        change = dict_of(record, "$set")
        told = record.get("timestamp") or record.get("startTime") or change.get("lastUpdated")
        self.at = time_of(told) or self.at
        name = self._name(record, change, place)
        if "type" in record and record["type"] not in _TYPES:
            yield self._draft(
                "record", {"type": short(str(record["type"]), 200) or "unknown"}, place, name, said=text_of(record, "id")
            )
        elif change:
            yield from self._set(change, place, name)
        elif "$rewindTo" in record:
            yield self._rewind(text_of(record, "$rewindTo"), place, name)
        elif name_of(record, "id"):
            self._started = False
            if self._is_copy(record, name):
                self._copied.add(name)
                yield self._draft("record", {"type": str(record["type"]), "subtype": "copy"}, place, name)
            else:
                yield self._said(record, place, name)
        elif "sessionId" in record:
            self._started = True
            yield self._header(record, place, name)
            yield from self._derived(list_of(record, "messages"), place)
        else:
            yield self._draft("record", {"type": _shape(record)}, place, name)

    def unread(self, record: dict[str, Any], place: Place) -> Draft:
        return self._draft(
            "record",
            {"type": short(text_of(record, "type")) or _shape(record)},
            place,
            self._name(record, dict_of(record, "$set"), place),
        )

    # --- names

    def _name(self, record: dict[str, Any], change: dict[str, Any], place: Place) -> str:
        """Return the node's name: the record's id, that of the one message which it sets, or its place in this file."""
        if not change and (identity := name_of(record, "id")):
            return identity
        messages = list_of(change, "messages")
        if len(messages) == 1 and isinstance(messages[0], dict) and (identity := name_of(messages[0], "id")):
            return identity
        if "sessionId" in record and not self._began:
            self._began = name_of(record, "startTime")
        return self._placed(place)

    def _placed(self, place: Place) -> str:
        """Return a name by place: a session may have several files, so it tells when this one began as well."""
        return f"@{self._began}/{place.line}" if self._began else f"@{place.line}"

    def _path(self) -> dict[str, str]:
        """Return the nodes of the line of the conversation, by name, with their types."""
        if self._before:
            earlier = _Gemini(File(self._file.path, self._file.foreign_id), self._drafts, {})
            earlier.replay(self._file.before(b""))
            self._nodes, self._before = earlier._nodes | self._nodes | earlier._nodes, False  # what came first counts
            self._copies |= earlier._copies
            self._copied |= earlier._copied
            self._heard |= earlier._heard
            self._answers |= earlier._answers
        return self._nodes

    # --- the header, and changes to it

    def _header(self, record: dict[str, Any], place: Place, name: str) -> Draft:
        self._hash = name_of(record, "projectHash")
        self._learn(record)
        if record.get("kind") == "subagent" and self._stream == MAIN:
            self._stream = name_of(record, "sessionId") or "subagent"
        if self._stream != MAIN:
            body = {
                "name": self._drafts.agent_in(self._stream),
                "type": "subagent",
                "status": "running",
                "set": {"stream": self._stream},
            }
            return self._draft("agent.set", body, place, name)
        if root := _project_root(self._file.path):
            self._work_in(root)
        return self._draft("record", {"type": "header"}, place, name)

    def _learn(self, told: dict[str, Any]) -> None:
        if self._stream == MAIN and (summary := text_of(told, "summary")):
            self.facts["title"] = short(summary, 200)
        directories = [d for d in list_of(told, "directories") if isinstance(d, str)]
        if directories:
            self._work_in(directories[0])

    def _work_in(self, path: str) -> None:
        """Take *path*, or the directory above it, as the workspace if the project's hash is of it."""
        if "workspace" in self.facts or not self._hash:
            return
        pure = PurePosixPath(path)
        above = (str(d) for d in (pure, *pure.parents))
        if root := next((d for d in above if sha256(d.encode("utf-8", "replace")).hexdigest() == self._hash), ""):
            self.facts["workspace"] = root

    def _set(self, change: dict[str, Any], place: Place, name: str) -> Iterator[Draft]:
        if len(change) == 1 and "lastUpdated" in change:  # behind every message
            yield self._draft("record", {"type": "$set", "subtype": "lastUpdated"}, place, name)
            return
        self._copying = False
        self._learn(change)
        messages = [m for m in list_of(change, "messages") if isinstance(m, dict) and name_of(m, "id")]
        if messages:
            yield from self._replaced(messages, place, name)
        elif text_of(change, "summary") and self._stream == MAIN:
            yield self._draft("session.updated", {"title": self.facts["title"]}, place, name)
        else:
            yield self._draft("record", {"type": "$set", "subtype": ",".join(sorted(change))[:200]}, place, name)

    def _replaced(self, messages: list[dict[str, Any]], place: Place, name: str) -> Iterator[Draft]:
        """Yield what it means that these are all messages now: most often nothing, they stand in the file already."""
        path = self._path()
        told = {m["id"]: m for m in messages}
        said = [n for n, kind in path.items() if kind in _SPOKEN]
        begun = self._begun()
        known = {*path, *self._copies}
        new = [n for n in told if n not in known and n.removesuffix("_response") not in known]
        kept = [n for n in said if n in told]
        last = max((i for i, n in enumerate(told) if n in known), default=-1)
        behind = list(told)[last + 1 :]
        environment = len(messages) == 1 and (not begun or (self._started and messages[0]["id"] in known))
        self._started = False
        if begun and not environment:
            name = self._placed(place)
        if environment:
            yield self._said(messages[0], place, name)
        elif not begun:
            yield self._draft("record", {"type": "$set", "subtype": "messages"}, place, name)
            yield from self._derived(messages, place)
        elif any(_SNAPSHOT in "".join(texts(parts_of(told[n].get("content")))) for n in new) or (new and len(kept) < len(said)):
            yield self._compaction([told[n] for n in new], place, name)
        elif not new and self._taken_back(said, kept, copied=not self._copied.isdisjoint(told)):
            yield self._move(kept[-1] if kept else None, place, name)
        else:
            yield self._draft("record", {"type": "$set", "subtype": "messages"}, place, name)
            yield from self._derived([told[n] for n in new if n in behind], place)
            if lost := sum(n not in behind for n in new):
                reason = f"{lost} messages have no record of their own: they stand in this copy of the conversation alone"
                yield self._drafts.loss(place, reason, at=self.at, about=":copy", raw=False)
        self._copies.update(told)

    def _begun(self) -> bool:
        return not {*_SPOKEN, "compaction"}.isdisjoint(self._path().values())

    def _is_copy(self, record: dict[str, Any], name: str) -> bool:
        """Return whether a message was said before, under another id.

        When the program shortens answers of tools to save room, it writes all messages anew, the environment first.
        """
        first = next(iter(list_of(record, "content")), None)
        if record["type"] == "user" and isinstance(first, dict) and text_of(first, "text").startswith(_ENVIRONMENT):
            self._copying = name not in self._path() and self._begun()
        if not self._copying or name in self._path() or record["type"] not in _SPOKEN or record.get("tokens"):
            return False
        parts = parts_of(record.get("content"))
        return {*heard(p for p in parts if not str(p.get("content")).startswith(_ENVIRONMENT))} <= self._heard

    def _taken_back(self, said: list[str], kept: list[str], *, copied: bool) -> bool:
        """Return whether the end of the conversation was taken back. A prompt alone stays: it was not answered.

        *copied*: what is kept may begin with copies of what was said first.
        """
        if copied and not kept:
            return False
        start = said.index(kept[0]) if kept and copied else 0
        end = start + len(kept)
        return said[start:end] == kept and any(self._path()[n] == "gemini" for n in said[end:])

    def _compaction(self, new: list[dict[str, Any]], place: Place, name: str) -> Draft:
        said = ["\n".join(texts(parts_of(m.get("content")))) for m in new if m.get("type") == "user"]
        summary = next((s for s in said if _SNAPSHOT in s), said[0] if said else "")
        draft = self._draft("compaction", {"summary": summary} if summary else {}, place, name)
        self._nodes = {name: "compaction"}
        return draft

    def _derived(self, messages: list[Any], place: Place) -> Iterator[Draft]:
        """Yield the messages that a record of several holds; the bytes are with the record's own event."""
        for message in messages:
            if isinstance(message, dict) and (identity := name_of(message, "id")) and identity not in self._path():
                yield without_raw(self._said(message, place, identity))

    def _rewind(self, to: str, place: Place, name: str) -> Draft:
        nodes = list(self._path())
        if to in nodes:
            return self._move(nodes[nodes.index(to) - 1] if nodes[0] != to else None, place, name)
        summary = next((n for n, kind in self._path().items() if kind == "compaction"), None)
        return self._move(summary, place, name)

    def _move(self, to: str | None, place: Place, name: str) -> Draft:
        path = list(self._path().items())
        end = next((i for i, (node, _) in enumerate(path, 1) if node == to), 0)
        body = {"to": to, "frm": path[-1][0] if path else None, "reason": "the agent takes back what follows"}
        self._nodes = dict(path[:end])
        return self._draft("head.moved", body, place, name)

    # --- messages

    def _said(self, record: dict[str, Any], place: Place, name: str) -> Draft:
        kind = record.get("type")
        if kind == "gemini":
            body = self._model(record, name)
            self._heard.update(heard(body["parts"]))
            return self._draft("message", body, place, name, said="gemini")
        if kind == "user":
            parts = answers_of(record.get("content"))
            if parts and all(p["type"] == "tool_call_response" for p in parts):
                return self._results(parts, place, name)
            self._heard.update(heard(parts))
            parts = without_hooks(parts)
            hooks_alone = bool(parts) and all(p["type"] == "hook_context" for p in parts)
            injected = hooks_alone or any(map(_INJECTED.match, texts(parts)[:1]))
            body = {"role": "user", "parts": [as_typed(p) for p in parts]}
            if injected:
                body["meta"] = True
            elif self._stream == MAIN and "title" not in self.facts:
                shown = texts(parts_of(record.get("displayContent"))) or texts(body["parts"])
                if title := short("\n".join(shown)):
                    self.facts["title"] = title
            typed = self._stream == MAIN and "meta" not in body
            return self._draft("message", body, place, name, actor="user" if typed else "", said="user")
        body = {"type": short(str(kind), 200) or "message"}
        if said := texts(parts_of(record.get("content"))):
            body["text"] = short("\n".join(said), 200)
        return self._draft("record", body, place, name, said=body["type"])

    def _results(self, parts: list[dict[str, Any]], place: Place, name: str) -> Draft:
        """Return the event of tools' answers: a message, unless the model's own record has them."""
        if all(self._has_answer(text_of(p, "id")) for p in parts):
            return self._draft("record", {"type": "user", "subtype": "functionResponse"}, place, name, said="answers")
        return self._draft("message", {"role": "tool", "parts": parts}, place, name, actor="tool", said="answers")

    def _has_answer(self, call: str) -> bool:
        if call and call not in self._answers and self._before:
            for _, record in self._file.before(call.encode("utf-8", "replace")):
                if dict_of(record, "$set") or "messages" in record:  # it may hold messages
                    self._path()
                    break
                if record.get("type") == "gemini" and name_of(record, "id"):
                    self._answers.update(answered_in(record))
        return call in self._answers

    def _model(self, record: dict[str, Any], name: str) -> dict[str, Any]:
        body = model_body(record, name)
        self._answers.update(answered_in(record))
        for effect in body.get("effects", ()):
            if path := text_of(effect, "path"):
                self._work_in(path)
        if "model" in body:
            self.facts["model"] = body["model"]
        return body

    # --- what is common

    def _draft(self, kind: str, body: dict[str, Any], place: Place, name: str, *, actor: str = "", said: str = "") -> Draft:
        stream = self._stream
        node = name if kind in _NODES else None
        if node and (said or kind == "compaction"):
            self._nodes.setdefault(node, said or kind)
        who = actor or self._drafts.agent_in(stream)
        return self._drafts.sign(Draft(kind, body, who, stream, node, at=self.at), place, name)


def _stem(path: str) -> str:
    return re.sub(r"\.jsonl?(\.gz)?\Z", "", PurePath(path).name)


def _shape(record: dict[str, Any]) -> str:
    return next((short(key, 200) for key in record), "") or "unknown"


def _project_root(path: str) -> str:
    """Return what the program noted beside its transcripts: the directory that they are of."""
    for directory in PurePath(path).parents[1:3]:
        try:
            with Path(directory, ".project_root").open("rb") as file:
                return file.read(_ROOT_LIMIT).decode("utf-8", "replace").strip()
        except OSError:
            continue
    return ""
