"""The agents' tools, in each other's words: a call of one agent's tool as the call of another's that does the same.

Each agent's vocabulary names its tools by what they do (`run`, `read`, `write`, `edit`, ...) and their arguments by what they
mean; a pair's table is made of two vocabularies. Names and arguments as the agents' own requests offer them (Claude Code
2.1.329, Codex 0.169, Gemini CLI 0.61, opencode 1.18, Qwen Code 0.24), older names to be read besides. Arguments that the
other side has no word for are kept under their own names: nothing of a call is lost, and it comes back as it was.
"""

import shlex
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from segue.core.together import patching


class Mapped(NamedTuple):
    """A call in the target's words."""

    name: str
    arguments: dict[str, Any]
    note: str = ""
    """What the target's words do not say, in a clause."""


class Meant(NamedTuple):
    """What a call does: an operation, its arguments by meaning, and those that only its own agent has a word for."""

    op: str
    fields: dict[str, Any]
    rest: dict[str, Any]
    told: Mapping[str, str] = {}
    """Meaning -> the word that the argument had."""


class Tool(NamedTuple):
    """An agent's tool: what it does, its name, and its words for the arguments (the first of several is written)."""

    op: str
    name: str
    words: Mapping[str, tuple[str, ...]]


def _tool(op: str, name: str, **words: str) -> Tool:
    return Tool(op, name, {meaning: tuple(told.split()) for meaning, told in words.items()})


_EDIT: Final = {"path": "file_path", "old": "old_string", "new": "new_string", "everywhere": "replace_all"}
_SUBAGENT: Final = {"title": "description", "prompt": "prompt", "kind": "subagent_type"}
_OPENCODE_EDIT: Final = {"path": "filePath", "old": "oldString", "new": "newString", "everywhere": "replaceAll"}

VOCABULARIES: Final[Mapping[str, tuple[Tool, ...]]] = {
    "claude-code": (
        _tool("run", "Bash", command="command", timeout="timeout", title="description", behind="run_in_background"),
        _tool("read", "Read", path="file_path", first="offset", count="limit"),
        _tool("write", "Write", path="file_path", content="content"),
        _tool("edit", "Edit", **_EDIT),
        _tool("edits", "MultiEdit", path="file_path", edits="edits"),
        _tool("search", "Grep", pattern="pattern", path="path", include="glob"),
        _tool("find", "Glob", pattern="pattern", path="path"),
        _tool("list", "LS", path="path"),
        _tool("fetch", "WebFetch", url="url", prompt="prompt"),
        _tool("web", "WebSearch", query="query"),
        _tool("plan", "TodoWrite", steps="todos", text="content"),
        _tool("delegate", "Task", **_SUBAGENT),
        _tool("delegate", "Agent", **_SUBAGENT),
    ),
    "codex": (
        _tool("run", "exec_command", command="cmd command", place="workdir", timeout="timeout_ms"),
        _tool("run", "shell", command="command cmd", place="workdir", timeout="timeout_ms"),
        _tool("run", "shell_command", command="command", place="workdir", timeout="timeout_ms"),
        _tool("run", "local_shell", command="command", place="working_directory workdir", timeout="timeout_ms"),
        _tool("run", "container.exec", command="cmd", place="workdir"),
        _tool("patch", "apply_patch", patch="input patch"),
        _tool("plan", "update_plan", steps="plan", text="step"),
    ),
    "gemini-cli": (
        _tool("run", "run_shell_command", command="command", title="description", place="dir_path directory"),
        _tool("read", "read_file", path="file_path absolute_path", start="start_line", end="end_line"),
        _tool("write", "write_file", path="file_path", content="content"),
        _tool("edit", "replace", path="file_path", old="old_string", new="new_string", everywhere="allow_multiple"),
        _tool("search", "grep_search", pattern="pattern", path="dir_path path", include="include_pattern include"),
        _tool("search", "search_file_content", pattern="pattern", path="dir_path path", include="include"),
        _tool("find", "glob", pattern="pattern", path="dir_path path"),
        _tool("list", "list_directory", path="dir_path path"),
        _tool("web", "google_web_search", query="query"),
        _tool("plan", "write_todos", steps="todos", text="description"),
    ),
    "qwen-code": (
        _tool("run", "run_shell_command", command="command", title="description", place="directory", behind="is_background"),
        _tool("read", "read_file", path="file_path absolute_path", skip="offset", count="limit"),
        _tool("write", "write_file", path="file_path", content="content"),
        _tool("edit", "edit", **_EDIT),
        _tool("search", "grep_search", pattern="pattern", path="path", include="glob"),
        _tool("find", "glob", pattern="pattern", path="path"),
        _tool("list", "list_directory", path="path"),
        _tool("fetch", "web_fetch", url="url", prompt="prompt"),
        _tool("web", "web_search", query="query"),
        _tool("plan", "todo_write", steps="todos", text="content"),
        _tool("delegate", "task", **_SUBAGENT),
        _tool("delegate", "agent", **_SUBAGENT),
    ),
    "opencode": (
        _tool("run", "bash", command="command", timeout="timeout", title="description", place="workdir"),
        _tool("read", "read", path="filePath", first="offset", count="limit"),
        _tool("write", "write", path="filePath", content="content"),
        _tool("edit", "edit", **_OPENCODE_EDIT),
        _tool("patch", "apply_patch", patch="patchText"),
        _tool("search", "grep", pattern="pattern", path="path", include="include"),
        _tool("find", "glob", pattern="pattern", path="path"),
        _tool("list", "list", path="path"),
        _tool("fetch", "webfetch", url="url", prompt="prompt"),
        _tool("web", "websearch", query="query"),
        _tool("plan", "todowrite", steps="todos", text="content"),
        _tool("delegate", "task", **_SUBAGENT),
    ),
}
"""Agent -> its tools; of several that do the same, the first is written."""

