"""ATIF trajectories, versions 1.0 to 1.8: one JSON document, its steps in order, subagents' trajectories within it.

A step is said by the user, the system or the agent; an agent's may have calls, and their results as its observation. The
fields are those of the reference's own types (harbor 0.25).
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from segue.core.log.events import MAIN, Draft
from segue.ports import Batch, Noted
from segue.transcripts._document import MAX_DOCUMENT, TornError, Walk, read_document
from segue.transcripts._lines import MAX_LINE
from segue.transcripts._parts import response_of, title_of
from segue.transcripts._records import (
    ODD,
    Drafts,
    Place,
    count_of,
    dict_of,
    list_of,
    name_of,
    odd,
    parse,
    short,
    text_of,
    time_of,
    without_raw,
)

AGENT: Final = "atif"
RESULTS: Final = ":results"
"""What the name of a step's results adds to that of the step."""
_ROLES: Final = {"user": "user", "agent": "assistant", "system": "system"}
_SCHEMA = re.compile(rb'"schema_version"\s*:\s*"ATIF-v\d+(\.\d+)*"')
_BEGINS = re.compile(rb"(?:\xef\xbb\xbf)?\s*\{")
_NAMED = re.compile(rb'"(session_id|trajectory_id)"\s*:\s*"([^"\\]{1,256})"')
_STEP = re.compile(rb'\{\s*"(?:step_id|timestamp|source)"\s*:')
_BATCH_EVENTS: Final = 500
_BATCH_BYTES: Final = 4 * 1024 * 1024
_LOST: Final = 64 * 1024


class Atif:
    """Reads ATIF trajectories. See `ports.TranscriptReader`."""

    agent = AGENT
    version = "1"

    def sniff(self, path: str, head: bytes) -> bool:
        """See `TranscriptReader.sniff`."""
        del path
        return bool(_BEGINS.match(head) and _SCHEMA.search(head))

    def identify(self, path: str, head: bytes) -> str:
        """See `TranscriptReader.identify`: by the run's id, where the trajectory tells one before its steps; else the file's."""
        told = _names(head)
        return told.get("session_id") or told.get("trajectory_id") or path

    def read(
        self, path: str, foreign_id: str, position: Mapping[str, Any] | None = None, *, trusted: bool = False
    ) -> Iterator[Batch]:
        """See `TranscriptReader.read`. A document is read whole each time."""
        del position, trusted
        data = read_document(path)
        reason = ""
        if not data.strip():
            reason = "empty file"
        elif len(data) > MAX_DOCUMENT:
            reason = f"longer than can be read: more than {MAX_DOCUMENT >> 20} MiB in one document"
        if reason:
            yield Batch(foreign_id, (), None, {}, noted=(Noted(path, reason),))
            return
        yield from _Trajectory(path, foreign_id, data).batches()


