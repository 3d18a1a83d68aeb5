"""What Qwen Code demands of a transcript, where it looks for it, and a strict check of it.

Read in the loader of 0.15.10 and tried on it: a session is the file of its id in the project's directory, its first record must
have the workspace as `cwd`; what is sent is the line of parents from the last record on, with each record's `message`.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final, NamedTuple

from segue.ports import Noted
from segue.transcripts._lines import open_file
from segue.transcripts._records import dict_of, list_of, parse, text_of, time_of


class Profile(NamedTuple):
    """The form that versions from `version` on take."""

    version: str


PROFILES: Final = (Profile("0.15.10"),)
NEWEST: Final = "0.15.10"
"""The latest version that was tried."""

MEDIA: Final = frozenset({"image"})
_FILE = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[1-5][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_ROLES: Final = {"user": "user", "assistant": "model", "tool_result": "user"}


def directory_of(workspace: str) -> str:
    """Return the name of the directory in `projects` that is the workspace's: all but ASCII letters and digits are dashes.

    A character beyond U+FFFF is two of them, as in UTF-16.
    """
    units = workspace.encode("utf-16-le", "surrogatepass")
    codes = (int.from_bytes(units[i : i + 2], "little") for i in range(0, len(units), 2))
    return "".join(chr(c) if c < 128 and chr(c).isalnum() else "-" for c in codes)


class _Node(NamedTuple):
    line: int
    record: dict[str, Any]


def check(path: str) -> list[Noted]:
    """Return what Qwen Code's loader would refuse, drop or misread in the transcript at *path*. Raises OSError."""
    pure = PurePath(path)
    found: list[Noted] = []
    if not (pure.suffix == ".jsonl" and _FILE.match(pure.stem)):
        found.append(Noted(path, "it is not found by its id: its name is not <uuid of version 1 to 5>.jsonl"))
    nodes: list[_Node] = []
    notes: list[tuple[int, str]] = []
    with open_file(path) as opened:
        data = opened.read()
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip():
            continue
        parsed = parse(line)
        if parsed.record is None or parsed.flaw:
            notes.append((number, f"it is skipped: {parsed.flaw}"))
        if parsed.record is not None:
            nodes.append(_Node(number, parsed.record))
    if not nodes:
        return [*found, Noted(path, "the session is not found: no record can be read")]
    found += [Noted(f"{path}:{nodes[0].line}", reason) for reason in _first(nodes[0].record, pure)]
    chain = _chain(nodes)
    notes += [*_left_out(nodes, chain), *_pairing(chain)]
    for node in nodes:
        notes += [(node.line, reason) for reason in _record(node.record)]
    return found + [Noted(f"{path}:{number}", reason) for number, reason in sorted(notes)]


def _first(record: Mapping[str, Any], path: PurePath) -> Iterator[str]:
    cwd = text_of(record, "cwd")
    if not cwd:
        yield "the program ends: its first record has no cwd"
    elif directory_of(cwd) != path.parent.parent.name:
        yield f"it is not found: the directory of {cwd} is {directory_of(cwd)}"
    if text_of(record, "sessionId") != path.stem:
        yield "it goes on as another session: its first record has another sessionId than its name"


def _record(record: Mapping[str, Any]) -> Iterator[str]:
    kind = text_of(record, "type")
    if not text_of(record, "uuid"):
        yield "all before it is left out: it has no uuid"
    if time_of(record.get("timestamp")) is None:
        yield "it has no timestamp"
    if kind not in _ROLES:
        return
    message = dict_of(record, "message")
    if message.get("role") != _ROLES[kind]:
        yield f"the request is refused: the role in a record of type {kind} is {message.get('role')!r}"
    parts = [part for part in list_of(message, "parts") if isinstance(part, dict)]
    if not parts:
        yield "the request is refused: it has no parts"
    for part in parts:
        call, answer = part.get("functionCall"), part.get("functionResponse")
        if isinstance(call, dict):
            name = text_of(call, "id")
            if not _NAME.match(name) or not _NAME.match(text_of(call, "name")):
                yield f"the request is refused: the id or the name of call {name!r} is not of letters, digits, _ and -"
            if not isinstance(call.get("args"), dict):
                yield f"the request is refused: the arguments of call {name} are no object"
        if isinstance(answer, dict) and not isinstance(answer.get("response"), dict):
            yield f"the request is refused: the answer of call {text_of(answer, 'id')} is no object"


def _chain(nodes: list[_Node]) -> list[_Node]:
    """Return the records from the root to the last one."""
    by_name: dict[str, _Node] = {}
    for node in nodes:
        by_name.setdefault(text_of(node.record, "uuid"), node)
    found: dict[str, _Node] = {}
    name = text_of(nodes[-1].record, "uuid")
    while name and name not in found and name in by_name:
        found[name] = by_name[name]
        name = text_of(by_name[name].record, "parentUuid")
    return list(reversed(found.values()))


def _left_out(nodes: list[_Node], chain: list[_Node]) -> Iterator[tuple[int, str]]:
    there = {node.line for node in chain}
    names: set[str] = set()
    for node in nodes:
        name = text_of(node.record, "uuid")
        if name in names:
            yield node.line, f"it is joined to an earlier record: uuid {name} occurs twice"
        elif node.line not in there and "message" in node.record:
            yield node.line, "it is left out: it is not on the line to the last record"
        names.add(name)
    if chain and (parent := text_of(chain[0].record, "parentUuid")):
        yield chain[0].line, f"what stands before it is left out: its parent {parent} is not there"


def _pairing(chain: list[_Node]) -> Iterator[tuple[int, str]]:
    waiting: dict[str, int] = {}
    seen: set[str] = set()
    said = [node for node in chain if text_of(node.record, "type") in _ROLES]
    if said and said[0].record.get("type") != "user":
        yield said[0].line, "the request is refused: the conversation does not begin with the user"
    for node in said:
        parts = [part for part in list_of(dict_of(node.record, "message"), "parts") if isinstance(part, dict)]
        answers = [text_of(dict_of(part, "functionResponse"), "id") for part in parts if "functionResponse" in part]
        if not answers:
            yield from (
                (number, f"call {name} is left out: it has no answer right behind it") for name, number in waiting.items()
            )
            waiting = {}
        for name in answers:
            if waiting.pop(name, None) is None:
                yield node.line, f"answer {name} is left out: it has no call right before it"
        for part in parts:
            if "functionCall" in part:
                name = text_of(dict_of(part, "functionCall"), "id")
                if name in seen:
                    yield node.line, f"call {name} occurs twice"
                seen.add(name)
                waiting[name] = node.line
    yield from ((number, f"call {name} is left out: it has no answer") for name, number in waiting.items())
