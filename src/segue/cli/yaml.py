"""YAML of JSON data: what every YAML reader reads back as the same data."""

import json
import re
from typing import Any, Final

_PLAIN: Final = re.compile(r"[A-Za-z_/.][A-Za-z0-9_/. +()@$%^-]*\Z", re.ASCII)
_WORDS: Final = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", ".inf", ".nan"})
_BLOCK: Final = re.compile(
    "[^\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ufffe\uffff\ud800-\udfff\U000e0000-\U000e0fff]*\\Z"
)
"""What stands as it is: no character that YAML does not take, none that steers a terminal or turns its writing direction."""


def dump(value: Any) -> str:
    """Return *value* (JSON data) as a YAML document, names in their order."""
    return "\n".join(_lines(value, "")) + "\n"


def _lines(value: Any, indent: str) -> list[str]:
    if isinstance(value, dict) and value:
        return [line for name, item in value.items() for line in _entry(f"{indent}{_scalar(str(name))}:", item, indent)]
    if isinstance(value, (list, tuple)) and value:
        return [line for item in value for line in _item(item, indent)]
    return [f"{indent}{_scalar(value)}"]


def _entry(head: str, value: Any, indent: str) -> list[str]:
    if isinstance(value, (dict, list, tuple)) and value:
        return [head, *_lines(value, indent + "  ")]
    block = _block(value, indent + "  ")
    return [f"{head} {block[0]}", *block[1:]] if block else [f"{head} {_scalar(value)}"]


def _item(value: Any, indent: str) -> list[str]:
    if isinstance(value, (dict, list, tuple)) and value:
        first, *rest = _lines(value, indent + "  ")
        return [f"{indent}- {first[len(indent) + 2 :]}", *rest]
    block = _block(value, indent + "  ")
    return [f"{indent}- {block[0]}", *block[1:]] if block else [f"{indent}- {_scalar(value)}"]


def _block(value: Any, indent: str) -> list[str]:
    """Return a text of several lines as a literal block; nothing where it cannot be one."""
    if not isinstance(value, str) or "\n" not in value.rstrip("\n") or not _BLOCK.match(value) or value[0] in " \t\n":
        return []
    lines = value.split("\n")
    ending = "-"
    if lines[-1] == "":
        lines.pop()
        ending = "+" if lines[-1] == "" else ""
    return [f"|{ending}", *(f"{indent}{line}" if line else "" for line in lines)]


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        plain = _PLAIN.match(value) and value.lower() not in _WORDS and value[-1] not in " :" and not value.startswith("...")
        return value if plain else _quoted(value)
    text = json.dumps(value)
    return text.replace("e", ".0e") if isinstance(value, float) and "." not in text else text  # YAML 1.1 knows no 1e-05


def _quoted(value: str) -> str:
    """Return a double-quoted scalar, other characters escaped; those that JSON has too, as JSON does."""
    text = json.dumps(value, ensure_ascii=False)
    return "".join(c if _BLOCK.match(c) else f"\\u{ord(c):04x}" if ord(c) <= 0xFFFF else f"\\U{ord(c):08x}" for c in text)
