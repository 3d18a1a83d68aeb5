"""Entries of the SDK as the bytes of records, and back."""

import json
import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from segue.core.log.events import Event
from segue.integrations.claude_agent_sdk._names import Stands

META: Final = "agent_metadata"
"""The type of the entry that stands for a subagent's `.meta.json`."""
_NOT_HANDED: Final = ("api-request",)
"""How the types of records begin that Claude Code (2.1.330) writes into its file and does not hand over: its requests."""
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Row(NamedTuple):
    """An entry that is to be kept."""

    data: bytes
    """The line that Claude Code writes for it."""
    uuid: str
    """What it is known by; empty: it is kept as often as it is handed over."""
    is_meta: bool
    after: str | None = None
    """The record that it stands behind in the agent's own file, where it comes late; empty: it stands first."""


def row_of(entry: Mapping[str, Any], after: str | None = None) -> Row:
    """Return an entry as the line that Claude Code writes. Raises TypeError, ValueError: it is no JSON."""
    uuid = entry.get("uuid")
    return Row(_line(entry), uuid if isinstance(uuid, str) else "", entry.get("type") == META, after)


def meta_of(row: Row) -> bytes:
    """Return the `.meta.json` that an entry stands for."""
    told = json.loads(row.data)
    return _line({name: value for name, value in told.items() if name != "type"})


def _line(value: Any) -> bytes:
    """Return *value* byte for byte as `JSON.stringify` writes it, so that a file of it is known again."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text).encode()


class _Kept(NamedTuple):
    """A record as the log has it."""

    name: str
    """What it is called in its transcript."""
    after: str | None
    entry: dict[str, Any]
    data: bytes
    is_handed: bool


def is_handed_over(type_: Any) -> bool:
    """Return whether Claude Code hands over records of a type."""
    return not str(type_).startswith(_NOT_HANDED)


def entries_of(events: Iterable[tuple[Event, Stands]]) -> list[dict[str, Any]]:
    """Return the entries that events of one transcript, each with where it stands, were made from.

    A record that was revised stands where it first stood, as it was last. One that came late stands where it does in the file.
    Of what was read from the agent's own file besides, what it never hands over is left out, and notes that were handed over.
    """
    order: list[_Kept] = []
    known: dict[str, int] = {}
    pieces: list[bytes] = []
    for event, at in events:
        source = event.source or {}
        data = raw_of(source)
        if data is None:
            continue
        piece = event.body.get("piece") if event.kind == "loss" else None
        if piece is not None:
            pieces = [*pieces, data] if piece != 1 else [data]
            data = b"".join(pieces)
        entry = entry_of(data)
        if entry is None:  # there are more pieces to come
            continue
        found = {**entry, "type": META} if at.is_meta else entry
        uuid = found.get("uuid")
        kept = _Kept(source.get("record", ""), source.get("after"), found, data, at.is_handed)
        if isinstance(uuid, str) and uuid in known:
            order[known[uuid]] = order[known[uuid]]._replace(entry=found, data=data)
            continue
        if isinstance(uuid, str) and uuid:
            known[uuid] = len(order)
        order.append(kept)
    handed = {kept.data for kept in order if kept.is_handed}
    wanted = [
        kept
        for kept in order
        if kept.is_handed or (is_handed_over(kept.entry.get("type")) and (kept.entry.get("uuid") or kept.data not in handed))
    ]
    return [kept.entry for kept in _placed(wanted)]


def _placed(kept: list[_Kept]) -> Iterable[_Kept]:
    if all(one.after is None for one in kept):
        return kept
    names = {one.name for one in kept}
    behind: dict[str, list[_Kept]] = {}
    on_time: list[_Kept] = []
    for one in kept:
        if one.after is None or (one.after and one.after not in names):
            on_time.append(one)
        else:
            behind.setdefault(one.after, []).append(one)
    found: list[_Kept] = []
    waiting = [*reversed(on_time), *reversed(behind.pop("", []))]
    while waiting:
        one = waiting.pop()
        found.append(one)
        waiting += reversed(behind.pop(one.name, []))
    return found


def raw_of(source: Mapping[str, Any]) -> bytes | None:
    if isinstance(raw := source.get("raw"), str):
        return raw.encode("utf-8", "surrogatepass")
    return b64decode(source["raw_b64"]) if isinstance(source.get("raw_b64"), str) else None


def entry_of(data: bytes) -> dict[str, Any] | None:
    try:
        entry = json.loads(data)
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) else None
