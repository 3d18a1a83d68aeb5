"""Claude Code's transcripts: `projects/<directory>/<session>.jsonl`, subagents in `<session>/subagents/agent-<id>.jsonl`.

Seen in files of versions 2.1.39 to 2.1.329. Records form a tree by `parentUuid`; those without a `uuid` are notes of the
program's own. One message of the model is as many records as it has blocks, under one `message.id`, each with the usage as
known by then. Parallel tool results hang off their calls, progress records off whatever runs.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any, Final

from segue.core.log.events import MAIN, Draft
from segue.transcripts._envelope import TreeInterpreter, TreeReader, agent_of
from segue.transcripts._lines import read_head
from segue.transcripts._parts import title_of
from segue.transcripts._reading import File, Interpreter, stem_of
from segue.transcripts._records import Drafts, Place, count_of, dict_of, later, list_of, name_of, short, text_of, time_of
from segue.transcripts.claude_code._messages import is_injected, message_body, queued_body

AGENT: Final = "claude-code"
_UNNAMED: Final = "sidechain"
"""The stream of a subagent's records that do not name it."""
_QUEUE_LIMIT = 32


class ClaudeCode(TreeReader):
    """Reads Claude Code's transcripts. See `ports.TranscriptReader`."""

    agent = AGENT
    version = "1"
    uuid = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")

    def sniff(self, path: str, head: bytes) -> bool:
        """See `TranscriptReader.sniff`. Qwen Code's records have the same envelope, and `parts` in their messages."""
        records = list(self._records(head))
        if not records and self._says_nothing(head):
            return bool(self.uuid.match(stem_of(path)) or agent_of(path))
        return bool(records) and not any("parts" in dict_of(r, "message") for r in records)

    def _directory(self, path: PurePath) -> str:
        return path.parent.parent.name if path.parent.name == "subagents" else ""

    def _subagent(self, path: str) -> str:
        stream = _file_stream(path)
        told = (name_of(r, "agentId") for r in self._records(read_head(path))) if stream in {"", _UNNAMED} else ()
        return next(filter(None, told), stream)

    def _state(self, meta: Mapping[str, Any]) -> tuple[str, bool]:
        return text_of(meta, "agentType"), meta.get("finished") is True

    def _recognise(self, record: Mapping[str, Any]) -> bool:
        if not text_of(record, "type"):
            return False
        return bool(text_of(record, "sessionId")) or ("uuid" in record and "parentUuid" in record)

    def _interpreter(self, file: File, drafts: Drafts, state: Mapping[str, Any]) -> Interpreter:
        return _Claude(file, drafts, state)


