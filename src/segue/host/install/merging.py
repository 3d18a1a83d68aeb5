"""Hooks in a settings file that is the user's: put in, recognised, and taken out.

All agents but opencode keep hooks in the shape that Claude Code made: `hooks`, by event a list of groups, each with an
optional `matcher` and a list of handlers.
"""

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from segue.host.install import jsonc

_FILE: Final = "{}"
_BLANK: Final = "\ufeff \t\r\n"
_LINE: Final = "\n  "


class Wanted(NamedTuple):
    """The hooks that an agent's settings should have."""

    groups: Mapping[str, dict[str, Any]]
    """By event: the group with our handler."""
    mark: str
    """What is in every command of ours and in none of anybody else's."""


class Merged(NamedTuple):
    """A settings file with our hooks in it."""

    text: str
    pieces: tuple[str, ...]
    """What was put in."""


def has(text: str, wanted: Wanted) -> bool:
    """Return whether exactly the hooks that are wanted are there, whatever else is. Raises NotJsonError."""
    hooks = jsonc.parse(text or _FILE).value
    events = hooks.get("hooks") if isinstance(hooks, dict) else None
    if not isinstance(events, dict):
        return False
    ours = {
        event: [group for group in groups if _is_ours(group, wanted.mark)]
        for event, groups in events.items()
        if isinstance(groups, list)
    }
    return {event: groups for event, groups in ours.items() if groups} == {e: [g] for e, g in wanted.groups.items()}


def merge(text: str, wanted: Wanted) -> Merged:
    """Return *text*, which has none of our hooks, with those that are wanted.

    Raises:
        NotJsonError: it is no JSON object, or its hooks are in no shape that is known.
    """
    everything = {event: [group] for event, group in wanted.groups.items()}
    if not text.strip(_BLANK):  # no document yet: the whole one is ours
        whole = f'{{\n  "hooks": {_object(everything, _LINE, "  ")}\n}}\n'
        return Merged(text + whole, (whole,))
    root = jsonc.parse(text)
    if not isinstance(root.value, dict):
        raise jsonc.NotJsonError("line 1, column 1: it is not an object")
    hooks, unit = root.get("hooks"), jsonc.indentation(text)
    if hooks is None:
        piece = jsonc.first_in(text, root, lambda between: f'"hooks": {_object(everything, between, unit)}')
        return Merged(jsonc.put(text, [piece]), (piece.text,))
    if not isinstance(hooks.value, dict):
        raise jsonc.NotJsonError(f"line {_line(text, hooks)}: 'hooks' is not an object")
    pieces = []
    missing = {}
    for event, groups in everything.items():
        there = hooks.get(event)
        if there is None:
            missing[event] = groups
        elif not isinstance(there.value, list):
            raise jsonc.NotJsonError(f"line {_line(text, there)}: the hooks of {event!r} are not a list")
        else:
            pieces.append(jsonc.last_in(text, there, _shown(groups[0])))
    if missing:
        pieces.append(jsonc.first_in(text, hooks, lambda between: _members(missing, between)))
    return Merged(jsonc.put(text, pieces), tuple(piece.text for piece in pieces))


def numbers(text: str, wanted: Wanted) -> dict[str, int]:
    """Return, by event, which of its groups is ours, counted from 0. Raises NotJsonError."""
    events = jsonc.parse(text).value["hooks"]
    return {event: next(i for i, group in enumerate(events[event]) if _is_ours(group, wanted.mark)) for event in wanted.groups}


def unmerge(text: str, mark: str, pieces: tuple[str, ...]) -> str:
    """Return *text* without our hooks. What was put in word for word is taken out so; what was reformatted, by its meaning.

    Raises:
        NotJsonError: the text is not JSON.
    """
    rest = text
    for piece in pieces:
        if rest.count(piece) == 1:
            rest = rest.replace(piece, "")
    if not rest.strip(_BLANK):
        return rest
    emptied = _made(pieces)
    by_meaning = jsonc.without(text, lambda group: _is_ours(group, mark), lambda keys: not pieces or keys in emptied)
    return rest if _value(rest) == jsonc.parse(by_meaning).value else by_meaning


def _object(groups: Mapping[str, Any], between: str, unit: str) -> str:
    if between == " ":
        return _shown(groups)
    return f"{{{between}{unit}{_members(groups, between + unit)}{between}}}"


def _members(groups: Mapping[str, Any], between: str) -> str:
    """Return the members, each on one line: a person reads them before saying yes."""
    return f",{between}".join(f"{_shown(event)}: {_shown(value)}" for event, value in groups.items())


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _value(text: str) -> Any:
    try:
        return jsonc.parse(text).value
    except jsonc.NotJsonError:
        return None


def _made(pieces: tuple[str, ...]) -> set[tuple[str, ...]]:
    """Return the keys of the lists and objects that the pieces brought with them."""
    made: set[tuple[str, ...]] = set()
    for piece in pieces:
        body = piece.strip(" \t\r\n,")
        for before, after in (("{", "}"), ("", "")):
            try:
                value = jsonc.parse(before + body + after).value
            except jsonc.NotJsonError:
                continue
            if isinstance(value, dict) and isinstance(inner := value.get("hooks"), dict):
                made |= {("hooks",)} | {("hooks", event) for event in inner}
            elif isinstance(value, dict) and not isinstance(inner, list):
                made |= {("hooks", event) for event in value}
            break
    return made


def _is_ours(group: Any, mark: str) -> bool:
    """Return whether a group, or a handler that stands in somebody else's group, has our command."""
    if not isinstance(group, dict):
        return False
    command, handlers = group.get("command"), group.get("hooks")
    if isinstance(command, str):
        return mark in command
    return isinstance(handlers, list) and bool(handlers) and all(_is_ours(handler, mark) for handler in handlers)


def _line(text: str, node: jsonc.Node) -> int:
    return text.count("\n", 0, node.start) + 1
