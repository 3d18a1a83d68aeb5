"""What the model does, as the last prompt of the user says it.

    [[plan]]        writes notes.txt, reads it, edits it, lists the directory; then says `PLANTED-FACT-7741`
    [[sh COMMAND]]  runs COMMAND; then says it is done
    [[delegate]]    has a subagent run `echo from-subagent`; then says it is done (Claude Code alone)
    [[tool NAME]]   calls the tool on offer whose name ends so, without arguments; then says it is done
    [[tool NAME a=7; b=some words]]  the same with arguments
    [[say TEXT]]    says TEXT
    [[many N]]      runs N short commands, one after another
    [[slow S]]      says sixty words, over S seconds
    [[error CODE]]  the provider answers with that status
    [[limit]]       the provider answers that the usage limit is reached (429)

How far the model is follows from the results behind the prompt, so a conversation that goes on in another agent goes on here
as well. Abstract actions become the tools that the request offers.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from .shapes import Answer, Call, Request, Result, Said

_TAG = re.compile(r"\[\[(\w+)(?:\s+(.*?))?\]\]", re.DOTALL)
_SUMMARISE = re.compile(r"<state_snapshot>|CONTEXT CHECKPOINT COMPACTION|create a detailed summary")
SUMMARY = "<state_snapshot>The user wants notes. SUMMARY-FACT-8812.</state_snapshot>"
"""What the model says when an agent asks it to condense the conversation."""
FACT = "Done: I created notes.txt with three lines. The planted fact is PLANTED-FACT-7741."

Step = tuple[str, Mapping[str, Any]]


def answer(request: Request, directory: str, number: int) -> Answer:
    """Return what the model does now; *number* counts the requests and makes ids unique."""
    last = max((i for i, item in enumerate(request.conversation) if isinstance(item, Said) and item.role == "user"), default=-1)
    tag, argument, start = _latest_tag(request)
    done = sum(isinstance(item, Result) for item in request.conversation[start + 1 :])
    size = sum(len(str(item)) for item in request.conversation) // 4 + 1
    found = _act(request, tag, argument, done, directory, number) if last >= 0 else Answer("Hello.")
    spoken = len(found.text) // 4 + 12 * len(found.calls) + 1
    return Answer(found.text, found.calls, found.delay, found.status, size, spoken)


def _latest_tag(request: Request) -> tuple[str, str, int]:
    for i in range(len(request.conversation) - 1, -1, -1):
        item = request.conversation[i]
        if isinstance(item, Said) and item.role == "user":
            tags = _TAG.findall(item.text)
            if tags:
                return tags[-1][0], tags[-1][1], i
            if i > max((j for j, other in enumerate(request.conversation) if isinstance(other, (Call, Result))), default=-1):
                return "", "", i
    return "", "", -1


def _act(request: Request, tag: str, argument: str, done: int, directory: str, number: int) -> Answer:
    if tag == "say":
        return Answer(argument)
    if tag == "slow":
        words = " ".join(f"word{i}" for i in range(60))
        return Answer(words, delay=float(argument) / 60)
    if tag == "error":
        return Answer(status=int(argument))
    if tag == "limit":
        return Answer(status=429)
    steps = _steps(tag, argument, directory) if request.tools else []  # no tools: asked for a title
    if done < len(steps):
        action, details = steps[done]
        return Answer(f"Step {done + 1}.", (_call(request.tools, action, details, f"toolu_{number:06d}"),))
    if not tag and _SUMMARISE.search(request.said("user")[-1]):
        return Answer(SUMMARY)
    return Answer(FACT if tag == "plan" else f"Done after {done} steps." if steps else "I read what you wrote.")


def _steps(tag: str, argument: str, directory: str) -> Sequence[Step]:
    if tag == "plan":
        path = f"{directory}/notes.txt"
        return [
            ("write", {"path": path, "text": "alpha\nbeta\ngamma\n"}),
            ("read", {"path": path}),
            ("edit", {"path": path, "old": "beta", "new": "BETA"}),
            ("run", {"command": "ls -la && cat notes.txt"}),
        ]
    if tag == "sh":
        return [("run", {"command": argument})]
    if tag == "many":
        return [("run", {"command": f"echo line {i}"}) for i in range(int(argument))]
    if tag == "delegate":
        return [("delegate", {"prompt": "Please run this [[sh echo from-subagent]]"})]
    if tag == "tool":
        name, _, given = argument.partition(" ")
        pairs = [pair.strip().partition("=") for pair in given.split(";") if pair.strip()]
        arguments = {key: int(value) if value.isdigit() else value for key, _, value in pairs}
        return [("call", {"name": name, "arguments": arguments})]
    return []


def _call(tools: Sequence[str], action: str, details: Mapping[str, Any], id_: str) -> Call:
    if action == "call":
        name = next((name for name in tools if name.endswith(details["name"])), details["name"])
        return Call(id_, name, details["arguments"])
    for name, make in _TOOLS[action]:
        if name in tools:
            found = make(details)
            return Call(id_, name, _snake(found) if "write_file" in tools else found)
    for name, make in _TOOLS["run"]:
        if name in tools:
            return Call(id_, name, make({"command": _as_command(action, details)}))
    name, make = _TOOLS[action][0]
    return Call(id_, name, make(details))


def _snake(arguments: dict[str, Any]) -> dict[str, Any]:
    """Return *arguments* with names such as file_path: Qwen Code's `edit` has opencode's name, but not its form."""
    return {re.sub(r"([A-Z])", lambda m: f"_{m[1].lower()}", name): value for name, value in arguments.items()}


def _as_command(action: str, details: Mapping[str, Any]) -> str:
    if action == "write":
        return f"printf '%s' {details['text']!r} > {details['path']}".replace("\\n", "\n")
    if action == "read":
        return f"cat {details['path']}"
    if action == "edit":
        return f"sed -i 's/{details['old']}/{details['new']}/' {details['path']}"
    return str(details["command"])


Make = Callable[[Mapping[str, Any]], dict[str, Any]]

_TOOLS: dict[str, list[tuple[str, Make]]] = {
    "delegate": [
        (name, lambda d: {"description": "look", "prompt": d["prompt"], "subagent_type": "general-purpose"})
        for name in ("Agent", "Task")
    ],
    "write": [
        ("Write", lambda d: {"file_path": d["path"], "content": d["text"]}),
        ("write_file", lambda d: {"file_path": d["path"], "content": d["text"]}),
        ("write", lambda d: {"filePath": d["path"], "content": d["text"]}),
    ],
    "read": [
        ("Read", lambda d: {"file_path": d["path"]}),
        ("read_file", lambda d: {"file_path": d["path"], "absolute_path": d["path"]}),
        ("read", lambda d: {"filePath": d["path"]}),
    ],
    "edit": [
        ("Edit", lambda d: {"file_path": d["path"], "old_string": d["old"], "new_string": d["new"]}),
        (
            "replace",
            lambda d: {"file_path": d["path"], "old_string": d["old"], "new_string": d["new"], "instruction": "change it"},
        ),
        ("edit", lambda d: {"filePath": d["path"], "oldString": d["old"], "newString": d["new"]}),
    ],
    "run": [
        ("Bash", lambda d: {"command": d["command"], "description": "run a command"}),
        ("exec_command", lambda d: {"cmd": d["command"]}),
        ("shell", lambda d: {"command": ["bash", "-lc", d["command"]]}),
        ("run_shell_command", lambda d: {"command": d["command"], "description": "run a command", "is_background": False}),
        ("bash", lambda d: {"command": d["command"], "description": "run a command"}),
    ],
}
