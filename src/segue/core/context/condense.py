"""Rules that make a conversation shorter and lose nothing of importance, without a model.

A call and its answer become one unit, so that they stay or go together. A unit that later ones make needless says why in
`needless`: an earlier read of lines that were read again, an output that came again, word for word. Texts lose what only
frames them: line numbers of reads (the heading says the lines), reminders of the agent's own program, colours, the echo of
an edit that succeeded. Nothing is cut here: what does not fit is the packer's decision.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from difflib import SequenceMatcher
from json import dumps, loads
from typing import Any, Final, Literal, NamedTuple, get_args

from segue.core.context.items import Item, Op, Touch, command_of
from segue.core.context.showing import Lines, Shown, found_in, read_by

UnitKind = Literal["instruction", "prose", "reasoning", "exchange", "summary", "injected", "media", "missing"]

_REMINDER: Final = ("<system-reminder>", "</system-reminder>")
_FORMAT: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_CODEX: Final = re.compile(
    r"(?:Chunk ID: .*\n)?Wall time: .*\n(?:Process exited with code (\d{1,9})\n)?(?:Original token count: \d+\n)?Output:(?:\n|\Z)"
)
_ENCODED: Final = re.compile(r"[A-Za-z0-9+/]{400,}={0,2}")
"""Base64 and the like: nobody reads it, and a token of it is two or three characters."""
_LONG_CODE: Final = 400
_NUMBER: Final = re.compile(r"^ *\d+(?:→|\t)", re.MULTILINE)
_KINDS: Final[dict[str, UnitKind]] = {kind: kind for kind in get_args(UnitKind)}
_LONG_ECHO: Final = 40
"""Characters from which on an output that came again is left out the first time."""
_CONTEXT: Final = 2
"""Unchanged lines that a change is shown with."""


class Change(NamedTuple):
    """A text of a file replaced by another, once or wherever it stands."""

    old: str
    new: str
    everywhere: bool = False


class Unit(NamedTuple):
    """What is packed or left out as a whole: something said, or a call with its answer."""

    seq: int
    at: str
    kind: UnitKind
    head: str
    """One line: what it is."""
    text: str
    op: Op = "other"
    touches: tuple[Touch, ...] = ()
    failed: bool = False
    needless: str = ""
    """Why later units make it needless; empty: they do not."""
    answer: int = 0
    """The event of the answer, of an exchange that has one."""
    changes: tuple[Change, ...] = ()
    """Of an edit that succeeded: what it replaced."""
    shown: tuple[Lines, ...] = ()
    """Of a command that read one file, or a search in one: the lines of it that its output is."""


def units(items: Sequence[Item]) -> list[Unit]:
    """Return *items* as units, calls joined with their answers, each in the place where it began."""
    answers = {item.call: item for item in items if item.kind in {"result", "error"} and item.call}
    asked = {item.call for item in items if item.kind == "call"}
    found = []
    for item in items:
        if item.kind == "call":
            found.append(_exchange(item, answers.get(item.call)))
        elif item.kind in {"result", "error"}:
            if item.call not in asked:  # its call was lost: what it says was said all the same
                found.append(_exchange(Item(item.seq, item.at, "call", "", item.call, "tool"), item))
        else:
            found.append(Unit(item.seq, item.at, _KINDS[item.kind], "", _unreminded(item.text).strip()))
    return list(_needless(found))


def head_of(call: Item) -> str:
    """Return on one line what a call asks for, without what only its answer tells."""
    if call.op == "run" and (command := command_of(call.arguments)):
        return f"{call.tool} $ {command}"
    if call.op in {"read", "write", "edit"} and call.touches:
        return f"{call.tool} {', '.join(dict.fromkeys(touch.path for touch in call.touches))}"
    return f"{call.tool} {_brief(call.arguments)}".rstrip()


def failed(answer: Item) -> bool:
    """Return whether a call failed, by its answer."""
    return answer.kind == "error" or _unframed(answer.text)[1] != 0


def _exchange(call: Item, answer: Item | None) -> Unit:
    out, code = _unframed(_uncoloured(_unreminded(answer.text)).rstrip()) if answer else ("(no answer)", 0)
    failed = answer is not None and (answer.kind == "error" or code != 0)
    touches = _merged(call.touches, answer.touches if answer else ())
    arguments = call.arguments
    path = touches[0].path if touches else ""
    head, text = f"{call.tool} {_brief(arguments)}".rstrip(), _unencoded(out)
    if call.op == "read" and path and not failed:
        lines = f":{touches[0].first}-{touches[0].last}" if touches[0].last else ""
        head, text = f"{call.tool} {path}{lines}", _NUMBER.sub("", out) if touches[0].last else out
    elif call.op == "write" and path and not failed:
        head, text = f"{call.tool} {path}", _argument(arguments, "content", "file_text", "text") or out
    elif call.op == "edit" and path:
        changed = "\n".join(_changes(arguments))
        head = f"{call.tool} {', '.join(dict.fromkeys(touch.path for touch in touches))}"
        text = f"{changed}\n{out}" if failed or not changed else changed
    elif call.op == "run" and (command := command_of(arguments)):
        head = f"{call.tool} $ {command}"
    if failed:
        head += " (failed)"
    shown = None if failed else _shown(call, path, out)
    if shown is not None:
        touches = (Touch(shown.path, call.op),)
    changes = tuple(_replaced(arguments)) if call.op == "edit" and answer is not None and not failed else ()
    answered = answer.seq if answer else 0
    seen = shown.lines if shown else ()
    return Unit(call.seq, call.at, "exchange", head, text, call.op, touches, failed, "", answered, changes, seen)


def _shown(call: Item, path: str, out: str) -> Shown | None:
    """Return the lines of one file that an output is, where it is that."""
    if call.op == "run":
        return read_by(command_of(call.arguments), out)
    return found_in(path, out) if call.op == "search" and path else None


def _unreminded(text: str) -> str:
    """Return a text without the reminders of the agent's own program."""
    begin, end = _REMINDER
    kept, at = [], 0
    while (start := text.find(begin, at)) >= 0 and (last := text.find(end, start)) >= 0:  # a pattern would begin at each blank
        kept.append(text[at:start])
        at = last + len(end)
    if not kept:
        return text
    return "\n".join([kept[0].rstrip(), *(piece.strip() for piece in kept[1:]), text[at:].lstrip()])