class _Trajectory:
    """Makes the events of one document."""

    def __init__(self, path: str, foreign_id: str, data: bytes) -> None:
        self._path = path
        self._foreign_id = foreign_id
        self._data = data
        self._make = Drafts(AGENT, Atif.version, foreign_id)
        self._facts: dict[str, Any] = {}
        self._told: dict[str, Any] = {}
        self._drafts: list[Draft] = []
        self._size = 0
        self._at: str | None = None
        self._began: str | None = None
        self._model = ""
        self._item = 0
        self._steps = 0

    def batches(self) -> Iterator[Batch]:
        """Yield what the document holds; behind a damaged place, the next step is looked for."""
        reading: Iterator[Batch] | None = self._document(Walk(self._data), MAIN)
        while reading is not None:
            try:
                yield from reading
                break
            except TornError as e:
                found = _STEP.search(self._data, self._item + 1)
                end = found.start() if found else len(self._data)
                self._lose(e.at, f"not JSON: {e}", self._data[e.at : end][:_LOST])
                reading = self._onward(Walk(self._data, found.start())) if found else None
        if self._drafts:
            yield self._batch()

    def _document(self, walk: Walk, stream: str) -> Iterator[Batch]:
        """Yield a trajectory: its steps, then the trajectories of its subagents; what else it tells is a record of its own."""
        rest: dict[str, Any] = {}
        for name in walk.members():
            if name == "steps" and walk.is_array():
                self._learn(rest, stream)
                self._item = walk.at
                for _ in walk.items():
                    yield from self._step(walk, stream)
            elif name == "subagent_trajectories" and walk.is_array():
                for number in walk.items():
                    yield from self._document(
                        walk, self._named(walk, f"{stream}/{number}" if stream != MAIN else f"subagent-{number}")
                    )
            else:
                rest[name] = self._value(walk)
        self._learn(rest, stream)
        self._note(rest, stream)

    def _named(self, walk: Walk, otherwise: str) -> str:
        """Return the stream of the trajectory at hand: its id."""
        told = _names(self._data[walk.at : walk.at + 4096])
        return told.get("trajectory_id") or told.get("session_id") or otherwise

    def _onward(self, walk: Walk) -> Iterator[Batch]:
        """Yield the steps that follow one another behind a damaged place."""
        while True:
            yield from self._step(walk, MAIN)
            walk.skip(b",")
            if not walk.is_object():
                return

    def _value(self, walk: Walk) -> Any:
        start, end = walk.value()
        found = parse(b'{"value":' + self._data[start:end] + b"}").record
        return found.get("value") if found else None

    # --- steps

    def _step(self, walk: Walk, stream: str) -> Iterator[Batch]:
        if not walk.is_object():
            raise TornError(walk.at, f"a step is missing at byte {walk.at}")
        self._item = walk.at
        self._steps += 1
        start, end = walk.value()
        data = self._data[start:end]
        if len(data) > MAX_LINE:
            self._lose(start, f"longer than can be read: {len(data)} bytes, the first {MAX_LINE} are kept", data[:MAX_LINE])
            return
        parsed = parse(data)
        place = Place(self._path, self._steps, data, parsed.text)
        if parsed.record is None:
            self._lose(start, parsed.flaw, data)
            return
        if parsed.flaw:
            self._drafts.append(self._make.loss(place, parsed.flaw, at=self._at, about=":flaw", raw=False))
        node = f"{self._name(parsed.record)}"
        try:
            self._drafts += list(self._meaning(parsed.record, place, stream, node))
        except ODD as e:
            self._drafts.append(self._sign(Draft("record", {"type": "step"}, stream=stream, node=node), place, node))
            self._drafts.append(self._make.loss(place, odd(e), at=self._at, about=":shape", raw=False))
        self._size += len(data)
        if len(self._drafts) >= _BATCH_EVENTS or self._size >= _BATCH_BYTES:
            yield self._batch()

    def _name(self, step: Mapping[str, Any]) -> str:
        """Return the step's name: its number; where that is not told, or told wrongly, its place."""
        number = step.get("step_id")
        sound = isinstance(number, int) and not isinstance(number, bool) and 0 < number < 1 << 53
        return f"step-{number}" if sound else f"@{self._steps}"

    def _meaning(self, step: dict[str, Any], place: Place, stream: str, node: str) -> Iterator[Draft]:
        self._at = time_of(step.get("timestamp")) or self._at
        self._began = self._began or self._at
        role = _ROLES.get(text_of(step, "source"))
        if role is None:
            yield self._sign(Draft("record", {"type": "step"}, stream=stream, node=node), place, node)
            return
        body: dict[str, Any] = {"role": role, "parts": list(_parts(step))}
        extra = dict_of(step, "extra")
        if role == "assistant":
            body["message_id"] = name_of(extra, "message_id") or f"{stream}:{node}"
            if model := text_of(step, "model_name") or self._model:
                body["model"] = short(model, 200)
            if usage := _usage(dict_of(step, "metrics")):
                body["usage"] = usage
        if extra.get("meta") is True or step.get("is_copied_context") is True:
            body["meta"] = True
        self._title(body, stream)
        actor = "user" if role == "user" and not body.get("meta") and stream == MAIN else ""
        yield self._sign(Draft("message", body, actor, stream, node), place, node)
        results = [r for r in list_of(dict_of(step, "observation"), "results") if isinstance(r, dict)]
        calls = [text_of(c, "tool_call_id") for c in list_of(step, "tool_calls") if isinstance(c, dict)]
        if results:
            parts = [_result(r, calls, number) for number, r in enumerate(results)]
            said = {"role": "tool" if calls else "user", "parts": parts} | ({} if calls else {"meta": True})
            yield without_raw(self._sign(Draft("message", said, "tool", stream, node + RESULTS), place, node + RESULTS))

    def _title(self, body: dict[str, Any], stream: str) -> None:
        typed = stream == MAIN and body["role"] == "user" and not body.get("meta")
        if typed and "title" not in self._facts and (title := title_of(body["parts"])):
            self._facts["title"] = title

    def _sign(self, draft: Draft, place: Place, record: str) -> Draft:
        return self._make.sign(draft._replace(at=self._at), place, record)

    # --- what is told of the whole

    def _learn(self, rest: dict[str, Any], stream: str) -> None:
        agent = dict_of(rest, "agent")
        if model := text_of(agent, "model_name"):
            self._model = short(model, 200)
        if stream != MAIN:
            return
        told = dict_of(rest, "extra")
        for fact, value in (
            ("model", self._model),
            ("agent_version", name_of(agent, "version")),
            ("workspace", text_of(told, "workspace")),
            ("title", short(text_of(told, "title"), 200)),
        ):
            if value:
                self._facts[fact] = value

    def _note(self, rest: dict[str, Any], stream: str) -> None:
        """Add what a trajectory tells besides its steps: who ran, notes, totals."""
        node = "trajectory"
        text = json.dumps(rest, ensure_ascii=True)
        body = {"type": "trajectory", "subtype": short(text_of(dict_of(rest, "agent"), "name")) or "unknown"}
        draft = Draft("record", body, stream=stream, node=node)
        self._drafts.append(self._sign(draft, Place(self._path, 0, text.encode(), text), node))

    def _lose(self, at: int, reason: str, data: bytes) -> None:
        try:
            text: str | None = data.decode()
        except UnicodeDecodeError:
            text = None
        place = Place(f"{self._path}#byte {at}", self._steps, data, text)
        found = self._make.loss(place, reason, at=self._at, about=f":byte-{at}")
        self._drafts.append(found._replace(body={**found.body, "where": f"{self._path}#byte {at}"}))

    def _batch(self) -> Batch:
        facts = {k: v for k, v in self._facts.items() if self._told.get(k) != v}
        found, self._drafts, self._size = self._drafts, [], 0
        self._told = dict(self._facts)
        return Batch(self._foreign_id, found, None, facts, self._began)


