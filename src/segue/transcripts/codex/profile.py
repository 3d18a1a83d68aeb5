"""What each version of Codex demands of a rollout, and a strict check of it.

Tried on 0.169.0: a first record that is no whole `session_meta` is refused ("failed to read session metadata"), lines that do
not parse are left out, a call without output gets `aborted`. The middle of an output of more than 12,000 bytes is cut out as the
rollout is read, unless its record says how many tokens of it count.

It takes rollouts in the form of 0.60 (without ordinals, without `history_mode`) as threads of mode `legacy`, goes on in that
form, and needs no row in any of its databases: they are filled from the rollout. The form of its own (`paginated`) rests on
byte offsets in a database of its own, so it is not written.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final, NamedTuple

from segue.ports import Noted
from segue.transcripts._lines import open_file
from segue.transcripts._records import count_of, dict_of, list_of, parse, text_of, time_of
from segue.transcripts._writing import is_well_formed


class Profile(NamedTuple):
    """The form that versions from `version` on take."""

    version: str


PROFILES: Final = (Profile("0.60.0"),)
NEWEST: Final = "0.169.0"
"""The latest version that was tried."""

WHOLE: Final = 12_000
"""Bytes of an output up to which it is read whole: 3,000 tokens, as it counts."""
ADDRESSES: Final = ("data:image/", "https://", "http://")
"""What an image's address begins with."""
OVERRIDE: Final = "fallback_token_limit_override"
"""The field of an output record's metadata that says how many tokens of it are read, instead."""
_TOKEN = 4
"""Bytes of one, as it counts."""

_FILE = re.compile(r"rollout-\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d-([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})\.jsonl\Z")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_META = ("id", "timestamp", "cwd", "originator", "cli_version")
_TEXTS: Final = {"assistant": "output_text", "user": "input_text", "developer": "input_text", "system": "input_text"}
_CALLS: Final = {"function_call": "arguments", "custom_tool_call": "input"}


def size_of(output: str | list[dict[str, Any]]) -> int:
    """Return the bytes of a tool's output that count towards what is read of it."""
    texts = [output] if isinstance(output, str) else [text_of(item, "text") for item in output if isinstance(item, dict)]
    return sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)


def check(path: str) -> list[Noted]:
    """Return what Codex's loader would refuse, drop or misread in the rollout at *path*. Raises OSError."""
    named = _FILE.match(PurePath(path).name)
    found = [] if named else [Noted(path, "it is not found by its id: its name is not rollout-<time>-<uuid>.jsonl")]
    with open_file(path) as opened:
        data = opened.read()
    rollout = _Rollout(named[1] if named else "")
    for number, line in enumerate(data.split(b"\n"), 1):
        if line:
            found += [Noted(f"{path}:{number}", reason) for reason in rollout.line(line, first=number == 1)]
    if data and not data.endswith(b"\n"):
        found.append(Noted(path, "its last line is torn"))
    return found + [Noted(path, reason) for reason in rollout.end()]


class _Rollout:
    """The records of a rollout, one after the other."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._ordinal = -1
        self._said = False
        self._seen: set[str] = set()
        self._waiting: dict[str, None] = {}

    def line(self, data: bytes, *, first: bool) -> Iterator[str]:
        """Yield what is wrong with the next line."""
        parsed = parse(data)
        record = parsed.record
        if record is None or parsed.flaw:
            yield f"it is skipped: {parsed.flaw}"
            return
        if b"\\u" in data and not is_well_formed(record):
            yield "it is skipped: half of a character in it"
        kind, payload = text_of(record, "type"), dict_of(record, "payload")
        if time_of(record.get("timestamp")) is None:
            yield "it is skipped: it has no timestamp"
        if first and kind != "session_meta":
            yield "the session is refused: it does not begin with session_meta"
        if kind == "session_meta" and first:
            yield from self._meta(payload)
        elif kind == "response_item":
            yield from self._item(payload, dict_of(record, "metadata"))
        elif kind == "compacted":
            self._waiting.clear()
        yield from self._order(record)

    def _meta(self, payload: Mapping[str, Any]) -> Iterator[str]:
        for name in _META:
            if not text_of(payload, name):
                yield f"the session is refused: session_meta has no {name}"
        if self._session and text_of(payload, "id") != self._session:
            yield "it is not found by its id: session_meta has another one than the file's name"

    def _order(self, record: Mapping[str, Any]) -> Iterator[str]:
        ordinal = record.get("ordinal")
        if not isinstance(ordinal, int):
            return
        if ordinal <= self._ordinal:
            yield f"ordinal {ordinal} comes behind {self._ordinal}"
        self._ordinal = ordinal

    def _item(self, payload: Mapping[str, Any], about: Mapping[str, Any]) -> Iterator[str]:
        kind = text_of(payload, "type")
        if kind == "message":
            self._said = True
            yield from _message(payload)
        elif kind in _CALLS:
            yield from self._call(payload, kind)
        elif kind.endswith("_call_output"):
            yield from self._output(payload, about)
        elif not kind:
            yield "it is skipped: an item without a type"

    def _call(self, payload: Mapping[str, Any], kind: str) -> Iterator[str]:
        call = text_of(payload, "call_id")
        if not _NAME.match(call) or not _NAME.match(text_of(payload, "name")):
            yield f"the request is refused: the id or the name of call {call!r} is not of letters, digits, _ and -"
        if not isinstance(payload.get(_CALLS[kind]), str):
            yield f"it is skipped: the {_CALLS[kind]} of call {call} are no text"
        if call in self._seen:
            yield f"the request is refused: call {call} occurs twice"
        self._seen.add(call)
        self._waiting[call] = None

    def _output(self, payload: Mapping[str, Any], about: Mapping[str, Any]) -> Iterator[str]:
        call, output = text_of(payload, "call_id"), payload.get("output")
        if call not in self._waiting:
            yield f"it is left out: output {call} has no call before it"
        self._waiting.pop(call, None)
        if isinstance(output, list):
            yield from _content(output, "input_text")
        elif not isinstance(output, str):
            yield f"it is skipped: the output of call {call} is neither text nor a list"
            return
        if size_of(output) > max(WHOLE, _TOKEN * count_of(about, OVERRIDE)):
            yield f"the middle of the output of call {call} is cut out: it is longer than {WHOLE:,} bytes"

    def end(self) -> Iterator[str]:
        """Yield what is wrong with the rollout as a whole."""
        if not self._said:
            yield "there is nothing to resume: nothing was said in it"
        for call in self._waiting:
            yield f"a made-up output stands for that of call {call}: it has none"


def _message(payload: Mapping[str, Any]) -> Iterator[str]:
    role = text_of(payload, "role")
    if role not in _TEXTS:
        yield f"the request is refused: role {role!r} of a message"
        return
    if not isinstance(payload.get("content"), list):
        yield "it is skipped: a message without a list of contents"
    yield from _content(list_of(payload, "content"), _TEXTS[role])


def _content(content: list[Any], texts: str) -> Iterator[str]:
    for item in content:
        kind = text_of(item, "type") if isinstance(item, dict) else ""
        if kind == "input_image" and texts == "input_text":
            if not text_of(item, "image_url").startswith(ADDRESSES):
                yield "the request is refused: an image without an address"
        elif kind != texts:
            yield f"the request is refused: {kind or 'something'} where {texts} is expected"
        elif not isinstance(item.get("text"), str):
            yield "it is skipped: a text that is none"
