"""What opencode's records mean: a session's own, its messages' and their parts', in the form that `opencode export` writes.

Seen in versions 0.3 to 1.18. A message says who speaks, with which model, and what it cost; what is said are its parts.
A tool's part is its call, and its answer once there is one: it is rewritten while the tool runs.
"""

import json
import re
from base64 import b64encode
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from segue.core.log.events import MAIN, Draft
from segue.transcripts._limits import of_error
from segue.transcripts._records import (
    ODD,
    Drafts,
    Place,
    count_of,
    dict_of,
    digest,
    name_of,
    odd,
    short,
    text_of,
    time_of,
)
from segue.transcripts.opencode._parts import body_of, effects_of, error_of, model_of, response_of, said_of, usage_of

AGENT: Final = "opencode"
VERSION: Final = "1"
RESULT: Final = ":result"
"""What the name of a tool's answer adds to that of its part."""

_UNTITLED = re.compile(r"(New|Child) session - \d{4}-\d\d-\d\dT")
_SESSION = ("id", "title", "directory", "version", "parentID", "revert", "share")
"""What is new in a session's record when it changes: not its totals, which change with every step."""
_OVER: Final = frozenset({"completed", "error"})


class Record:
    """One record of a session."""

    __slots__ = ("columns", "data", "file", "id", "record", "text")

    def __init__(self, file: str, record: dict[str, Any], text: str | None, data: bytes, columns: Mapping[str, Any] = {}) -> None:
        """Keep the *record* that was read in *file*.

        Args:
            file: where it was read.
            record: what it says.
            text: it as it stands there, in the form of an export; None where it is not UTF-8.
            data: the same as bytes.
            columns: what its row has beyond that.
        """
        self.file, self.record, self.text, self.data, self.columns = file, record, text, data, columns
        self.id = name_of(record, "id") or f"@{digest(data)}"  # of one that has none, what names its content