_NEEDED: Final = {
    "run": ("command",),
    "read": ("path",),
    "write": ("path", "content"),
    "edit": ("path", "old", "new"),
    "edits": ("path", "edits"),
    "patch": ("patch",),
    "search": ("pattern",),
    "find": ("pattern",),
    "list": ("path",),
    "fetch": ("url",),
    "web": ("query",),
    "plan": ("steps",),
    "delegate": ("prompt",),
}


def map_call(source: str, target: str, name: str, arguments: Mapping[str, Any]) -> Mapped | None:
    """Return a call of *source*'s tool *name* in the words of *target*; None where it has no tool that does the same.

    A call whose arguments are not what the tool takes is not mapped. Deterministic.
    """
    theirs = VOCABULARIES.get(target)
    if theirs is None:
        return None
    for vocabulary in [VOCABULARIES[source]] if source in VOCABULARIES else VOCABULARIES.values():
        meant = _meant(vocabulary, name, arguments)
        if meant is not None:
            return _in_words(theirs, meant) or _by_other_means(theirs, meant)
    return None


def names(agent: str) -> dict[str, str]:
    """Return what *agent* calls the tool for each operation; nothing of an agent whose tools are not known."""
    found: dict[str, str] = {}
    for tool in VOCABULARIES.get(agent, ()):
        found.setdefault(tool.op, tool.name)
    return found


def _meant(vocabulary: tuple[Tool, ...], name: str, arguments: Mapping[str, Any]) -> Meant | None:
    for tool in vocabulary:
        if tool.name != name:
            continue
        fields: dict[str, Any] = {}
        rest = dict(arguments)
        told: dict[str, str] = {}
        for meaning, words in tool.words.items():
            if meaning == "text":
                continue
            word = next((w for w in words if w in rest), None)
            if word is not None:
                fields[meaning], told[meaning] = rest.pop(word), word
        meant = _settled(tool, Meant(tool.op, fields, rest, told))
        if all(_sound(tool.op, need, meant.fields.get(need)) for need in _NEEDED[tool.op]):
            return meant
    return None


def _sound(op: str, need: str, value: Any) -> bool:
    if need in {"edits", "steps"}:
        return isinstance(value, list) and all(isinstance(item, Mapping) for item in value)
    return isinstance(value, str) and (bool(value) or (op, need) in {("edit", "old"), ("edit", "new"), ("write", "content")})


