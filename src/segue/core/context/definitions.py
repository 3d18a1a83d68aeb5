"""What an agent sends a model of the tools of an MCP server, and what it calls them.

Found by running the agents with a server of our own against a scripted model, and reading what they sent: Claude Code 2.1.197,
Codex 0.169.0, Gemini CLI 0.61.0, opencode 1.18.33, Qwen Code 0.15.10 (`tests/agents/test_mcp.py` does so again). Cursor and
VS Code were not run: for them the whole definition is counted. All of them drop titles, annotations and output schemas.
"""

import re
from collections.abc import Callable, Mapping
from json import dumps
from typing import Any, Final, NamedTuple

from segue.core.context.tokens import Estimator, Family

CLAUDE_LONGEST: Final = 2048
"""Characters of a description, or of a server's instructions, that Claude Code sends."""
_CUT: Final = "… [truncated]"
_GEMINI_LONGEST: Final = 63
_QWEN_LONGEST: Final = 160
"""Characters of a first line that Qwen Code sends."""
_CODEX_KEPT: Final = frozenset(
    {
        *("type", "description", "properties", "required", "items", "enum", "anyOf", "oneOf", "allOf", "$ref", "$defs"),
        *("definitions", "additionalProperties", "minItems", "maxItems"),
    }
)
"""What Codex leaves of a schema."""
_NAMED: Final = frozenset({"properties", "$defs", "definitions"})
"""Where the keys of a schema are names, not words of the schema."""
_WAIT: Final = {
    "type": "boolean",
    "description": "Set to true to wait for all previously requested tools in this turn to complete before starting. Set to "
    "false (or omit) to run in parallel. Use true when this tool depends on the output of previous tools.",
}
"""What Gemini CLI adds to every tool's arguments."""


DENSITY: Final[Mapping[Family, float]] = {"o200k": 0.89, "claude-3": 0.94, "claude-4.8": 0.96, "gemini": 0.91, "unknown": 0.96}
"""What definitions are of the estimate for any text: the words of a schema are tokens of many characters.

Real tokens by estimated ones, summed over six servers of npm: o200k .88 to .91 as four agents send them, Claude .95 and .97 as
Claude Code does; Gemini: as o200k of what Gemini CLI sends. Single servers are off by 9 % at most.
"""


class DefinitionEstimator(Estimator):
    """Counts the tokens of definitions by estimate."""

    def __init__(self, family: Family) -> None:
        """Count for *family*."""
        super().__init__(family, DENSITY[family])
        self.method = "estimate"


class Tool(NamedTuple):
    """A tool as its server lists it."""

    name: str
    description: str = ""
    schema: Mapping[str, Any] = {}
    raw: Mapping[str, Any] = {}
    """All that the server says of it."""


def tool_of(raw: Any) -> Tool | None:
    """Return a tool of a listing; None for what is no tool: it has no name, or its schema is no object."""
    if not isinstance(raw, dict) or not isinstance(raw.get("name"), str) or not raw["name"]:
        return None
    description, schema = raw.get("description"), raw.get("inputSchema", {})
    if not isinstance(schema, dict):
        return None
    return Tool(raw["name"], description if isinstance(description, str) else "", schema, raw)


def compact(value: Any) -> str:
    """Return *value* as JSON without a space too many."""
    return dumps(value, ensure_ascii=False, separators=(",", ":"))


class _Client(NamedTuple):
    """How one agent names tools, and what it sends of them."""

    called: Callable[[str, str], str]
    sent: Callable[[str, Tool], str]
    instructions: Callable[[str, str], str]


def called(agent: str, server: str, tool: str) -> str:
    """Return how *agent* names a tool of a server in its transcripts, a tool of any name."""
    return _client(agent).called(server, tool)


def sent(agent: str, server: str, tool: Tool) -> str:
    """Return what *agent* sends of a tool with every request, as compact JSON."""
    return _client(agent).sent(server, tool)


def sent_instructions(agent: str, server: str, text: str) -> str:
    """Return what *agent* sends of the instructions of a server with every request; empty where it sends none."""
    return _client(agent).instructions(server, text) if text.strip() else ""


def is_deferred(agent: str) -> bool:
    """Return whether *agent* sends names and first lines only, and a whole definition once the model asks for it."""
    return agent == "qwen-code"


def is_upper_bound(agent: str) -> bool:
    """Return whether *agent* sends names alone while its own search over tools is on, which depends on the model and settings."""
    return agent == "claude-code"


def folded(name: str) -> str:
    """Return a tool's name as it is compared: agents and their versions replace different characters, and cut differently."""
    return re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")


def prefix(agent: str, server: str) -> str:
    """Return what all tools of a server begin with in an agent's transcripts, folded; ends with `_`."""
    return folded(called(agent, server, "x"))[:-1]


# --- names


def _plain(text: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]", "_", text)


def _claude_name(server: str, tool: str) -> str:
    return f"mcp__{_plain(server)}__{_plain(tool)}"


def _codex_word(text: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_]", "_", text)


