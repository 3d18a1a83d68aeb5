"""The part of MCP that lists a server's tools, whatever carries the messages.

Written for the revisions 2024-11-05 to 2025-11-25 of the protocol: JSON-RPC 2.0, `initialize`, then `tools/list` by pages. What
a server asks of us is refused: it is told that we offer nothing, and what it asked for is noted.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from segue.ports.mcp import Listing

REVISION: Final = "2025-11-25"
MOST_BYTES: Final = 32 * 1024 * 1024
"""What a server may say in all."""
MOST_TOOLS: Final = 5_000
MOST_PAGES: Final = 200
_LONG: Final = 65_536
_REFUSED: Final = -32601
_HELLO: Final = {"protocolVersion": REVISION, "capabilities": {}, "clientInfo": {"name": "segue", "version": "1"}}
Hide = Callable[[str], str]
"""Takes out of a text what must not be shown."""
_ASKED: Final = {
    "elicitation/create": "it asks its user for something",
    "sampling/createMessage": "it asks for a model",
    "roots/list": "",
    "ping": "",
}


class Failed(Exception):  # noqa: N818 - a reason, not a defect
    """A server that did not list its tools; the message says why, without what may be secret."""


class Line(Protocol):
    """Carries messages to a server and back."""

    def ask(self, message: Mapping[str, Any], talk: "Talk") -> Mapping[str, Any]:
        """Send a request and return its answer; what else arrives is given to *talk*. Raises Failed."""
        ...

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a message that has no answer. Raises Failed."""
        ...


class Talk:
    """A conversation with one server."""

    def __init__(self, line: Line, hide: Hide) -> None:
        """Talk over *line*; what is told of what the server says goes through *hide* first."""
        self._line, self._hide = line, hide
        self._number = 0
        self.notes: list[str] = []
        self.stray = 0
        """Lines that were no messages."""

    def listing(self) -> Listing:
        """Return what the server lists; `seconds` is the caller's to set. Raises Failed."""
        hello = self._ask("initialize", _HELLO)
        self._line.tell({"jsonrpc": "2.0", "method": "notifications/initialized"})
        offers, about = hello.get("capabilities"), hello.get("serverInfo")
        tools = self._tools() if isinstance(offers, dict) and offers.get("tools") is not None else []
        instructions = hello.get("instructions")
        return Listing(
            tuple(tools),
            instructions if isinstance(instructions, str) else "",
            _version(about if isinstance(about, dict) else {}, self._hide),
            notes=tuple(self.notes),
        )

    def heard(self, message: Mapping[str, Any]) -> None:
        """Take a message that is no answer: a request is refused, anything else is passed over. Raises Failed."""
        method = message.get("method")
        if not isinstance(method, str) or "id" not in message:
            return
        said = _ASKED.get(method, "")
        if said and said not in self.notes:
            self.notes.append(said)
        answer: dict[str, Any] = {"error": {"code": _REFUSED, "message": "not offered: only the tools are listed"}}
        if method == "ping":
            answer = {"result": {}}
        self._line.tell({"jsonrpc": "2.0", "id": message["id"], **answer})

    def _tools(self) -> list[Mapping[str, Any]]:
        found: list[Mapping[str, Any]] = []
        cursors: set[str] = set()
        more: dict[str, Any] = {}
        while True:
            page = self._ask("tools/list", more)
            tools = page.get("tools")
            if not isinstance(tools, list):
                raise Failed("its list of tools is no list")
            found += [tool for tool in tools if isinstance(tool, dict)]
            if len(found) > MOST_TOOLS:
                raise Failed(f"it lists more than {MOST_TOOLS:,} tools")
            cursor = page.get("nextCursor")
            if not isinstance(cursor, str) or not cursor:
                return found
            if cursor in cursors or len(cursors) >= MOST_PAGES:
                raise Failed("its list of tools never ends: page follows page")
            cursors.add(cursor)
            more = {"cursor": cursor}

    def _ask(self, method: str, params: Mapping[str, Any]) -> Mapping[str, Any]:
        self._number += 1
        request = {"jsonrpc": "2.0", "id": self._number, "method": method, "params": params}
        answer = self._line.ask(request, self)
        if "error" in answer:
            raise Failed(f"it refuses {method}: {told(answer['error'], self._hide)}")
        result = answer.get("result")
        if not isinstance(result, dict):
            raise Failed(f"its answer to {method} is no object")
        return result


def message_of(text: str | bytes) -> list[Mapping[str, Any]] | None:
    """Return the messages of a line (older servers send several in a list); None for what is none."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = found if isinstance(found, list) else [found]
    return found if found and all(isinstance(m, dict) and ("method" in m or "id" in m) for m in found) else None


def told(error: Any, hide: Hide) -> str:
    """Return what an error says, on one short line."""
    message = error.get("message") if isinstance(error, dict) else error
    return short(hide(message[:_LONG]) if isinstance(message, str) and message.strip() else "no reason given")


def short(text: str, most: int = 200) -> str:
    """Return *text* on one line of at most *most* characters."""
    flat = " ".join(text[: most * 8].split())
    return flat if len(flat) <= most else flat[: most - 1] + "…"


def _version(about: Mapping[str, Any], hide: Hide) -> str:
    return short(hide(" ".join(v[:_LONG] for key in ("name", "version") if isinstance(v := about.get(key), str))), 80)