def _settled(tool: Tool, meant: Meant) -> Meant:
    """Return the arguments in one form, whatever the agent's is: a command as a line, a step's text as `text`, lines from 1."""
    fields = meant.fields
    command = fields.get("command")
    if isinstance(command, list) and command and all(isinstance(word, str) for word in command):
        shell = len(command) == 3 and command[0].rpartition("/")[2] in {"bash", "sh", "zsh"} and command[1] in {"-c", "-lc"}
        fields["command"] = command[2] if shell else shlex.join(command)
    if isinstance(fields.get("steps"), list) and (word := tool.words["text"][0]) != "text":
        fields["steps"] = [_renamed(step, word, "text") for step in fields["steps"]]
    start, end = fields.get("start"), fields.get("end")
    if _line(start) and (end is None or _line(end)):
        fields["first"] = fields.pop("start")
        if fields.pop("end", None) is not None:
            fields["count"] = int(end or 0) - int(start or 0) + 1
    if isinstance(fields.get("skip"), int):
        fields["first"] = fields.pop("skip") + 1
    return meant


def _in_words(vocabulary: tuple[Tool, ...], meant: Meant) -> Mapped | None:
    tool = next((tool for tool in vocabulary if tool.op == meant.op), None)
    if tool is None:
        return None
    fields = dict(meant.fields)
    first, count = fields.get("first"), fields.get("count")
    if "start" in tool.words and _line(first):
        fields["start"] = fields.pop("first")
        if _line(count):
            fields["end"] = first + fields.pop("count") - 1
    elif "skip" in tool.words and _line(first):
        fields["skip"] = fields.pop("first") - 1
    if "steps" in fields and (word := tool.words["text"][0]) != "text":
        fields["steps"] = [_renamed(step, "text", word) for step in fields["steps"]]
    found: dict[str, Any] = {}
    unsaid: dict[str, Any] = dict(meant.rest)
    for meaning, value in fields.items():
        words = tool.words.get(meaning)
        if words:
            found[words[0]] = value
        else:
            unsaid[meant.told.get(meaning, meaning)] = value
    if not unsaid.keys().isdisjoint(found):
        return None
    return Mapped(tool.name, found | unsaid)


def _by_other_means(vocabulary: tuple[Tool, ...], meant: Meant) -> Mapped | None:
    """Return a call that does the same by another operation: a patch for an edit, a command for a read."""
    can = {tool.op for tool in vocabulary}
    fields, rest = meant.fields, meant.rest
    if meant.op == "patch":
        whole = patching.parse(fields["patch"])
        if whole is not None and whole.op in can and not rest:
            return _in_words(vocabulary, Meant(whole.op, whole.fields, {}))
        command = f"apply_patch <<'PATCH'\n{fields['patch'].rstrip()}\nPATCH"
        return _in_words(vocabulary, Meant("run", {"command": command}, rest)) if "run" in can else None
    if meant.op in {"write", "edit", "edits"} and "patch" in can:
        patch = patching.render(meant.op, fields)
        if patch is None or rest:
            return None
        mapped = _in_words(vocabulary, Meant("patch", {"patch": patch.text}, {}))
        return mapped._replace(note=patch.note) if mapped else None
    command = _command(meant)
    return _in_words(vocabulary, Meant("run", {"command": command}, {})) if command and "run" in can else None


def _command(meant: Meant) -> str:
    """Return a command that does what a call does, as far as one does; empty: none does."""
    fields, rest = meant.fields, meant.rest
    if rest or not fields.keys() <= {"path", "first", "count", "pattern", "include"}:
        return ""
    path = fields.get("path", ".")
    if not isinstance(path, str) or not all(isinstance(fields.get(name, ""), str) for name in ("pattern", "include")):
        return ""
    quoted = shlex.quote(path)
    if meant.op == "read":
        first, count = fields.get("first"), fields.get("count")
        if first is None and count is None:
            return f"cat -n {quoted}"
        if (first is None or _line(first)) and (count is None or _line(count)):
            begin = first or 1
            return f"cat -n {quoted} | sed -n '{begin},{begin + count - 1 if count else '$'}p'"
    elif meant.op == "list":
        return f"ls -la {quoted}"
    elif meant.op == "search":
        include = f" -g {shlex.quote(fields['include'])}" if fields.get("include") else ""
        return f"rg -n{include} -e {shlex.quote(fields['pattern'])} {quoted}"
    elif meant.op == "find":
        return f"rg --files -g {shlex.quote(fields['pattern'])} {quoted}"
    return ""


def _renamed(step: Mapping[str, Any], old: str, new: str) -> dict[str, Any]:
    return {new if key == old else key: value for key, value in step.items()}


def _line(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0
