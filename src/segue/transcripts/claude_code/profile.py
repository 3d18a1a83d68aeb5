"""What each version of Claude Code demands of a transcript, and a strict check of it.

Read in the loader of 2.1.197 and tried on it and on 2.1.329: leaving out `uuid` loses all but the last record, leaving out
`timestamp` the whole session; without a `model` resuming never ends, without an `id` messages of the model run together. A
result that does not follow its call's message is replaced by a made-up one. Files of more than 5 MiB are scanned by bytes, not
parsed: there a record's `uuid` is the first one of the line that `timestamp` follows, or just the first.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import PurePath
from typing import Any, Final, NamedTuple

from segue.ports import Noted
from segue.transcripts._lines import open_file
from segue.transcripts._records import dict_of, parse, text_of, time_of


class Profile(NamedTuple):
    """The form that versions from `version` on take."""

    version: str
    anywhere: bool
    """It finds a session by its id in every project's directory, not only in that of the directory it runs in."""


PROFILES: Final = (Profile("2.1.39", anywhere=False), Profile("2.1.329", anywhere=True))
NEWEST: Final = "2.1.329"
"""The latest version that was tried."""

IMAGES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
_SCANNED = 5 * 1024 * 1024
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}\Z")
_NODES = frozenset({"user", "assistant", "attachment", "system"})
_SCAN = re.compile(rb'"uuid":"([^"]{36})(","timestamp":")?')
_DIRECTORY_LIMIT = 200


def directory_of(workspace: str) -> str:
    """Return the name of the directory in `projects` that sessions of *workspace* are in.

    Each unit of UTF-16 that is no ASCII letter or digit is a dash; a long name is cut, with a hash of the whole.
    """
    units = workspace.encode("utf-16-le", "surrogatepass")
    codes = [int.from_bytes(units[i : i + 2], "little") for i in range(0, len(units), 2)]
    name = "".join(chr(c) if c < 128 and chr(c).isalnum() else "-" for c in codes)
    if len(name) <= _DIRECTORY_LIMIT:
        return name
    value = 0
    for code in codes:
        value = (value * 31 + code) & 0xFFFFFFFF
    return f"{name[:_DIRECTORY_LIMIT]}-{_base36(abs(value - (1 << 32) if value >> 31 else value))}"


def _base36(value: int) -> str:
    digits = ""
    while value:
        value, digit = divmod(value, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"


class _Node(NamedTuple):
    """A record that has a place in the conversation."""

    line: int
    record: dict[str, Any]
    uuid: str
    parent: str
    kind: str
    message: str
    """The id of the model's message that it is a piece of."""


def check(path: str) -> list[Noted]:
    """Return what Claude Code's loader would refuse, drop or misread in the transcript at *path*. Raises OSError."""
    pure = PurePath(path)
    found: list[Noted] = []
    session = pure.stem if pure.suffix == ".jsonl" and _UUID.match(pure.stem) else ""
    if not session:
        found.append(Noted(path, "it is not found by its id: its name is not <uuid>.jsonl"))
    with open_file(path) as opened:
        data = opened.read()
    nodes: dict[str, _Node] = {}
    pointed = ""
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line:
            continue
        parsed = parse(line)
        where, record = f"{path}:{number}", parsed.record
        if record is None or parsed.flaw:
            found.append(Noted(where, f"it is skipped: {parsed.flaw}"))
            continue
        kind = text_of(record, "type")
        if kind == "last-prompt":
            pointed = text_of(record, "leafUuid")
        if kind not in _NODES:
            continue
        node = _node(number, record, kind)
        reasons = [*_envelope(node, nodes, session), *_content(node)]
        if len(data) > _SCANNED and (taken := _scanned(line)) not in {"", node.uuid}:
            reasons.append(f"in a file of this size it is taken for record {taken}: timestamp must be right behind its uuid")
        found += [Noted(where, reason) for reason in reasons]
        nodes[node.uuid] = node
    if pointed and pointed not in nodes:
        found.append(Noted(path, f"last-prompt names a record that is not there: {pointed}"))
    chain = _chain(nodes)
    if not chain:
        return [*found, Noted(path, "the session is not found: nothing was said in it")]
    found += [Noted(f"{path}:{line}", reason) for line, reason in (*_left_out(nodes, chain), *_pairing(chain))]
    return found


def _node(number: int, record: dict[str, Any], kind: str) -> _Node:
    message = text_of(dict_of(record, "message"), "id") if kind == "assistant" else ""
    return _Node(number, record, text_of(record, "uuid"), text_of(record, "parentUuid"), kind, message)


def _scanned(line: bytes) -> str:
    """Return the uuid that scanning finds in a line; empty: none, or it looks closer, since there are several."""
    found = list(_SCAN.finditer(line))
    followed = [f for f in found if f[2]]
    if len(followed) > 1 or not found:
        return ""
    return (followed or found)[0][1].decode("latin-1")


# --- each record by itself


def _envelope(node: _Node, before: Mapping[str, _Node], session: str) -> Iterator[str]:
    if not _UUID.match(node.uuid):
        yield "it is skipped: its uuid is none"
    elif node.uuid in before:
        yield f"it replaces an earlier record: uuid {node.uuid} occurs twice"
    if node.parent and node.parent not in before:
        yield f"what stands before it may be left out: its parent {node.parent} is not there"
    if time_of(node.record.get("timestamp")) is None:
        yield "the session is not found: a record without a timestamp"
    if (told := text_of(node.record, "sessionId")) and told != session and session:
        yield f"it is of another session: {told}"


def _content(node: _Node) -> Iterator[str]:
    if node.kind not in {"user", "assistant"}:
        return
    message = dict_of(node.record, "message")
    if message.get("role") != node.kind:
        yield f"the request is refused: the role in a record of type {node.kind} is {message.get('role')!r}"
    if node.kind == "assistant" and not text_of(message, "model"):
        yield "resuming never ends: a message of the assistant without a model"
    if node.kind == "assistant" and not node.message:
        yield "it runs together with others: a message of the assistant without an id"
    blocks = _blocks(node)
    if not blocks:
        yield "the request is refused: it has no content"
    for block in blocks:
        yield from _block(block, node.kind)


def _blocks(node: _Node) -> list[dict[str, Any]]:
    content = dict_of(node.record, "message").get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block if isinstance(block, dict) else {} for block in content] if isinstance(content, list) else []


