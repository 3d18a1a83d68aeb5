"""Entries of the SDK as the bytes of records, and a record as an entry."""

import json
import re
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

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


def is_handed_over(type_: Any) -> bool:
    """Return whether Claude Code hands over records of a type."""
    return not str(type_).startswith(_NOT_HANDED)


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