def _uncoloured(text: str) -> str:
    return _FORMAT.sub("", text) if "\x1b" in text else text


def _unencoded(text: str) -> str:
    return _ENCODED.sub(lambda found: f"[{len(found[0]):,} encoded characters]", text) if len(text) >= _LONG_CODE else text


def _unframed(text: str) -> tuple[str, int]:
    """Return the output of a command without what Codex puts around it, and the exit code where that tells it."""
    code = 0
    if text.startswith('{"output":'):
        try:
            told = loads(text)
            code = int(told["metadata"]["exit_code"])
            text = str(told["output"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return text, 0
    elif found := _CODEX.match(text):
        code = int(found[1] or 0)
        text = text[found.end() :]
    return (f"exit code {code}\n{text}" if code else text), code


def _merged(asked: tuple[Touch, ...], done: tuple[Touch, ...]) -> tuple[Touch, ...]:
    """Return the touches of a call, with what its answer tells of the same files."""
    if asked and done and asked[0].op == "read" and done[0].path in {"", asked[0].path}:
        return (asked[0]._replace(first=done[0].first, last=done[0].last), *asked[1:])
    return asked or tuple(touch for touch in done if touch.path)


def _argument(arguments: Mapping[str, Any], *names: str) -> str:
    return next((arguments[name] for name in names if isinstance(arguments.get(name), str)), "")


def _brief(arguments: Mapping[str, Any]) -> str:
    """Return arguments on one line, the usual single text as it is."""
    values = list(arguments.values())
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return dumps(arguments, ensure_ascii=False) if arguments else ""


def _changes(arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield an edit as the lines that it takes away and adds."""
    patch = _argument(arguments, "patch", "input")
    if patch:
        yield from patch.splitlines()
        return
    replaced = list(_replaced(arguments))
    for change in replaced:
        yield from _difference(change.old, change.new)
    if not replaced:
        yield _brief({key: value for key, value in arguments.items() if key not in {"file_path", "path"}})


def _replaced(arguments: Mapping[str, Any]) -> Iterator[Change]:
    edits = arguments.get("edits")
    for edit in edits if isinstance(edits, list) else (arguments,):
        if isinstance(edit, Mapping):
            old = _argument(edit, "old_string", "old_str", "oldString")
            new = _argument(edit, "new_string", "new_str", "newString", "new_source")
            if old or new:
                yield Change(old, new, edit.get("replace_all") is True or edit.get("replaceAll") is True)


def _difference(old: str, new: str) -> Iterator[str]:
    before, after = old.splitlines(), new.splitlines()
    if len(before) * len(after) > 250_000:
        yield from (f"-{line}" for line in before)
        yield from (f"+{line}" for line in after)
        return
    for group in SequenceMatcher(None, before, after, autojunk=False).get_grouped_opcodes(_CONTEXT):
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (f" {line}" for line in before[i1:i2])
            else:
                yield from (f"-{line}" for line in before[i1:i2])
                yield from (f"+{line}" for line in after[j1:j2])


def _needless(found: Sequence[Unit]) -> Iterator[Unit]:
    """Yield the units, those that later ones make needless marked."""
    marks: dict[int, str] = {}
    read: dict[str, list[tuple[int, int, int]]] = {}
    seen: dict[tuple[str, str], int] = {}
    planned = 0
    for place in range(len(found) - 1, -1, -1):
        unit = found[place]
        if unit.kind != "exchange" or unit.failed:
            continue
        if unit.op == "plan":
            if planned:
                marks[place] = f"a newer plan: {planned}"
            planned = planned or unit.seq
        elif unit.op == "read" and len(unit.touches) == 1:
            touch = unit.touches[0]
            later = next((r for r in read.get(touch.path, ()) if _covers(r, touch)), None)
            if later:
                marks[place] = f"read again: {later[2]}"
            read.setdefault(touch.path, []).append((touch.first, touch.last, unit.seq))
        elif len(unit.text) > _LONG_ECHO:
            key = (unit.head if unit.op in {"edit", "write"} else "", unit.text)
            if key in seen:
                marks[place] = f"came again: {seen[key]}"
            seen.setdefault(key, unit.seq)
    for place, unit in enumerate(found):
        yield unit._replace(needless=marks[place]) if place in marks else unit


def _covers(later: tuple[int, int, int], touch: Touch) -> bool:
    """Return whether a later read shows all lines of an earlier one. Without numbers both were of the whole file."""
    first, last, _ = later
    return (first <= touch.first and touch.last <= last) if touch.last and last else not touch.last and not last
