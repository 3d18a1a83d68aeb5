"""What can be written as an event: what is refused before any byte is made of it."""

import re
from collections.abc import Mapping
from typing import Any, Final

from segue.core.errors import InvalidEventError
from segue.core.log.events import ABSENT, MAIN, Draft
from segue.core.log.times import seconds

MAX_DEPTH: Final = 200
"""Objects and lists within each other, at most: deeper ones could be written by one caller and not be read by another, whose
stack is fuller (Python's limit is 1,000 calls)."""
_KIND = re.compile(r"[a-z][a-z0-9_.-]{0,63}\Z")
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z\Z", re.ASCII)
_MAX_NAME = 1024
_SCALARS = frozenset({str, int, float, bool, type(None)})


def check(draft: Draft) -> None:
    """Refuse a draft whose names, time or shape are none. Raises InvalidEventError."""
    kind = draft.kind
    if not isinstance(kind, str) or not _KIND.match(kind):
        raise InvalidEventError("a kind is a lower case word such as 'message' or 'decision.made'", kind=str(kind)[:80])
    body, source = draft.body, draft.source
    if type(body) is not dict and not isinstance(body, Mapping):
        raise InvalidEventError("its body is not an object", kind=kind)
    if source and type(source) is not dict and not isinstance(source, Mapping):
        raise InvalidEventError("its source is not an object", kind=kind)
    if draft.at is not None and not _is_time(draft.at):
        raise InvalidEventError("its time is not RFC 3339 in UTC, such as 2026-01-15T09:30:00Z", kind=kind)
    if draft.actor != "":
        _check_name(kind, "actor", draft.actor)
    if draft.stream != MAIN:
        _check_name(kind, "stream", draft.stream)
    if draft.node is not None and draft.node != ABSENT:
        _check_name(kind, "node", draft.node)
    if draft.parent is not None and draft.parent != ABSENT:
        _check_name(kind, "parent", draft.parent)
    if draft.key is not None and draft.key != ABSENT:
        _check_name(kind, "key", draft.key)
    if draft.scopes is not None:
        _check_scopes(kind, draft.scopes)


def _check_name(kind: str, what: str, name: Any) -> None:
    if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME or "\0" in name or not _encodable(name):
        raise InvalidEventError(f"its {what} is not text of 1 to {_MAX_NAME} characters", kind=kind)


def _check_scopes(kind: str, scopes: Any) -> None:
    if not isinstance(scopes, Mapping):
        raise InvalidEventError("its scopes are not an object", kind=kind)
    for name, delta in scopes.items():
        _check_name(kind, "scope's name", name)
        if not isinstance(delta, Mapping):
            raise InvalidEventError(f"its change to scope {name!r} is not an object", kind=kind)


def check_json(kind: str, value: Any) -> None:
    """Refuse what JSON changes quietly (keys that are no text), and what is nested too deeply to be read everywhere.

    Raises:
        InvalidEventError: it is so.
    """
    level, depth = [value], -1
    while level:
        depth += 1
        inner: list[Any] = []
        for item in level:
            shape = type(item)
            if shape in _SCALARS:
                continue
            if shape is dict or isinstance(item, Mapping):
                for key in item:
                    if type(key) is not str and not isinstance(key, str):
                        raise InvalidEventError(f"it has a key that is not text: {key!r:.80}", kind=kind)
                inner += item.values()
            elif isinstance(item, (list, tuple)):
                inner += item
        level = inner
    if depth > MAX_DEPTH:
        raise InvalidEventError(f"it is nested more than {MAX_DEPTH} deep", kind=kind)


def _is_time(at: Any) -> bool:
    if not (isinstance(at, str) and _AT.match(at)):
        return False
    try:
        seconds(at)
    except ValueError:
        return False
    return True


def _encodable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
