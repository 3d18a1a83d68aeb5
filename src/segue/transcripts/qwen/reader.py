"""Qwen Code's transcripts: `projects/<directory>/chats/<session>.jsonl`, subagents in `subagents/<session>/agent-<id>.jsonl`.

Seen in files of version 0.15.10 and read in its source. Records form a tree by `parentUuid`; what is said is in Google's form.
A rewind leaves a branch behind: the `rewind` record hangs off what was before it. `chat_compression` holds the history that the
model is given from there on; the records before it stay.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any, Final

from segue.core.log.events import ABSENT, MAIN, Draft
from segue.transcripts._envelope import TreeInterpreter, TreeReader, agent_of
from segue.transcripts._genai import answers_of, effects_of, parts_of, usage_of, without_hooks
from segue.transcripts._parts import texts
from segue.transcripts._reading import File, Interpreter, stem_of
from segue.transcripts._records import Drafts, Place, count_of, dict_of, list_of, name_of, short, text_of, time_of

AGENT: Final = "qwen-code"
_SAID: Final = frozenset({"user", "assistant", "tool_result"})
_FAILED: Final = frozenset({"error", "cancelled"})
_ENDED: Final = frozenset({"completed", "failed", "cancelled"})


class Qwen(TreeReader):
    """Reads Qwen Code's transcripts. See `ports.TranscriptReader`."""

    agent = AGENT
    version = "1"
    uuid = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\Z")

    def sniff(self, path: str, head: bytes) -> bool:
        """See `TranscriptReader.sniff`. Claude Code's records have the same envelope, but neither `parts` nor `systemPayload`."""
        if any("systemPayload" in r or "parts" in dict_of(r, "message") for r in self._records(head)):
            return True
        return PurePath(path).parent.name == "chats" and bool(self.uuid.match(stem_of(path))) and self._says_nothing(head)

    def _directory(self, path: PurePath) -> str:
        return path.parent.name if path.parent.parent.name == "subagents" else ""

    def _subagent(self, path: str) -> str | None:
        return agent_of(path) or None

    def _state(self, meta: Mapping[str, Any]) -> tuple[str, bool]:
        return text_of(meta, "agentType") or text_of(meta, "agentName"), text_of(meta, "status") in _ENDED

    def _recognise(self, record: Mapping[str, Any]) -> bool:
        return bool(text_of(record, "type") and text_of(record, "sessionId") and text_of(record, "uuid"))

    def _interpreter(self, file: File, drafts: Drafts, state: Mapping[str, Any]) -> Interpreter:
        return _Qwen(file, drafts, state)