class _Claude(TreeInterpreter):
    """What Claude Code's records mean."""

    def __init__(self, file: File, drafts: Drafts, state: Mapping[str, Any]) -> None:
        super().__init__(file, drafts, state)
        self._since = self._latest = time_of(state.get("latest")) or ""
        self._last: dict[str, str] = {k: v for k, v in dict_of(state, "last").items() if isinstance(v, str)}
        self._said: dict[str, str] = {k: v for k, v in dict_of(state, "said").items() if isinstance(v, str)}
        self._seen |= {*self._last.values(), *self._said.values()}
        self._queue = [t for t in list_of(state, "queue") if isinstance(t, str)]
        self._attaches = bool(state.get("attaches"))
        self._stream = text_of(state, "stream") or _file_stream(file.path)

    def state(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "latest": self._latest,
            "facts": self.facts,
            "last": self._last,
            "said": self._said,
            "queue": self._queue,
            "attaches": self._attaches,
            "stream": self._stream,
        }

    def events(self, record: dict[str, Any], place: Place) -> Iterable[Draft]:
        kind = text_of(record, "type")
        uuid = name_of(record, "uuid")
        stream = self._stream_of(record)
        at = time_of(record.get("timestamp"))
        is_new = at is not None and later(at, self._since)
        again = uuid in self._seen or bool(uuid and not is_new and self._knows(uuid))
        if at is not None:
            self.at = at
            self._latest = at if later(at, self._latest) else self._latest
        if stream == MAIN:
            self._learn(record, uuid)
        if not uuid:
            yield self._note(record, kind, stream, place)
            return
        parent = name_of(record, "parentUuid") or None
        yield self._node(record, kind, uuid, stream, parent, place)
        if parent is not None and not self._knows(parent):
            yield self._orphan(parent, place)
        self._seen.add(uuid)
        if not again:
            self._last[stream] = uuid
            if kind in {"user", "assistant"}:
                self._said[stream] = uuid

    def unread(self, record: dict[str, Any], place: Place) -> Draft:
        uuid = name_of(record, "uuid")
        body = {"type": short(text_of(record, "type")) or "unknown"}
        return self._draft("record", body, place, self._stream_of(record), uuid, name_of(record, "parentUuid") or None)

    # --- records of the conversation

    def _node(self, record: dict[str, Any], kind: str, uuid: str, stream: str, parent: str | None, place: Place) -> Draft:
        if kind in {"user", "assistant"} and "message" in record:
            body = message_body(record, kind)
            if self._queue and (said := text_of(dict_of(record, "message"), "content")) in self._queue:
                self._queue.remove(said)
            actor = "" if kind == "assistant" else _speaker(record, body)
            typed = stream == MAIN and kind == "user" and not body.get("meta")
            if typed and "title" not in self.facts and (title := title_of(body["parts"])):
                self.facts["title"] = title
            return self._draft("message", body, place, stream, uuid, parent, actor=actor)
        if kind == "system" and record.get("subtype") == "compact_boundary":
            return self._draft("compaction", self._compaction(record, stream), place, stream, uuid, parent)
        attachment = dict_of(record, "attachment")
        self._attaches = self._attaches or bool(attachment)
        if attachment.get("type") == "queued_command" and attachment.get("prompt"):
            return self._draft("message", queued_body(attachment), place, stream, uuid, parent, actor="user")
        return self._draft("record", _record(record, kind), place, stream, uuid, parent)

    def _compaction(self, record: dict[str, Any], stream: str) -> dict[str, Any]:
        about = dict_of(record, "compactMetadata")
        before = name_of(record, "logicalParentUuid")
        body: dict[str, Any] = {"follows": before if before and self._knows(before) else self._last.get(stream)}
        if trigger := text_of(about, "trigger"):
            body["trigger"] = trigger
        for ours, theirs in (("pre_tokens", "preTokens"), ("post_tokens", "postTokens")):
            if theirs in about:
                body[ours] = count_of(about, theirs)
        return body

    # --- records without a place in it

    def _note(self, record: dict[str, Any], kind: str, stream: str, place: Place) -> Draft:
        body = _record(record, kind)
        if kind == "last-prompt":
            leaf, last = name_of(record, "leafUuid"), self._last.get(stream)
            if leaf and leaf != last and self._knows(leaf):
                self._last[stream] = self._said[stream] = leaf
                move = {"to": leaf, "frm": last, "reason": "the agent resumes from here"}
                return self._draft("head.moved", move, place, stream)
        elif title := self._title(record, kind):
            self.facts["title"] = title
            return self._draft("session.updated", {"title": title}, place, stream)
        elif kind == "queue-operation" and (said := self._unqueue(record)):
            return self._draft("message", queued_body({"prompt": said}), place, stream, actor="user")
        return self._draft("record", body, place, stream)

    def _title(self, record: dict[str, Any], kind: str) -> str:
        if kind == "summary":  # those of other conversations stand in a file as well
            leaf = name_of(record, "leafUuid")
            return short(text_of(record, "summary"), 200) if leaf and self._knows(leaf) else ""
        if kind in {"custom-title", "ai-title"}:
            return short(text_of(record, "customTitle") or text_of(record, "aiTitle") or text_of(record, "title"), 200)
        return ""

    def _unqueue(self, record: dict[str, Any]) -> str:
        """Return what the user typed while the agent worked, when it is handed to the model in mid-turn.

        Older versions (2.1.39) leave no other trace of it; newer ones write an attachment.
        """
        operation = record.get("operation")
        if operation == "enqueue":
            self._queue = [*self._queue, text_of(record, "content")][-_QUEUE_LIMIT:]
            return ""
        if operation == "popAll":  # back into the prompt, to be edited
            self._queue = []
        if operation not in {"dequeue", "remove"} or not self._queue:
            return ""
        typed = (i for i, said in enumerate(self._queue) if not is_injected(said))
        said = self._queue.pop(next(typed, 0))
        return said if operation == "remove" and not self._attaches and not is_injected(said) else ""

    # --- what is common

    def _draft(
        self,
        kind: str,
        body: dict[str, Any],
        place: Place,
        stream: str,
        uuid: str = "",
        parent: str | None = None,
        *,
        actor: str = "",
    ) -> Draft:
        if not uuid:  # the line is its name; it hangs off what was last said, and nothing hangs off it
            parent = self._said.get(stream) if kind == "message" else self._last.get(stream)
        actor = actor or self._drafts.agent_in(stream)
        draft = Draft(kind, body, actor, stream, uuid or place.called, parent, at=self.at)
        return self._drafts.sign(draft, place, uuid)

    def _stream_of(self, record: dict[str, Any]) -> str:
        if record.get("isSidechain") is True or self._stream:
            agent = name_of(record, "agentId")
            if self._stream == _UNNAMED and agent:
                self._stream = agent
            return agent or self._stream or _UNNAMED
        return MAIN

    def _learn(self, record: dict[str, Any], uuid: str) -> None:
        super()._learn(record, uuid)
        model = name_of(dict_of(record, "message"), "model")
        if model and not model.startswith("<"):
            self.facts["model"] = model


def _file_stream(path: str) -> str:
    """Return the stream of a subagent's file, empty for another."""
    agent = agent_of(path)
    if agent and agent.isprintable():
        return agent
    return _UNNAMED if PurePath(path).parent.name == "subagents" else ""


def _record(record: dict[str, Any], kind: str) -> dict[str, Any]:
    body = {"type": kind[:200]}
    inner = dict_of(record, "attachment") or dict_of(record, "data")
    subtype = text_of(record, "subtype") or text_of(inner, "type") or text_of(record, "operation")
    if subtype:
        body["subtype"] = subtype[:200]
    return body


def _speaker(record: dict[str, Any], body: dict[str, Any]) -> str:
    if body["role"] == "tool":
        return "tool"
    return "" if body.get("meta") or record.get("isSidechain") is True else "user"