class Meaning:
    """Makes the events of one session's records. Subagents are sessions of their own there: here they are streams."""

    def __init__(self, session: str, foreign_id: str) -> None:
        """Begin for the records of *session*, which belong to the session *foreign_id*: itself, or the one that began it."""
        self.facts: dict[str, Any] = {}
        self.at: str | None = None
        self.stream = MAIN if session == foreign_id else session
        self._began = 0
        self._drafts = Drafts(AGENT, VERSION, foreign_id)

    # --- records

    def session(self, found: Record) -> list[Draft]:
        """Return the event of the session's own record."""
        return self._safely(found, lambda: self._session(found))

    def _session(self, found: Record) -> Iterator[Draft]:
        info = found.record
        self.at = time_of(dict_of(info, "time").get("created"))
        self._began = count_of(dict_of(info, "time"), "created")
        if self.stream == MAIN:
            self._learn(info)
        name = f"{found.id}:session"
        yield self._sign(Draft("record", {"type": "session"}, node=name), found, name, _key(stable(info)))

    def whole(self, message: Record | None, parts: Sequence[Record], new: Container[str]) -> Iterator[Draft]:
        """Yield the events of a message and its parts, as far as their ids are in *new*.

        The answers of tools come behind all calls of the step: the model got them together.
        """
        info = message.record if message else {}
        steps = [p.id for p in parts if text_of(p.record, "type") == "step-finish"]
        if message is not None and message.id in new:
            yield from self._safely(message, lambda: self._info(message, len(steps)))
        answers: list[Draft] = []
        for part in parts:
            if text_of(part.record, "type") in {"step-start", "step-finish"}:
                yield from answers
                answers = []
            if part.id in new:
                step = steps.index(part.id) if part.id in steps else 0
                for draft in self._safely(part, partial(self._part, part, info, step)):
                    if (draft.node or "").endswith(RESULT):
                        answers.append(draft)
                    else:
                        yield draft
        yield from answers

    def _safely(self, found: Record, meaning: Callable[[], Iterable[Draft]]) -> list[Draft]:
        """Return the events of a record; one of a shape that nobody has thought of is kept, and named."""
        try:
            return list(meaning())
        except ODD as e:
            return [self._record(found), self.loss(found.file, found.id, odd(e), about=":shape")]

    def newer(self, found: Record) -> Iterator[Draft]:
        """Yield the event of a message in a form of a version to come: kept, and named as not understood."""
        yield self._record(found)
        yield self.loss(found.file, found.id, "kept, not interpreted: a message in a newer form", about=":newer")

    def _info(self, found: Record, steps: int) -> Iterator[Draft]:
        """Yield the events of a message's own record, which has *steps* parts that tell what it cost."""
        info = found.record
        self.at = time_of(dict_of(info, "time").get("created")) or self.at
        role = text_of(info, "role")
        body: dict[str, Any] = {"type": "message", "subtype": short(role) or "unknown"}
        if reason := text_of(info, "finish"):
            body["finish_reason"] = reason
        if error := dict_of(info, "error"):
            body["error"] = error_of(error)
        yield self._sign(Draft("record", body, node=found.id), found, found.id, _key(info))
        if error and (limit := _limit(error, self.at)):
            yield self._sign(Draft("agent.set", limit), found, f"{found.id}:limit", _key(limit), raw=False)
        model = model_of(info)
        if self.stream == MAIN:
            self.facts |= {"model": model} if model else {}
            self.facts.setdefault("root", f"began-{count_of(dict_of(info, 'time'), 'created')}")  # a fork's copy says the same
        usage = self._usage(info, info)
        if usage and not steps:
            usage |= {"message_id": found.id} | ({"model": model} if model else {})
            yield self._sign(Draft("usage", usage), found, f"{found.id}:usage", _key(usage), raw=False)

    def _part(self, found: Record, info: Mapping[str, Any], step: int) -> Iterator[Draft]:
        """Yield the events of a part of the message *info*; where it ends a step, it is the message's step number *step*."""
        part, kind = found.record, text_of(found.record, "type")
        time = dict_of(part, "time")
        began = dict_of(dict_of(part, "state"), "time").get("start", time.get("start", time.get("created")))
        self.at = time_of(began) or time_of(found.columns.get("time_created")) or self.at
        role = text_of(info, "role") or "assistant"
        if role not in {"user", "assistant"}:
            yield self._record(found)
        elif kind == "tool":
            yield from self._tool(found, info)
        elif kind == "step-finish":
            yield from self._step(found, info, step)
        elif kind == "text" and info.get("summary") is True and role == "assistant":
            yield self._summary(found, info)
        elif (said := said_of(part, kind)) is not None:
            yield self._message(found, info, role, said)
        else:
            yield self._record(found)

    def loss(self, file: str, record: str, reason: str, data: bytes | None = None, about: str = "") -> Draft:
        """Return the event that names a loss at *record*, with its bytes where there are any."""
        text: str | None
        try:
            text = (data or b"").decode()
        except UnicodeDecodeError:
            text = None
        record = name_of({"record": record}, "record") or f"@{digest(record.encode('utf-8', 'replace'))}"
        place = Place(file, 0, data if data is not None else reason.encode("utf-8", "replace"), text)
        found = self._drafts.sign(
            Draft("loss", {"where": f"{file}#{record}", "reason": reason}, at=self.at), place, record + about
        )
        source = {k: v for k, v in (found.source or {}).items() if k != "line" and not (data is None and k.startswith("raw"))}
        return found._replace(source=source, stream=self.stream)

    def moved(self, file: str, frm: str | None, to: str | None, when: Any) -> Draft:
        """Return the event that moves the head: messages were taken back, or are there again."""
        body = {"to": to, "frm": frm, "reason": "the agent takes messages back, or up again"}
        place = Place(file, 0, f"{frm} {to} {when}".encode(), "")
        found = self._drafts.sign(Draft("head.moved", body, stream=self.stream, at=time_of(when) or self.at), place, "head")
        return found._replace(source={k: v for k, v in (found.source or {}).items() if k not in {"line", "raw"}})

    # --- parts

    def _tool(self, found: Record, info: Mapping[str, Any]) -> Iterator[Draft]:
        """Yield the call, which stays the same while the tool runs, and its answer, which carries the record when it is over."""
        part, state = found.record, dict_of(found.record, "state")
        name, identity = text_of(part, "tool"), text_of(part, "callID") or found.id
        call = {"type": "tool_call", "id": identity, "name": name, "arguments": state.get("input")}
        over = is_over(part)
        body = body_of(info, "assistant", [call])
        yield self._sign(Draft("message", body, node=found.id), found, found.id, _key(call), raw=not over)
        if not over:
            return
        self.at = time_of(dict_of(state, "time").get("end")) or self.at
        node = found.id + RESULT
        answer: dict[str, Any] = {"type": "tool_call_response", "id": identity, "response": response_of(state)}
        if state["status"] == "error":
            answer["is_error"] = True
        said: dict[str, Any] = {"role": "tool", "parts": [answer]}
        if effects := list(effects_of(name, state, identity)):
            said["effects"] = effects
        if child := name_of(dict_of(state, "metadata"), "sessionId"):
            said["subagent"] = child
        yield self._sign(Draft("message", said, "tool", node=node), found, node, _key(part))

    def _step(self, found: Record, info: Mapping[str, Any], step: int) -> Iterator[Draft]:
        """Yield what a call of the model cost. A message's first step and the message itself tell the same."""
        yield self._record(found)
        usage = self._usage(found.record, info)
        if usage:
            message = name_of(found.record, "messageID")
            usage["message_id"] = message if step == 0 and message else found.id
            if model := model_of(info):
                usage["model"] = model
            yield self._sign(Draft("usage", usage), found, f"{found.id}:usage", _key(usage), raw=False)

    def _usage(self, told: Mapping[str, Any], info: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a call cost; nothing for a message that is older than its session: a fork's copy, it is counted there."""
        if count_of(dict_of(info, "time"), "created") < self._began:
            return {}
        return usage_of(dict_of(told, "tokens"), told.get("cost"))

    def _summary(self, found: Record, info: Mapping[str, Any]) -> Draft:
        """Return the compaction that a summary ends: only a finished one counts for opencode as well."""
        if not text_of(info, "finish") or info.get("error"):
            return self._record(found)
        body = {"summary": text_of(found.record, "text")}
        return self._sign(Draft("compaction", body, node=found.id), found, found.id, _key(found.record))

    def _message(self, found: Record, info: Mapping[str, Any], role: str, said: dict[str, Any]) -> Draft:
        body = body_of(info, role, [said])
        if found.record.get("synthetic") is True:
            body["meta"] = True
        actor = "user" if role == "user" and not body.get("meta") and self.stream == MAIN else ""
        return self._sign(Draft("message", body, actor, node=found.id), found, found.id, _key(found.record))

    def _record(self, found: Record) -> Draft:
        body = {"type": short(text_of(found.record, "type")) or "unknown"}
        return self._sign(Draft("record", body, node=found.id), found, found.id, _key(found.record))

    # --- drafts

    def _sign(self, draft: Draft, found: Record, record: str, key: bytes, *, raw: bool = True) -> Draft:
        """Return *draft* with its source and key. The key is of what is told, not of the bytes: exports, rows and files agree."""
        place = Place(found.file, 0, key, found.text)
        signed = self._drafts.sign(draft._replace(stream=self.stream, at=self.at), place, record)
        source: dict[str, Any] = signed.source if isinstance(signed.source, dict) else {}  # made for this draft
        source["record"] = record.partition(":")[0]
        del source["line"]
        if not raw:
            source.pop("raw", None)
            source.pop("raw_b64", None)
            return signed
        if found.text is None:
            source["raw_b64"] = b64encode(found.data).decode()
        if found.columns:
            source["columns"] = dict(found.columns)
        return signed

    def _learn(self, info: dict[str, Any]) -> None:
        title = text_of(info, "title")
        for fact, value in (
            ("workspace", text_of(info, "directory")),
            ("title", "" if _UNTITLED.match(title) else short(title, 200)),
            ("agent_version", name_of(info, "version")),
            ("model", name_of(dict_of(info, "model"), "id")),
        ):
            if value:
                self.facts[fact] = value


def stable(info: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a session's own record is new when it changes."""
    return {k: info[k] for k in _SESSION if info.get(k) is not None}


def is_over(part: Mapping[str, Any]) -> bool:
    """Return whether *part* is a tool's that has answered."""
    return part.get("type") == "tool" and text_of(dict_of(part, "state"), "status") in _OVER


_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


def _key(told: Mapping[str, Any]) -> bytes:
    return _encode(told).encode()


def _limit(error: Mapping[str, Any], at: str | None) -> dict[str, Any] | None:
    """Return the status of an agent that gave up at a limit of its provider."""
    data = dict_of(error, "data")
    after = dict_of(data, "responseHeaders").get("retry-after")
    return of_error(AGENT, count_of(data, "statusCode"), text_of(data, "message"), after, at)
