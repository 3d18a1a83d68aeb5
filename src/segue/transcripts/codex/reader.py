"""Codex's transcripts: `CODEX_HOME/sessions/YYYY/MM/DD/rollout-<local time>-<uuid>.jsonl`.

Seen in files of versions 0.60 to 0.169. A line is `timestamp`, `ordinal` (not in older ones), `type`, `payload`. What was
said are the `response_item`s, one after the other; `event_msg`s repeat it for the screen. Each follows what was said last,
so none names a parent.
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any, Final

from segue.core.log.events import Draft
from segue.transcripts._parts import title_of
from segue.transcripts._reading import File, Interpreter, JsonLinesReader, stem_of
from segue.transcripts._records import Drafts, Place, count_of, dict_of, digest, later, name_of, short, text_of, time_of
from segue.transcripts.codex._items import CALLS, answer_of, body_of, call_of, effects_of, is_injected, parts_of, reasoning_of

AGENT: Final = "codex"
_NAMED = re.compile(r".*([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\Z")


class Codex(JsonLinesReader):
    """Reads Codex's transcripts. See `ports.TranscriptReader`."""

    agent = AGENT
    version = "1"

    def sniff(self, path: str, head: bytes) -> bool:
        """See `TranscriptReader.sniff`."""
        if next(self._records(head), None) is not None:
            return True
        return PurePath(path).name.startswith("rollout-") and self._says_nothing(head)

    def identify(self, path: str, head: bytes) -> str:
        """See `TranscriptReader.identify`: the file's name where it ends in a UUID, else what its first record says."""
        stem = stem_of(path)
        named = _NAMED.match(stem)
        if named:
            return named[1]
        metas = (dict_of(r, "payload") for r in self._records(head) if r["type"] == "session_meta")
        told = (name_of(m, "id") or name_of(m, "session_id") for m in metas)
        return next(filter(None, told), stem)

    def _recognise(self, record: Mapping[str, Any]) -> bool:
        return bool(text_of(record, "type")) and isinstance(record.get("payload"), dict) and "timestamp" in record

    def _interpreter(self, file: File, drafts: Drafts, state: Mapping[str, Any]) -> Interpreter:
        return _Codex(file, drafts, state)


