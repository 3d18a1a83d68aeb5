"""What the branches of a session hold, by turns and tools: the answers of the SDK's own advanced session."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from json import dumps
from typing import Any, Final

from segue.integrations.openai_agents._items import fresh, is_user
from segue.integrations.openai_agents._lines import Lines, Said, turns

_CALLS: Final = frozenset({
    "tool_call", "function_call", "computer_call", "file_search_call", "web_search_call", "code_interpreter_call",
    "tool_search_call", "custom_tool_call", "mcp_call", "mcp_approval_request", "shell_call", "apply_patch_call",
})  # fmt: skip
_NAMELESS: Final = frozenset({
    "computer_call", "file_search_call", "web_search_call", "code_interpreter_call", "shell_call", "apply_patch_call",
    "tool_search_call", "tool_search_output",
})  # fmt: skip
_COUNTS: Final = ("requests", "input_tokens", "output_tokens", "total_tokens")
_DETAILS: Final = ("input_tokens_details", "output_tokens_details")


def branches(lines: Lines, current: str) -> list[dict[str, Any]]:
    """Return the branches that hold something, the oldest first."""
    found = [
        {
            "branch_id": name,
            "message_count": len(line),
            "user_turns": sum(is_user(said.item) for said in line),
            "is_current": name == current,
            "created_at": lines.begun.get(name, line[0].at),
        }
        for name, line in lines.said.items()
        if line
    ]
    return sorted(found, key=lambda branch: branch["created_at"])


def begins(line: list[Said], turn: int) -> int | None:
    """Return where in *line* a turn begins; None where it has no user's message."""
    number = 0
    for place, said in enumerate(line):
        number += is_user(said.item)
        if number == turn and is_user(said.item):
            return place
    return None


def user_turns(line: list[Said], most: int | None = 100) -> list[dict[str, Any]]:
    """Return what the user said in each turn; `content` has at most *most* characters of it."""
    return [
        {
            "turn": turn.number,
            "content": _preview(content, most),
            "full_content": content,
            "timestamp": turn.said[0].at,
            "can_branch": True,
        }
        for turn in turns(line)
        if turn.number
        for content in [fresh(turn.said[0].item.get("content", ""))]
    ]


def matching(line: list[Said], term: str) -> list[dict[str, Any]]:
    """Return the turns whose user's message contains *term*, whatever the case of its ASCII letters."""
    wanted = re.compile(re.escape(term), re.IGNORECASE | re.ASCII)
    return [turn for turn in user_turns(line, None) if any(map(wanted.search, _texts(turn["full_content"])))]


def by_turns(line: list[Said]) -> dict[int, list[dict[str, str | None]]]:
    """Return of each turn the kinds of what was said, and the tools."""
    return {
        turn.number: [{"type": _kind(said.item), "tool_name": _tool(said.item)} for said in turn.said] for turn in turns(line)
    }


def tools(line: list[Said]) -> list[tuple[str | None, int, int]]:
    """Return (tool, how often, turn), in the order of the turns."""
    return [(tool, n, turn.number) for turn in turns(line) for tool, n in sorted(Counter(_used(turn.said)).items(), key=str)]


def _used(said: list[Said]) -> Iterator[str | None]:
    searched = any(_kind(s.item) == "tool_search_call" for s in said)
    for one in said:
        kind = _kind(one.item)
        if kind in _CALLS or (kind == "tool_search_output" and not searched):
            yield _tool(one.item)


def turn_usage(lines: Lines, branch: str) -> dict[int, Mapping[str, Any]]:
    """Return what runs used in each turn of *branch* that is still there."""
    found = {turn.number: lines.turns.get((branch, turn.said[0].seq)) for turn in turns(lines.said.get(branch, []))}
    return {turn: used for turn, used in found.items() if used is not None}


def counted(used: Mapping[str, Any]) -> dict[str, Any]:
    """Return a turn's usage as the SDK tells it."""
    return {name: fresh(used.get(name, 0)) for name in _COUNTS} | {name: fresh(used.get(name)) for name in _DETAILS}


def summed(lines: Lines, branch: str | None) -> dict[str, int] | None:
    """Return what runs used in the turns of a branch, or of all; None where nothing is known."""
    found = [used for name in lines.said if branch in {None, name} for used in turn_usage(lines, name).values()]
    return {name: sum(used.get(name, 0) for used in found) for name in _COUNTS} | {"total_turns": len(found)} if found else None


def told(usage: Any) -> dict[str, Any]:
    """Return the SDK's `Usage` as JSON."""
    details = {name: _detail(getattr(usage, name, None)) for name in _DETAILS}
    return {name: getattr(usage, name) or 0 for name in _COUNTS} | details


def spent(usage: Any) -> dict[str, int]:
    """Return the tokens of a `Usage`, or of one request of it, by our names."""
    read, made = (_detail(getattr(usage, name, None)) or {} for name in _DETAILS)
    return {
        "input_tokens": usage.input_tokens or 0,
        "output_tokens": usage.output_tokens or 0,
        "cache_read_tokens": read.get("cached_tokens") or 0,
        "cache_write_tokens": read.get("cache_write_tokens") or 0,
        "reasoning_tokens": made.get("reasoning_tokens") or 0,
    }


def _detail(details: Any) -> dict[str, Any] | None:
    if not details:
        return None
    return {name: value for name, value in vars(details).items() if isinstance(value, (int, float, str, type(None)))}


def _kind(item: Any) -> str:
    if not isinstance(item, dict):
        return "other"
    if item.get("role") in {"user", "assistant"}:
        return str(item["role"])
    return str(item.get("type") or "other")


def _tool(item: Any) -> str | None:
    """Return the name of the tool that an item calls or answers for; None for what has none."""
    kind = item.get("type") if isinstance(item, dict) else None
    if kind in _NAMELESS:
        return "tool_search" if kind.startswith("tool_search") else str(kind)
    name = item.get("name") if isinstance(item, dict) else None
    if kind in {"mcp_call", "mcp_approval_request"} and "server_label" in item:
        return ".".join(str(part) for part in (item["server_label"], name) if part) or None
    if name is None:
        return None
    space = item.get("namespace")
    return f"{space}.{name}" if space is not None and space not in {"", name} else str(name)


def _preview(content: Any, most: int | None) -> str:
    text = content if isinstance(content, str) else dumps(content, ensure_ascii=False)
    return text if most is None or len(text) <= most else text[:most] + "..."


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [str(part.get("text", "")) for part in parts if isinstance(part, dict)]