class _Qwen(TreeInterpreter):
    """What Qwen Code's records mean."""

    def __init__(self, file: File, drafts: Drafts, state: Mapping[str, Any]) -> None:
        super().__init__(file, drafts, state)
        self._calls: dict[str, dict[str, Any]] = {}
        agent = agent_of(file.path)
        self._stream = agent if agent and agent.isprintable() else MAIN

    def state(self) -> dict[str, Any]:
        return {"at": self.at, "facts": self.facts}

    def events(self, record: dict[str, Any], place: Place) -> Iterable[Draft]:
        uuid = name_of(record, "uuid")
        self.at = time_of(record.get("timestamp")) or self.at
        if self._stream_of(record) == MAIN:
            self._learn(record, uuid)
        yield self._draft(*self._meaning(record, uuid), record, place)
        parent = name_of(record, "parentUuid")
        if uuid and parent and not self._knows(parent):
            yield self._orphan(parent, place)
        self._seen.add(uuid)

    def unread(self, record: dict[str, Any], place: Place) -> Draft:
        return self._draft("record", {"type": short(text_of(record, "type")) or "unknown"}, "", record, place)

    # --- what a record means

    def _meaning(self, record: dict[str, Any], uuid: str) -> tuple[str, dict[str, Any], str]:
        """Return kind, body and actor of a record's event."""
        kind, payload = text_of(record, "type"), dict_of(record, "systemPayload")
        if kind in _SAID and "message" in record:
            if kind == "assistant":
                return "message", self._model(record, uuid), ""
            return self._user(record, kind)
        subtype = text_of(record, "subtype")
        if kind == "system" and subtype == "chat_compression":
            return "compaction", _compaction(payload), ""
        body = {"type": kind[:200] or "unknown"}
        if event := text_of(dict_of(payload, "uiEvent"), "event.name"):
            body["event"] = event[:200]
        return "record", body | ({"subtype": subtype[:200]} if subtype else {}), ""

    def _model(self, record: dict[str, Any], uuid: str) -> dict[str, Any]:
        parts = [p for p in parts_of(dict_of(record, "message").get("parts")) if p.get("content") != ""]
        self._calls.update((str(p["id"]), p) for p in parts if p["type"] == "tool_call")
        body: dict[str, Any] = {"role": "assistant", "parts": parts}
        if uuid:
            body["message_id"] = uuid
        if model := name_of(record, "model"):
            body["model"] = model
        tokens = dict_of(record, "usageMetadata")
        if tokens:
            names = (
                "promptTokenCount",
                "candidatesTokenCount",
                "thoughtsTokenCount",
                "cachedContentTokenCount",
                "totalTokenCount",
            )
            given, said, thought, cached, total = (count_of(tokens, name) for name in names)
            body["usage"] = usage_of(given + count_of(tokens, "toolUsePromptTokenCount"), said, thought, cached, total)
        return body

    def _user(self, record: dict[str, Any], kind: str) -> tuple[str, dict[str, Any], str]:
        content = dict_of(record, "message").get("parts")
        parts = answers_of(content, with_texts=kind == "tool_result")
        if kind == "tool_result" or (parts and all(p["type"] == "tool_call_response" for p in parts)):
            return "message", self._answered(parts, dict_of(record, "toolCallResult")), "tool"
        body: dict[str, Any] = {"role": "user", "parts": without_hooks(parts)}
        if record.get("subtype") == "notification":  # of a background task, put in by the program
            return "message", body | {"meta": True}, ""
        main = self._stream_of(record) == MAIN
        if main and "title" not in self.facts and (title := short("\n".join(texts(body["parts"])))):
            self.facts["title"] = title
        return "message", body, "user" if main and record.get("subtype") != "cron" else ""

    def _answered(self, parts: list[dict[str, Any]], result: dict[str, Any]) -> dict[str, Any]:
        effects: list[dict[str, Any]] = []
        for part in parts:
            if part["type"] != "tool_call_response":
                continue
            own = text_of(result, "callId") in {part["id"], ""}
            if own and result.get("status") in _FAILED:
                part["is_error"] = True
            if "is_error" not in part:
                call = self._call(str(part["id"]))
                display = result.get("resultDisplay") if own else None
                effects += effects_of(text_of(call, "name"), call.get("arguments"), display, part["response"], str(part["id"]))
        body: dict[str, Any] = {"role": "tool", "parts": parts}
        return body | {"effects": effects} if effects else body

    def _call(self, identity: str) -> dict[str, Any]:
        """Return the call of that id, which may stand before this stretch."""
        if identity and identity not in self._calls:
            for _, record in self._file.before(identity.encode("utf-8", "replace")):
                parts = parts_of(dict_of(record, "message").get("parts")) if text_of(record, "type") == "assistant" else []
                self._calls.update((str(p["id"]), p) for p in parts if p["type"] == "tool_call")
            self._calls.setdefault(identity, {})
        return self._calls.get(identity, {})

    # --- what is common

    def _draft(self, kind: str, body: dict[str, Any], actor: str, record: dict[str, Any], place: Place) -> Draft:
        uuid, stream = name_of(record, "uuid"), self._stream_of(record)
        parent = (name_of(record, "parentUuid") or None) if uuid and "parentUuid" in record else ABSENT
        actor = actor or self._drafts.agent_in(stream)
        return self._drafts.sign(Draft(kind, body, actor, stream, uuid or f"@{place.line}", parent, at=self.at), place, uuid)

    def _stream_of(self, record: dict[str, Any]) -> str:
        if record.get("isSidechain") is True and self._stream == MAIN:
            return name_of(record, "agentId") or "sidechain"
        return self._stream

    def _learn(self, record: dict[str, Any], uuid: str) -> None:
        super()._learn(record, uuid)
        if model := name_of(record, "model"):
            self.facts["model"] = model
        if title := text_of(dict_of(record, "systemPayload"), "customTitle"):
            self.facts["title"] = short(title, 200)


def _compaction(payload: dict[str, Any]) -> dict[str, Any]:
    info = dict_of(payload, "info")
    body: dict[str, Any] = {}
    history = [content for content in list_of(payload, "compressedHistory") if isinstance(content, dict)]
    said = ("\n".join(texts(parts_of(c.get("parts")))) for c in history if c.get("role") == "user")
    if summary := next(filter(None, said), ""):
        body["summary"] = summary
    for ours, theirs in (("pre_tokens", "originalTokenCount"), ("post_tokens", "newTokenCount")):
        if theirs in info:
            body[ours] = count_of(info, theirs)
    return body