def _codex_name(server: str, tool: str) -> str:
    return f"mcp__{_codex_word(server)}__{_codex_word(tool)}"  # of a namespace and a name, as we read them


def _gemini_name(server: str, tool: str) -> str:
    name = re.sub(r"[^a-zA-Z0-9_.:-]", "_", f"mcp_{server}_{tool}")
    return name if len(name) <= _GEMINI_LONGEST else f"{name[:30]}...{name[-30:]}"


def _opencode_name(server: str, tool: str) -> str:
    return f"{_plain(server)}_{_plain(tool)}"


def _qwen_name(server: str, tool: str) -> str:
    name = re.sub(r"[^a-zA-Z0-9_.-]", "_", f"mcp__{server}__{tool}")
    return name if len(name) <= _GEMINI_LONGEST else f"{name[:28]}___{name[-32:]}"


# --- definitions


def _claude_sent(server: str, tool: Tool) -> str:
    return compact({"name": _claude_name(server, tool.name), "description": _cut(tool.description), "input_schema": tool.schema})


def _codex_sent(_server: str, tool: Tool) -> str:
    shape = {"type": "function", "name": _codex_word(tool.name), "description": tool.description, "strict": False}
    parameters = _codex_schema(tool.schema, 0)
    return compact(
        {**shape, "parameters": {"properties": {}, **parameters} if parameters.get("type") == "object" else parameters}
    )


def _gemini_sent(server: str, tool: Tool) -> str:
    properties = tool.schema.get("properties")
    schema = {**tool.schema, "properties": {**(properties if isinstance(properties, dict) else {}), "wait_for_previous": _WAIT}}
    name = _gemini_name(server, tool.name)
    return compact({"name": name, "description": tool.description, "parametersJsonSchema": schema})


def _opencode_sent(server: str, tool: Tool) -> str:
    schema = {**tool.schema, "properties": tool.schema.get("properties", {}), "additionalProperties": False}
    name = _opencode_name(server, tool.name)
    return compact({"name": name, "description": tool.description, "input_schema": schema})


def _qwen_sent(server: str, tool: Tool) -> str:
    first = tool.description.partition("\n")[0].strip()
    first = first if len(first) <= _QWEN_LONGEST else f"{first[: _QWEN_LONGEST - 1]}…"
    return f"- {compact(_qwen_name(server, tool.name))}: {compact(first)}\n"


def _whole(server: str, tool: Tool) -> str:
    return compact({"name": _claude_name(server, tool.name), "description": tool.description, "input_schema": tool.schema})


def _cut(text: str) -> str:
    return text if len(text) <= CLAUDE_LONGEST else text[:CLAUDE_LONGEST] + _CUT


def _codex_schema(schema: Any, depth: int) -> Any:
    """Return what Codex leaves of a schema: no titles, defaults, formats, patterns, limits and examples."""
    if not isinstance(schema, dict) or depth > 100:
        return schema
    found: dict[str, Any] = {}
    for key, value in schema.items():
        if key == "const":
            found |= {"type": _type(value), "enum": [value]}
        elif key not in _CODEX_KEPT:
            continue
        elif key in _NAMED and isinstance(value, dict):
            found[key] = {name: _codex_schema(inner, depth + 1) for name, inner in value.items()}
        elif key in {"required", "enum"} or not isinstance(value, (dict, list)):
            found[key] = value
        elif isinstance(value, list):
            found[key] = [_codex_schema(inner, depth + 1) for inner in value]
        else:
            found[key] = _codex_schema(value, depth + 1)
    return found


def _type(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "string" if isinstance(value, str) else "number" if isinstance(value, (int, float)) else "object"


# --- instructions


def _claude_instructions(server: str, text: str) -> str:
    return f"## {server}\n{_cut(text)}\n\n"


def _codex_instructions(server: str, text: str) -> str:
    return compact({"type": "namespace", "name": f"mcp__{_codex_word(server)}", "description": text.strip()})


def _gemini_instructions(server: str, text: str) -> str:
    said = f"The following are instructions provided by the tool server '{server}':\n---[start of server instructions]---\n"
    return f"{said}{text}\n---[end of server instructions]---\n"


def _opencode_instructions(server: str, text: str) -> str:
    return f'  <server name="{server}">\n    {text.strip()}\n  </server>\n'


_CLIENTS: Final[Mapping[str, _Client]] = {
    "claude-code": _Client(_claude_name, _claude_sent, _claude_instructions),
    "codex": _Client(_codex_name, _codex_sent, _codex_instructions),
    "gemini-cli": _Client(_gemini_name, _gemini_sent, _gemini_instructions),
    "opencode": _Client(_opencode_name, _opencode_sent, _opencode_instructions),
    "qwen-code": _Client(_qwen_name, _qwen_sent, lambda _server, _text: ""),
}
_OTHERS: Final = _Client(_claude_name, _whole, _claude_instructions)


def _client(agent: str) -> _Client:
    return _CLIENTS.get(agent, _OTHERS)
