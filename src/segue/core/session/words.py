"""What an event says in words, for full-text search: its text, and apart from it names in it (paths, parts of identifiers)."""

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from segue.core.log.events import Event
from segue.core.log.ids import is_uuid
from segue.core.session.lifecycle import QUIET
from segue.core.session.scripts import composed
from segue.core.session.values import items, text, texts

MOST: Final = 1_000_000
"""Characters of one event that are searched: the first four fifths and the last."""

_FRAMEWORKS: Final = frozenset({"langgraph.checkpoint", "langgraph.write", "pydantic_ai.record", "pydantic_ai.deleted"})
"""They hold bytes of the framework's serialiser, or its own ids: what they say in words is in messages beside them."""
_SILENT: Final = QUIET | {"usage", "metric", "head.moved", "record"} | _FRAMEWORKS
_HEADER: Final = ("title", "task", "project", "organisation")
_SHOWN: Final = {
    "session.created": _HEADER,
    "session.forked": _HEADER,
    "session.updated": _HEADER,
    "checkpoint.created": ("name", "description"),
}
"""Of these events the fields that tell somebody something; the others are ids, hashes, and places."""
_TAGS: Final = 20
_MEDIA: Final = frozenset({"blob", "image", "audio", "video"})
_ENCODED = re.compile(r"[A-Za-z0-9+/=_-]{120,}")
"""Base64 and the like: nobody searches for it, and each is a word of its own."""
_LINE_NUMBER = re.compile(r"(?m)^[^\S\n]*\d+(?:→|\t|:)")
"""As tools print before each line of a file. They would make up a quarter of the index."""
_COLOUR = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
"""It ends in a letter: full text would take it for the beginning of the word behind it."""
_HUMPED = re.compile("[a-z0-9][A-Z][a-z0-9]|[A-Z]{2}[a-z]{2}")
_CAMEL = re.compile(rf"[A-Za-z0-9]*(?:{_HUMPED.pattern})[A-Za-z0-9]*")
_HUMP = re.compile(r"[A-Z]?[a-z0-9]+|[A-Z]+(?![a-z])")


class Words(NamedTuple):
    """The text of an event, and names in it: paths that tools touched, and the parts of identifiers in camel case."""

    text: str
    names: str


def words_of(event: Event) -> Words | None:
    """Return what *event* says, or None where it says nothing."""
    if event.erased or event.kind in _SILENT or not isinstance(event.body, dict):
        return None
    message = event.kind == "message"
    leaves = _message(event.body) if message else _leaves(event.body)
    said = _ENCODED.sub(" ", _bounded("\n".join(leaf for leaf in leaves if leaf))).replace("\0", " ")
    said = _LINE_NUMBER.sub(" ", _COLOUR.sub("", said) if "\x1b" in said else said)
    paths = _paths(event.body) if message else []
    return Words(said, " ".join((*paths, *_humps(said)))) if said.strip() or paths else None


def shown_of(event: Event) -> str:
    """Return what *event* says to somebody who reads it: of a header, and of a checkpoint, what it is about, and no ids."""
    words = words_of(event)
    if words is None or event.kind not in _SHOWN:
        return words.text if words else ""
    about = [(name, text(event.body, name).strip()) for name in _SHOWN[event.kind]]
    about.append(("tags", ", ".join(texts(event.body, "tags", _TAGS))))
    if not any(said for _, said in about):
        about = [("known as", name) for name in texts(event.body, "foreign_ids", _TAGS) if not is_uuid(name)]
    return "\n".join(f"{name}: {said}" for name, said in about if said)


def is_about(event: Event, path: str) -> bool:
    """Return whether an event touched a file: *path* is all of its path, the end of it, or a directory in it."""
    wanted = f"/{composed(path).strip('/')}/"
    return event.kind == "message" and any(wanted in f"/{composed(found).strip('/')}/" for found in _paths(event.body))


def role_of(event: Event) -> str:
    """Return the role of a message; empty for other events."""
    role = event.body.get("role") if event.kind == "message" and isinstance(event.body, dict) else None
    return role if isinstance(role, str) else ""


def _humps(said: str) -> list[str]:
    """Return the parts of the identifiers in camel case, each once: `HeadMovedError` is found by `moved`."""
    if not _HUMPED.search(said):
        return []
    found: dict[str, None] = {}
    for word in dict.fromkeys(_CAMEL.findall(said)):
        found.update(dict.fromkeys(_HUMP.findall(word)))
    return list(found)


def _message(body: dict[str, Any]) -> Iterator[str]:
    for part in items(body, "parts"):
        if isinstance(part, dict) and part.get("type") not in _MEDIA:
            yield from _leaves({k: v for k, v in part.items() if k not in {"type", "id"}})


def _paths(body: dict[str, Any]) -> list[str]:
    found = [text(e, "path", 1_000) for e in items(body, "effects") if isinstance(e, dict)]
    return [path for path in dict.fromkeys(found) if path]


def _leaves(value: Any) -> Iterator[str]:
    """Yield the texts in a value, however deep, in order."""
    stack = [value]
    while stack:
        found = stack.pop()
        if isinstance(found, str):
            yield found
        elif isinstance(found, dict):
            stack.extend(reversed(found.values()))
        elif isinstance(found, list):
            stack.extend(reversed(found))


def _bounded(said: str) -> str:
    return said if len(said) <= MOST else f"{said[: MOST * 4 // 5]}\n{said[-MOST // 5 :]}"