_PLACES: Final = {"tool_use": "assistant", "thinking": "assistant", "tool_result": "user", "image": "user", "document": "user"}


def _block(block: Mapping[str, Any], kind: str) -> Iterator[str]:
    shape = text_of(block, "type")
    if not shape:
        yield "the request is refused: a block without a type"
    elif _PLACES.get(shape, kind) != kind:
        yield f"the request is refused: a block of type {shape} in a message of the {kind}"
    elif shape == "text" and not text_of(block, "text").strip():
        yield "the request is refused: a text without characters"
    elif shape == "thinking" and not text_of(block, "signature"):
        yield "it is taken out: thinking without a signature"
    elif shape == "tool_use":
        name = text_of(block, "id")
        if not _NAME.match(name) or not _NAME.match(text_of(block, "name")):
            yield f"the request is refused: the id or the name of call {name!r} is not of letters, digits, _ and -"
        if not isinstance(block.get("input"), dict):
            yield f"the request is refused: the input of call {name} is no object"
    elif shape == "tool_result":
        content = block.get("content")
        if block.get("is_error") is True and not content:
            yield "the request is refused: a failed result without content"
        for inner in content if isinstance(content, list) else ():
            if not isinstance(inner, dict) or (inner.get("type") == "text" and not text_of(inner, "text").strip()):
                yield "the request is refused: a text without characters in a result"


# --- the conversation that is resumed


def _chain(nodes: Mapping[str, _Node]) -> list[_Node]:
    """Return the line from the root (or the last compaction) to the last thing said.

    Pieces of one message, and the results of its calls, belong to it wherever they hang.
    """
    said = [n for n in nodes.values() if n.kind in {"user", "assistant"} and n.record.get("isSidechain") is not True]
    found: dict[str, _Node] = {}
    node = said[-1] if said else None
    while node is not None and node.uuid not in found:
        found[node.uuid] = node
        node = None if node.record.get("subtype") == "compact_boundary" else nodes.get(node.parent)
    messages = {n.message for n in found.values()} - {""}
    pieces = {n.uuid for n in said if n.message in messages}
    beside = {n.uuid: n for n in said if n.uuid in pieces or (n.parent in pieces and _answers(n))}
    return sorted((found | beside).values(), key=lambda n: n.line)


def _answers(node: _Node) -> bool:
    return any(text_of(block, "type") == "tool_result" for block in _blocks(node))


def _left_out(nodes: Mapping[str, _Node], chain: list[_Node]) -> Iterator[tuple[int, str]]:
    there, first = {n.uuid for n in chain}, chain[0]
    compacted = first.record.get("subtype") == "compact_boundary"
    for node in nodes.values():
        if node.uuid in there or node.kind not in {"user", "assistant"} or (compacted and node.line < first.line):
            continue
        subagent = node.record.get("isSidechain") is True
        yield (
            node.line,
            "it is left out: " + ("it belongs to a subagent" if subagent else "it is not on the line to the last message"),
        )


def _pairing(chain: list[_Node]) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    waiting: dict[str, int] = {}
    message = ""
    for node in chain:
        if node.kind == "assistant" and (not node.message or node.message != message):
            yield from _unanswered(waiting)
            waiting, message = {}, node.message
        for block in _blocks(node):
            if block.get("type") == "tool_use" and node.kind == "assistant":
                name = text_of(block, "id")
                if name in seen:
                    yield node.line, f"it is taken out: call {name} occurs twice"
                seen.add(name)
                waiting[name] = node.line
            elif block.get("type") == "tool_result" and waiting.pop(name := text_of(block, "tool_use_id"), None) is None:
                yield node.line, f"it is taken out: result {name} has no call right before it"
    yield from _unanswered(waiting)


def _unanswered(waiting: Mapping[str, int]) -> Iterator[tuple[int, str]]:
    for name, line in waiting.items():
        yield line, f"a made-up result follows call {name}: it has none"
