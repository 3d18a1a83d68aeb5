"""What opencode's import demands of a session's document, and a strict check of it.

Read in the schemas of 1.18.33 and tried on it. The import stops at the first record that does not fit, with those before it
already in the database; what fits is taken as it is, ids included. Messages are put in order by their time, then their id;
the working loop compares ids as text, so those of a session that is carried over must be lower than any that opencode makes.
"""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple

from segue.ports import Noted
from segue.transcripts._document import read_document
from segue.transcripts._records import dict_of, list_of, parse, text_of


class Profile(NamedTuple):
    """The form that versions from `version` on take."""

    version: str


PROFILES: Final = (Profile("1.18.33"),)
NEWEST: Final = "1.18.33"
"""The latest version that was tried."""

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_DATA = re.compile(r"data:[^,]*;base64,")
_ENDED: Final = "stop"


class _Need(NamedTuple):
    """A field that a record must have, or may have, and of what type."""

    name: str
    fits: Callable[[Any], bool]
    words: str
    optional: bool = False


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_finite(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _text(name: str, *, optional: bool = False) -> _Need:
    return _Need(name, _is_text, "a text", optional)


def _id(name: str, prefix: str, *, optional: bool = False) -> _Need:
    return _Need(name, lambda v: isinstance(v, str) and v.startswith(prefix), f"an id that begins with {prefix}", optional)


def _count(name: str, *, optional: bool = False) -> _Need:
    return _Need(name, _is_count, "a whole number of 0 or more", optional)


def _object(name: str, *, optional: bool = False) -> _Need:
    return _Need(name, _is_object, "an object", optional)


_FINITE: Final = "a number"
_TOKENS: Final = tuple(_Need(name, _is_finite, _FINITE) for name in ("input", "output", "reasoning"))
_SESSION: Final = (
    _id("id", "ses"),
    _text("slug"),
    _text("title"),
    _text("version"),
    _object("time"),
    _object("metadata", optional=True),
    _id("parentID", "ses", optional=True),
)
_USER: Final = (_object("time"), _text("agent"), _object("model"))
_ASSISTANT: Final = (
    _object("time"),
    _id("parentID", "msg"),
    _text("modelID"),
    _text("providerID"),
    _text("mode"),
    _text("agent"),
    _object("path"),
    _Need("cost", _is_finite, _FINITE),
    _object("tokens"),
    _text("finish", optional=True),
)
_FILE: Final = (_text("mime"), _text("url"), _text("filename", optional=True))
_PARTS: Final[Mapping[str, tuple[_Need, ...]]] = {
    "text": (_text("text"), _Need("synthetic", _is_flag, "true or false", optional=True)),
    "reasoning": (_text("text"), _object("time")),
    "file": _FILE,
    "tool": (_text("callID"), _text("tool"), _object("state")),
    "step-start": (_text("snapshot", optional=True),),
    "step-finish": (_text("reason"), _Need("cost", _is_finite, _FINITE), _object("tokens")),
    "snapshot": (_text("snapshot"),),
    "patch": (_text("hash"), _Need("files", _is_list, "a list")),
    "agent": (_text("name"),),
    "subtask": (_text("prompt"), _text("description"), _text("agent")),
    "compaction": (_Need("auto", _is_flag, "true or false"),),
    "retry": (_count("attempt"), _object("error"), _object("time")),
}
_STATES: Final[Mapping[str, tuple[_Need, ...]]] = {
    "pending": (_object("input"), _text("raw")),
    "running": (_object("input"), _object("time")),
    "completed": (_object("input"), _text("output"), _text("title"), _object("metadata"), _object("time")),
    "error": (_object("input"), _text("error"), _object("time")),
}


def check(path: str) -> list[Noted]:
    """Return what opencode's import would refuse in the document at *path*, or its working loop misread. Raises OSError."""
    parsed = parse(read_document(path))
    if parsed.record is None or parsed.flaw:
        return [Noted(path, f"it is refused: {parsed.flaw or 'not a session'}")]
    return [Noted(f"{path}#{where}" if where else path, reason) for where, reason in _flaws(parsed.record)]


def _flaws(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    info = dict_of(document, "info")
    session = text_of(info, "id")
    yield from ((session, r) for r in _lacks(info, _SESSION))
    yield from ((session, r) for r in _lacks(dict_of(info, "time"), (_count("created"), _count("updated")), "time."))
    messages = list_of(document, "messages")
    if not messages:
        yield session, "it is empty: nothing was said in it"
    seen: set[str] = set()
    prompts: set[str] = set()
    before: tuple[int, str] = (0, "")
    for entry in messages:
        told = dict_of(entry, "info") if isinstance(entry, dict) else {}
        name = text_of(told, "id")
        yield from ((name, r) for r in _message(told, session, prompts))
        here = (_at(told), name)
        if here <= before:
            yield name, "it is not behind the message before it: neither later, nor of a higher id"
        before = here
        for part in list_of(entry, "parts") if isinstance(entry, dict) else ():
            found = part if isinstance(part, dict) else {}
            yield from ((text_of(found, "id"), r) for r in _part(found, session, name, text_of(told, "role")))
            if text_of(found, "id") in seen:
                yield text_of(found, "id"), "a part of that id is there already: this one is dropped"
            seen.add(text_of(found, "id"))
        if name in seen:
            yield name, "a message of that id is there already: this one is dropped"
        seen.add(name)


def _at(message: Mapping[str, Any]) -> int:
    created = dict_of(message, "time").get("created")
    return created if isinstance(created, int) else 0


def _message(told: dict[str, Any], session: str, prompts: set[str]) -> Iterator[str]:
    yield from _lacks(told, (_id("id", "msg"), _id("sessionID", "ses")))
    if text_of(told, "sessionID") != session:
        yield "it names another session"
    yield from _lacks(dict_of(told, "time"), (_count("created"),), "time.")
    role = text_of(told, "role")
    if role == "user":
        prompts.add(text_of(told, "id"))
        yield from _lacks(told, _USER)
        yield from _lacks(dict_of(told, "model"), (_text("providerID"), _text("modelID")), "model.")
    elif role == "assistant":
        yield from _lacks(told, _ASSISTANT)
        yield from _lacks(dict_of(told, "path"), (_text("cwd"), _text("root")), "path.")
        yield from _tokens(told)
        if text_of(told, "parentID") not in prompts:
            yield "it answers no message of the user that is before it"
    else:
        yield f"a message of the role {role!r} is refused"


def _tokens(told: dict[str, Any]) -> Iterator[str]:
    tokens = dict_of(told, "tokens")
    yield from _lacks(tokens, (*_TOKENS, _object("cache")), "tokens.")
    cache = tuple(_Need(name, _is_finite, _FINITE) for name in ("read", "write"))
    yield from _lacks(dict_of(tokens, "cache"), cache, "tokens.cache.")


def _part(part: dict[str, Any], session: str, message: str, role: str) -> Iterator[str]:
    yield from _lacks(part, (_id("id", "prt"), _id("sessionID", "ses"), _id("messageID", "msg")))
    if (text_of(part, "sessionID"), text_of(part, "messageID")) != (session, message):
        yield "it names another message"
    kind = text_of(part, "type")
    if kind not in _PARTS:
        yield f"a part of the type {kind!r} is refused"
        return
    yield from _lacks(part, _PARTS[kind])
    if kind == "tool":
        yield from _tool(part, role)
    elif kind == "file" and not _DATA.match(text_of(part, "url")) and "://" not in text_of(part, "url"):
        yield "its url is none"
    elif kind == "step-finish":
        yield from _tokens(part)
    elif kind == "reasoning":
        yield from _lacks(dict_of(part, "time"), (_count("start"),), "time.")


def _tool(part: dict[str, Any], role: str) -> Iterator[str]:
    if role != "assistant":
        yield "a tool's part in a message of the user is not sent to the model"
    for name in ("callID", "tool"):
        if not _NAME.match(text_of(part, name)):
            yield f"providers refuse its {name}: at most 64 of A-Z a-z 0-9 _ -"
    state = dict_of(part, "state")
    status = text_of(state, "status")
    if status not in _STATES:
        yield f"a tool's state {status!r} is refused"
        return
    if status in {"pending", "running"}:
        yield "the call has no answer: the model is told that it was interrupted"
    yield from _lacks(state, _STATES[status], "state.")
    ends = (_count("start"),) if status == "running" else (_count("start"), _count("end"))
    if status != "pending":
        yield from _lacks(dict_of(state, "time"), ends, "state.time.")
    for attached in list_of(state, "attachments"):
        found = attached if isinstance(attached, dict) else {}
        yield from _lacks(found, (_id("id", "prt"), _id("sessionID", "ses"), _id("messageID", "msg"), *_FILE), "attachments.")


def _lacks(record: Mapping[str, Any], needs: tuple[_Need, ...], within: str = "") -> Iterator[str]:
    for need in needs:
        if need.name not in record:
            if not need.optional:
                yield f"{within}{need.name} is missing"
        elif not need.fits(record[need.name]):
            yield f"{within}{need.name} is not {need.words}"
