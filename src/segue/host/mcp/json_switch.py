"""Edits of a JSON file that switch a server: a name put into a list or taken out, a flag set, an entry taken out or put back.

The text is edited, comments and order stay; then it is read, and must say what it said before but for the switch.
"""

import copy
import json
from collections.abc import Callable, Sequence
from typing import Any

from segue.host.install import jsonc

Keys = tuple[str, ...]


def listed(text: str, keys: Keys, name: str, *, on: bool) -> str:
    """Return *text* with *name* in the list at *keys*, or with *on* without it. Raises NotJsonError."""
    root = jsonc.parse(text or "{}")
    node = _at(root, keys)
    if node is None:
        return text if on else _checked(_made(text, root, keys, [name]), root, lambda d: _set(d, keys, [name]))
    if not isinstance(node.value, list):
        raise jsonc.NotJsonError(f"{'.'.join(keys)} is no list")
    if on:
        return _checked(_without(text, keys, name), root, lambda d: _set(d, keys, [n for n in node.value if n != name]))
    if name in node.value:
        return text
    after = jsonc.put(text, [jsonc.last_in(text, node, _shown(name))])
    return _checked(after, root, lambda d: _set(d, keys, [*node.value, name]))


def flagged(text: str, keys: Keys, *, value: bool) -> str:
    """Return *text* with the member at *keys*, of an object that is there, *value*. Raises NotJsonError."""
    root = jsonc.parse(text or "{}")
    holder, node = _at(root, keys[:-1]), _at(root, keys)
    if holder is None or not isinstance(holder.value, dict):
        raise jsonc.NotJsonError(f"{'.'.join(keys[:-1])} is no object")
    if node is None:
        if value:
            return text  # it is so without a word
        after = jsonc.put(text, [jsonc.first_in(text, holder, lambda _: f"{_shown(keys[-1])}: {_shown(value)}")])
    else:
        after = text[: node.start] + _shown(value) + text[node.end :]
    return _checked(after, root, lambda d: _set(d, keys, value))


def taken_out(text: str, keys: Keys) -> tuple[str, str]:
    """Return *text* without the member at *keys*, and what was taken out, word for word. Raises NotJsonError."""
    root = jsonc.parse(text or "{}")
    holder = _at(root, keys[:-1])
    places = [i for i, e in enumerate(holder.elements) if e.key == keys[-1]] if holder else []
    if holder is None or len(places) != 1:
        raise jsonc.NotJsonError(f"{'.'.join(keys)} does not stand there once")
    element = holder.elements[places[0]]
    after = _checked(jsonc.cut(text, holder, places[0]), root, lambda d: _drop(d, keys))
    return after, text[element.start : element.end]


def put_back(text: str, keys: Keys, piece: str) -> str:
    """Return *text* with a member that was taken out first in its object again. Raises NotJsonError."""
    root = jsonc.parse(text or "{}")
    holder, value = _at(root, keys[:-1]), jsonc.parse(f"{{{piece}}}").value[keys[-1]]
    if holder is None:
        return _checked(_made(text, root, keys, value), root, lambda d: _set(d, keys, value))
    if _at(root, keys) is not None:
        return text  # somebody wrote it anew
    after = jsonc.put(text, [jsonc.first_in(text, holder, lambda _: piece)])
    return _checked(after, root, lambda d: _set(d, keys, value))


def _at(node: jsonc.Node, keys: Sequence[str]) -> jsonc.Node | None:
    found: jsonc.Node | None = node
    for key in keys:
        if found is None or not isinstance(found.value, dict):
            return None
        found = found.get(key)
    return found


def _made(text: str, root: jsonc.Node, keys: Keys, value: Any) -> str:
    """Return *text* with the member at *keys*, which is not there, and the objects that lead to it."""
    if not text.strip("\ufeff \t\r\n"):
        for key in reversed(keys):
            value = {key: value}
        return text + json.dumps(value, ensure_ascii=False, indent=2) + "\n"
    depth = next(i for i in range(len(keys), -1, -1) if _at(root, keys[:i]) is not None)
    holder = _at(root, keys[:depth])
    if holder is None or not isinstance(holder.value, dict):
        raise jsonc.NotJsonError(f"{'.'.join(keys[:depth]) or 'it'} is no object")
    for key in reversed(keys[depth + 1 :]):
        value = {key: value}
    return jsonc.put(text, [jsonc.first_in(text, holder, lambda _: f"{_shown(keys[depth])}: {_shown(value)}")])


def _without(text: str, keys: Keys, name: str) -> str:
    while True:
        node = _at(jsonc.parse(text), keys)
        place = next((i for i, e in enumerate(node.elements) if e.node.value == name), None) if node else None
        if node is None or place is None:
            return text
        text = jsonc.cut(text, node, place)


def _checked(after: str, before: jsonc.Node, change: Callable[[Any], None]) -> str:
    """Return *after*, which must say what the document *before* says once *change* was made to it."""
    expected = copy.deepcopy(before.value)
    change(expected)
    try:
        found = json.loads(after)  # quicker by far, where there is no comment
    except ValueError:
        found = jsonc.parse(after).value
    if found != expected:
        raise jsonc.NotJsonError("it is written in a form that cannot be changed by itself")
    return after


def _set(document: Any, keys: Keys, value: Any) -> None:
    for key in keys[:-1]:
        document = document.setdefault(key, {})
    document[keys[-1]] = value


def _drop(document: Any, keys: Keys) -> None:
    for key in keys[:-1]:
        document = document[key]
    del document[keys[-1]]


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
