"""What a packer sees of a conversation: one item per thing said, called or answered, in the order of the conversation.

An item is a view of a part of an event: `seq` names the event, which has the whole and stays. Agents name their tools in
many ways; here they are one of a few operations (`read`, `edit`, `write`, `search`, `run`, `plan`), with the files touched.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from json import dumps
from typing import Any, Final, Literal, NamedTuple

from segue.core.log.events import MAIN, Event
from segue.core.session.tree import active_chain

ItemKind = Literal["instruction", "prose", "reasoning", "call", "result", "error", "summary", "injected", "media", "missing"]
Op = Literal["read", "edit", "write", "search", "run", "plan", "other"]

_TOOLS: Final[dict[str, Op]] = {
    **dict.fromkeys(("read", "read_file", "readfile", "view", "view_file", "notebookread", "read_many_files", "cat"), "read"),
    **dict.fromkeys(("edit", "multiedit", "replace", "str_replace", "apply_patch", "patch", "notebookedit", "edit_file"), "edit"),
    **dict.fromkeys(("str_replace_editor", "str_replace_based_edit_tool"), "edit"),
    **dict.fromkeys(("write", "write_file", "create_file", "writefile"), "write"),
    **dict.fromkeys(("grep", "glob", "search", "ls", "list", "list_directory", "search_file_content", "find"), "search"),
    **dict.fromkeys(("bash", "shell", "run_shell_command", "exec_command", "local_shell", "execute_command", "terminal"), "run"),
    **dict.fromkeys(("taskoutput", "bashoutput", "bash_output", "write_stdin"), "run"),  # what a command in the background says
    **dict.fromkeys(("todowrite", "update_plan", "write_todos", "todo_write", "exitplanmode", "exit_plan_mode"), "plan"),
}
_PATH_KEYS: Final = ("file_path", "filePath", "path", "absolute_path", "notebook_path", "target_file", "filename", "file")
_MEDIA: Final = ("blob", "uri", "file")
_COMMAND_KEYS: Final = ("command", "cmd", "script")
_PATCHED: Final = re.compile(r"^\*\*\* (Add|Update|Delete) File: (.+)$", re.MULTILINE)
_MENTIONED: Final = re.compile(
    r"(?<![\w/.@:-])(?:~?/?(?:[\w.@+-]+/)+[\w@+-][\w.@+-]*\.[A-Za-z][A-Za-z0-9]{0,9}|[\w@+-][\w.@+-]*\.[a-z][a-z0-9]{0,8})(?![\w/-])"
)
_EXTENSIONS: Final = frozenset(
    """astro bash bat bib c cc cfg clj cmake conf cpp cs css csv cxx dart db dockerfile eex el env erl ex exs fish fs gleam go
    gql gradle graphql h haml hbs heex hpp hrl hs htm html ini ipynb j2 java jinja jl js json json5 jsonc jsonl jsx kt kts less
    lock log lua m md mdx mjs mk ml mod nix php pl plist pm png po properties proto ps1 psql pug py pyi pyx r rb rs rst sass
    sbt scala scss service sh sql sqlite sum svelte svg swift tcl template tex tf toml ts tsv tsx txt vb vim vue xml yaml yml
    zig zsh""".split()  # noqa: SIM905 - a list of a hundred lines says no more
)
"""What a name without a directory must end with to be taken for a file's: `Enum.take` is none."""
_NUMBERED: Final = re.compile(r"^ *(\d+)(?:→|\t|: |\|)", re.MULTILINE)


class Touch(NamedTuple):
    """A file and what was done with it; of a read, the lines (0: not known)."""

    path: str
    op: Op
    first: int = 0
    last: int = 0


class Item(NamedTuple):
    """One thing said, called or answered. `call` joins a call and its answer."""

    seq: int
    at: str
    kind: ItemKind
    text: str
    call: str = ""
    tool: str = ""
    op: Op = "other"
    arguments: Mapping[str, Any] = {}
    touches: tuple[Touch, ...] = ()


def op_of(tool: str) -> Op:
    """Return what a tool does, by its name in any agent (`mcp__files__read_file` is a `read`)."""
    name = tool.lower()
    return _TOOLS.get(name) or _TOOLS.get(name.rsplit("__", 1)[-1].rsplit(".", 1)[-1], "other")


def mentions(text: str) -> list[str]:
    """Return the file paths that *text* (a command, prose) names, in order, each once."""
    dotted = " ".join([word for word in text.split() if "." in word])  # no path has a space: most of a text need not be looked at
    found = (path for path in _MENTIONED.findall(dotted) if "/" in path or path.rsplit(".", 1)[-1] in _EXTENSIONS)
    return list(dict.fromkeys(found))


def from_events(events: Iterable[Event], stream: str = MAIN) -> list[Item]:
    """Return the items of *stream*'s active line.

    Agents write the calls of one message as siblings, so that of parallel calls only one path is on the line from the root
    to the head. Whatever belongs to a message or a call on the line is taken along, in the order of the log.
    """
    events = list(events)
    line = active_chain(events, stream)
    return [item for event in _with_siblings(line, events, stream) for item in items_of(event)]


def _with_siblings(line: list[Event], events: list[Event], stream: str) -> list[Event]:
    places = {event.node: place for place, event in enumerate(line)}
    messages = {name: place for place, event in enumerate(line) if (name := message_id(event))}
    calls: dict[str, int] = {}
    for place, event in enumerate(line):
        calls |= dict.fromkeys(_ids(event, "tool_call"), place)
    beside: dict[str, tuple[int, Event]] = {}
    for event in events:
        if event.kind != "message" or event.stream != stream or event.node in places:
            continue
        at = messages.get(message_id(event))
        if at is not None:
            calls |= dict.fromkeys(_ids(event, "tool_call"), at)
        else:
            at = max((calls[i] for i in _ids(event, "tool_call_response") if i in calls), default=None)
        if at is not None:
            beside[event.node] = (at, event)  # the newest revision of a node counts
    if not beside:
        return line
    placed = [(place, event.seq, event) for place, event in enumerate(line)]
    placed += [(place, event.seq, event) for place, event in beside.values()]
    return [event for _, _, event in sorted(placed, key=lambda entry: entry[:2])]