def _parts(step: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if thought := text_of(step, "reasoning_content"):
        yield {"type": "reasoning", "content": thought}
    calls = [_call(c) for c in list_of(step, "tool_calls") if isinstance(c, dict)]
    said = list(_content(step.get("message")))
    if said != [{"type": "text", "content": ""}] or not (calls or thought):
        yield from said
    yield from calls


def _call(call: dict[str, Any]) -> dict[str, Any]:
    found = {"type": "tool_call", "id": text_of(call, "tool_call_id"), "name": text_of(call, "function_name")}
    return found | {"arguments": call.get("arguments")}


def _content(content: Any) -> Iterator[dict[str, Any]]:
    """Yield a message's parts; media name files or addresses."""
    if isinstance(content, str) or content is None:
        yield {"type": "text", "content": content or ""}
        return
    for part in content if isinstance(content, list) else ():
        kind, source = (text_of(part, "type"), dict_of(part, "source")) if isinstance(part, dict) else ("", {})
        if kind == "text":
            yield {"type": "text", "content": part.get("text", "")}
        elif kind in {"image", "audio"} and source:
            yield _media(kind, source)
        else:
            yield {"type": "unknown", "content": part}


def _media(kind: str, source: dict[str, Any]) -> dict[str, Any]:
    mime, path = text_of(source, "media_type"), text_of(source, "path")
    inline = re.match(r"data:[^,]*;base64,(.*)\Z", path, re.DOTALL)
    if inline:
        return {"type": "blob", "modality": kind, "mime_type": mime, "content": inline[1]}
    return {"type": "uri", "modality": kind, "mime_type": mime, "uri": path}


def _result(result: dict[str, Any], calls: list[str], number: int) -> dict[str, Any]:
    """Return a result as the answer of its call: the one that it names, else the one in its place."""
    response = response_of(list(_content(result.get("content"))))
    if not calls:
        return {"type": "text", "content": response if isinstance(response, str) else str(response)}
    identity = text_of(result, "source_call_id") or (calls[number] if number < len(calls) else "")
    found: dict[str, Any] = {"type": "tool_call_response", "id": identity, "response": response}
    extra = dict_of(result, "extra")
    return found | ({"is_error": True} if extra.get("is_error") is True else {})


def _usage(metrics: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for ours, theirs in (
        ("input_tokens", "prompt_tokens"),
        ("output_tokens", "completion_tokens"),
        ("cache_read_tokens", "cached_tokens"),
    ):
        if theirs in metrics:
            found[ours] = count_of(metrics, theirs)
    cost = metrics.get("cost_usd")
    if isinstance(cost, (int, float)) and not isinstance(cost, bool) and cost > 0:
        found["cost_usd"] = cost
    return found


def _names(data: bytes) -> dict[str, str]:
    """Return the ids that a trajectory which begins with *data* tells before its steps, those that can name something."""
    told = {k.decode(): v.decode("utf-8", "replace") for k, v in reversed(_NAMED.findall(data.partition(b'"steps"')[0]))}
    return {name: found for name in told if (found := name_of(told, name))}
