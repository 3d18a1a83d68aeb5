"""Calling a tool: its arguments are checked, and what goes wrong in it is an answer that a model can act on."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from segue.core.errors import SegueError
from segue.mcp import looking, writing
from segue.mcp.call import Call
from segue.mcp.definitions import TOOLS
from segue.mcp.messages import INVALID_PARAMS, RpcError, object_of, text_of
from segue.mcp.schema import problems

_DOES: Final[Mapping[str, Callable[[Call, Mapping[str, Any]], str]]] = {
    "where_was_i": looking.where_was_i,
    "restore": looking.restore,
    "search": looking.search,
    "budget": looking.budget,
    "checkpoint": writing.checkpoint,
    "decision": writing.decision,
    "thread": writing.thread,
    "question": writing.question,
    "task": writing.task,
    "memory": writing.memory,
}
_KNOWN: Final = {tool.name: tool for tool in TOOLS}


def call_tool(call: Call, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the result of `tools/call`. Raises RpcError: there is no such tool, or what is sent is no call."""
    name, given = text_of(params, "name"), object_of(params, "arguments")
    tool = _KNOWN.get(name)
    if tool is None:
        raise RpcError(INVALID_PARAMS, f"there is no tool {name[:80]!r}; there are: {', '.join(_KNOWN)}")
    given = {key: value for key, value in given.items() if value is not None}  # some models fill in what is left out
    if wrong := problems(tool.schema, given):
        return _said(f"{name} was not called: {'; '.join(wrong[:5])}", error=True)
    try:
        return _said(_DOES[name](call, given))
    except SegueError as e:
        return _said(told(e), error=True)
    except OSError as e:
        return _said(f"the system refused: {e.strerror or e}\nhint: segue doctor", error=True)


def told(error: SegueError) -> str:
    """Return an error of ours with its hint."""
    return f"{error.message}\nhint: {error.hint}" if error.hint else error.message


def _said(text: str, *, error: bool = False) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}], "isError": error}