def _parts(event: Event) -> Iterator[Mapping[str, Any]]:
    parts = event.body.get("parts")
    return (part for part in parts if isinstance(part, Mapping)) if isinstance(parts, list) else iter(())


def message_id(event: Event) -> str:
    """Return the provider's id of a message, empty where it has none."""
    found = event.body.get("message_id")
    return found if isinstance(found, str) else ""


def _ids(event: Event, kind: str) -> list[str]:
    return [part["id"] for part in _parts(event) if part.get("type") == kind and isinstance(part.get("id"), str)]


def items_of(event: Event) -> Iterator[Item]:
    """Yield the items of one event; an event without meaning for a reader (a progress record, say) has none."""
    if event.kind == "compaction":
        if summary := plain(event.body.get("summary")):
            yield Item(event.seq, event.at, "summary", summary)
        return
    if event.kind != "message":
        return
    if event.erased:
        yield Item(event.seq, event.at, "missing", "")
    for part in _parts(event):
        item = _item(event, part)
        if item is not None:
            yield item


def _item(event: Event, part: Mapping[str, Any]) -> Item | None:
    kind = part.get("type")
    if kind == "tool_call":
        return _call(event, part)
    if kind == "tool_call_response":
        text = plain(part.get("response"))
        identity = part.get("id") if isinstance(part.get("id"), str) else ""
        touches = tuple(_effects(event, identity or "")) or _read_lines(text)
        return Item(
            event.seq, event.at, "error" if part.get("is_error") is True else "result", text, identity or "", touches=touches
        )
    text = plain(part.get("content"))
    if kind == "reasoning":
        return Item(event.seq, event.at, "reasoning", text) if text.strip() else None
    if kind in _MEDIA:
        return Item(event.seq, event.at, "media", _shown(part))
    if not text.strip():
        return None
    if event.body.get("meta") is True:
        return Item(event.seq, event.at, "summary" if _is_summary(text) else "injected", text)
    return Item(event.seq, event.at, "instruction" if event.body.get("role") == "user" else "prose", text.strip())


def _is_summary(text: str) -> bool:
    return text.startswith("This session is being continued from a previous conversation")


def _call(event: Event, part: Mapping[str, Any]) -> Item:
    tool = part.get("name") if isinstance(part.get("name"), str) else ""
    given = part.get("arguments")
    arguments = given if isinstance(given, Mapping) else {"input": given} if given not in (None, "") else {}
    op = op_of(tool or "")
    identity = part.get("id") if isinstance(part.get("id"), str) else ""
    touches = tuple(_touches(op, arguments))
    return Item(event.seq, event.at, "call", "", identity or "", tool or "tool", op, arguments, touches)


def _touches(op: Op, arguments: Mapping[str, Any]) -> Iterator[Touch]:
    for key in _PATH_KEYS:
        path = arguments.get(key)
        if isinstance(path, str) and path:
            yield Touch(path, op)
            break
    patch = arguments.get("patch") or arguments.get("input")
    if isinstance(patch, str):
        for verb, path in _PATCHED.findall(patch):
            yield Touch(path.strip(), "write" if verb == "Add" else "edit")
    if op == "run":
        yield from (Touch(path, "run") for path in mentions(command_of(arguments)))


def command_of(arguments: Mapping[str, Any]) -> str:
    """Return the command line of a call that runs one."""
    for key in _COMMAND_KEYS:
        value = arguments.get(key)
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            return " ".join(map(str, value))
    return ""


def _effects(event: Event, call: str) -> Iterator[Touch]:
    effects = event.body.get("effects")
    for effect in effects if isinstance(effects, list) else ():
        if not isinstance(effect, Mapping) or effect.get("call", call) != call or not isinstance(effect.get("path"), str):
            continue
        first, lines = effect.get("first"), effect.get("lines")
        op = effect.get("op")
        touch = Touch(effect["path"], op if op in ("read", "edit", "write", "search", "run") else "other")
        if isinstance(first, int) and isinstance(lines, int) and first > 0 and lines > 0:
            touch = touch._replace(first=first, last=first + lines - 1)
        yield touch


def _read_lines(text: str) -> tuple[Touch, ...]:
    """Return which lines a numbered output shows, as a touch without a path."""
    numbers = _NUMBERED.findall(text)
    if len(numbers) * 2 <= text.count("\n"):
        return ()
    first, last = int(numbers[0]), int(numbers[-1])
    return (Touch("", "read", first, last),) if 0 < first <= last else ()


def _shown(part: Mapping[str, Any]) -> str:
    """Return what stands for a medium where it cannot be seen."""
    what = part.get("modality") or part.get("mime_type") or part.get("type")
    return f"[{what}: {part.get('uri') or part.get('file_id') or 'attached'}]"


def plain(value: Any) -> str:
    """Return any JSON value as text: texts as they are, lists of text parts joined, media as what they are, the rest as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, list):
        return "\n".join(plain(part) for part in value)
    if isinstance(value, Mapping):
        if value.get("type") in _MEDIA and "modality" in value:
            return _shown(value)
        for key in ("content", "text", "output"):
            if isinstance(value.get(key), str):
                return str(value[key])
        return dumps(value, ensure_ascii=False)
    return dumps(value)