class _Codex(Interpreter):
    """What Codex's records mean."""

    def __init__(self, file: File, drafts: Drafts, state: Mapping[str, Any]) -> None:
        super().__init__(file, drafts, state)
        self._since = self._latest = time_of(state.get("latest")) or ""
        self._last = name_of(state, "last") or None
        told = _ordinal(state)
        self._ordinal = -1 if told is None else told
        self._resumed = bool(state)
        self._calls: dict[str, list[dict[str, Any]]] = {}
        self._names: dict[str, str] = {}
        self._turns: list[str | None] = []

    def state(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "latest": self._latest,
            "facts": self.facts,
            "last": self._last,
            "ordinal": self._ordinal,
        }

    def events(self, record: dict[str, Any], place: Place) -> Iterable[Draft]:
        at = time_of(record.get("timestamp"))
        content = digest(place.data)
        known = self._names.get(content) or self._earlier(record, place, at)
        name = self._names[content] = known or self._name(record, place)
        if at is not None:
            self.at = at
            self._latest = at if later(at, self._latest) else self._latest
        kind, body, actor = self._meaning(record)
        draft = Draft(kind, body, actor, at=self.at)
        if kind in {"message", "compaction", "record"}:
            draft = draft._replace(node=name)
        yield self._drafts.sign(draft, place, name)
        if known or draft.node is None:
            return
        if actor == "user":
            self._turns.append(self._last)
        self._last = name

    def unread(self, record: dict[str, Any], place: Place) -> Draft:
        name = self._name(record, place)
        self._last = name
        body = {"type": short(text_of(record, "type")) or "unknown"}
        return self._drafts.sign(Draft("record", body, node=name, at=self.at), place, name)

    # --- a record's name

    def _name(self, record: dict[str, Any], place: Place) -> str:
        """Return the node's name: by ordinal, where the records have them and they rise as they should."""
        ordinal = _ordinal(record)
        if ordinal is None:
            return f"@{place.line}"
        if ordinal <= self._ordinal:
            return f"#{ordinal}@{place.line}"
        self._ordinal = ordinal
        return f"#{ordinal}"

    def _earlier(self, record: dict[str, Any], place: Place, at: str | None) -> str | None:
        """Return the name of this very record if it stands before this stretch: one that is repeated adds nothing."""
        if not self._resumed or (at is not None and later(at, self._since)):
            return None
        line = min((where.line for where, _ in self._file.before(place.data) if where.data == place.data), default=None)
        if line is None:
            return None
        ordinal = _ordinal(record)
        if ordinal is None:
            return f"@{line}"
        older = [_ordinal(other) for where, other in self._file.before(b'"ordinal"') if where.line < line]
        rose = all(before is None or before < ordinal for before in older)
        return f"#{ordinal}" if rose else f"#{ordinal}@{line}"

    # --- what it means

    def _meaning(self, record: dict[str, Any]) -> tuple[str, dict[str, Any], str]:
        """Return kind, body and actor of a record's event."""
        kind, payload = text_of(record, "type"), dict_of(record, "payload")
        inner = text_of(payload, "type")
        if kind == "response_item":
            body, actor = self._item(inner, payload)
            if body is not None:
                return "message", body, actor
        elif kind == "compacted":
            summary = text_of(payload, "message")
            return "compaction", {"summary": summary} if summary else {}, ""
        elif kind == "token_usage_record":
            totals = dict_of(payload, "thread_token_usage")
            return "usage", self._usage(dict_of(payload, "usage"), totals), ""
        elif kind in {"session_meta", "turn_context"}:
            self._learn(payload)
        elif kind == "event_msg" and inner == "token_count" and dict_of(dict_of(payload, "info"), "last_token_usage"):
            info = dict_of(payload, "info")
            return "usage", self._usage(info["last_token_usage"], dict_of(info, "total_token_usage")), ""
        elif kind == "event_msg" and inner == "thread_rolled_back":
            return "head.moved", self._roll_back(count_of(payload, "num_turns")), ""
        elif kind == "event_msg" and inner == "thread_name_updated" and text_of(payload, "thread_name"):
            self.facts["title"] = short(text_of(payload, "thread_name"), 200)
            return "session.updated", {"title": self.facts["title"]}, ""
        body = {"type": kind[:200]}
        if inner:
            body["subtype"] = inner[:200]
        return "record", body, ""

    def _learn(self, payload: dict[str, Any]) -> None:
        """Keep what a record tells of the session itself."""
        facts, git = self.facts, dict_of(payload, "git")
        if "workspace" not in facts and (cwd := text_of(payload, "cwd")):
            facts["workspace"] = cwd
        for fact, value in (
            ("agent_version", name_of(payload, "cli_version")),
            ("git_branch", name_of(git, "branch")),
            ("model", name_of(payload, "model")),
        ):
            if value:
                facts[fact] = value
        if (origin := name_of(payload, "forked_from_id")) and "forked_from" not in facts:
            facts["forked_from"] = {"foreign_id": origin}

    def _usage(self, usage: dict[str, Any], totals: dict[str, Any]) -> dict[str, Any]:
        """Return the usage of one model call. Two kinds of records tell it; both carry the same running total."""
        body: dict[str, Any] = {
            "input_tokens": count_of(usage, "input_tokens"),
            "output_tokens": count_of(usage, "output_tokens"),
            "cache_read_tokens": count_of(usage, "cached_input_tokens"),
            "cache_write_tokens": count_of(usage, "cache_write_input_tokens"),
            "context_tokens": count_of(usage, "input_tokens") + count_of(usage, "output_tokens"),
        }
        if reasoned := count_of(usage, "reasoning_output_tokens"):
            body["reasoning_tokens"] = reasoned
        if total := count_of(totals, "total_tokens"):
            body["message_id"] = f"total:{total}"
        if model := text_of(self.facts, "model"):
            body["model"] = model
        return body

    def _roll_back(self, turns: int) -> dict[str, Any]:
        """Return how the head moves when the last *turns* of the user are taken back."""
        if self._resumed:
            earlier = _Codex(File(self._file.path, self._file.foreign_id), self._drafts, {})
            earlier.replay(self._file.before(b""))
            self._turns, self._resumed = earlier._turns + self._turns, False
        frm = self._last
        if turns and self._turns:
            self._last = self._turns[-turns] if turns <= len(self._turns) else self._turns[0]
            del self._turns[-turns:]
        return {"to": self._last, "frm": frm, "reason": "the agent rolled back"}

    # --- items of the conversation

    def _item(self, kind: str, payload: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
        if kind == "message":
            return self._message(payload)
        if kind == "reasoning":
            return body_of(payload, "assistant", [reasoning_of(payload)]), ""
        if kind in CALLS:
            part = call_of(kind, payload)
            self._calls[part["id"]] = list(effects_of(part))
            return body_of(payload, "assistant", [part]), ""
        if kind in {"function_call_output", "custom_tool_call_output"}:
            return self._output(payload), "tool"
        return None, ""

    def _message(self, payload: dict[str, Any]) -> tuple[dict[str, Any] | None, str]:
        role = text_of(payload, "role")
        if role not in {"user", "assistant", "developer", "system"}:
            return None, ""
        body = body_of(payload, role, parts_of(payload.get("content")))
        if role == "assistant":
            if model := text_of(self.facts, "model"):
                body["model"] = model
            return body, ""
        if role != "user" or is_injected(payload, body["parts"]):
            body["meta"] = True
            return body, ""
        if "title" not in self.facts and (title := title_of(body["parts"])):
            self.facts["title"] = title
        return body, "user"

    def _output(self, payload: dict[str, Any]) -> dict[str, Any]:
        identity = text_of(payload, "call_id")
        output = payload.get("output")
        response, code = answer_of(output)
        part: dict[str, Any] = {"type": "tool_call_response", "id": identity, "response": response}
        failed = payload.get("is_error") is True or (isinstance(output, dict) and output.get("success") is False)
        if code or failed:
            part["is_error"] = True
        body = body_of(payload, "tool", [part])
        effects = [e for e in self._effects_of(identity) if e["op"] == "run" or not code]
        if effects and effects[0]["op"] == "run":
            effects[0] = {"op": "run", "exit_code": code, "call": identity}
        if effects:
            body["effects"] = effects
        return body

    def _effects_of(self, identity: str) -> list[dict[str, Any]]:
        """Return what the tool call of that id, which may stand before this stretch, does where it succeeds."""
        if identity and identity not in self._calls:
            for _, record in self._file.before(identity.encode("utf-8", "replace")):
                payload = dict_of(record, "payload")
                kind = text_of(payload, "type")
                if text_of(record, "type") != "response_item" or kind not in CALLS:
                    continue
                part = call_of(kind, payload)
                if part["id"] == identity:
                    self._calls[identity] = list(effects_of(part))
        return list(self._calls.get(identity, ()))


def _ordinal(record: Mapping[str, Any]) -> int | None:
    found = record.get("ordinal")
    return found if isinstance(found, int) and not isinstance(found, bool) and 0 <= found < 1 << 53 else None
