"""The revisions of the protocol, and what each has of what is offered.

Up to 2025-11-25 a connection begins with `initialize`, and both sides agree on a revision. From 2026-07-28 on there is no such
handshake: every request says in `_meta` which revision it is of and who asks, and `server/discover` says what is offered.
"""

from collections.abc import Mapping
from typing import Any, Final

from segue import __version__

HANDSHAKE: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""Revisions that `initialize` can agree on."""
STATELESS: Final = ("2026-07-28",)
"""Revisions that every request names for itself."""
BATCHES: Final = ("2025-03-26",)
"""Revisions in which several messages may come in a list."""

META_VERSION: Final = "io.modelcontextprotocol/protocolVersion"
META_CLIENT: Final = "io.modelcontextprotocol/clientInfo"
META_CAPABILITIES: Final = "io.modelcontextprotocol/clientCapabilities"
META_LOG: Final = "io.modelcontextprotocol/logLevel"
_META_SERVER: Final = "io.modelcontextprotocol/serverInfo"

CACHED: Final = frozenset(
    {"server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list", "resources/read"}
)
"""What a stateless result says of its own age."""
_FIXED: Final = frozenset({"server/discover", "tools/list", "prompts/list", "resources/templates/list"})
_DAY_MS: Final = 86_400_000

INFO: Final = {"name": "segue", "title": "segue", "version": __version__}
INSTRUCTIONS: Final = (
    "segue records this project's sessions. When work goes on from earlier work, call where_was_i, then restore. Note decisions "
    "and open threads as they arise. What writes goes to your own session unless `session` names another."
)
CAPABILITIES: Final[Mapping[str, Any]] = {
    "tools": {"listChanged": False},
    "resources": {"listChanged": True, "subscribe": True},
    "prompts": {"listChanged": False},
    "completions": {},
    "logging": {},
}


def agreed(asked: str) -> str:
    """Return the revision to speak with a client that asks for one: that one, or else the latest, which it may refuse."""
    return asked if asked in HANDSHAKE else HANDSHAKE[-1]


def hello(version: str) -> dict[str, Any]:
    """Return the answer to `initialize`."""
    info = {k: v for k, v in INFO.items() if k != "title" or version >= "2025-06-18"}
    offers = {k: v for k, v in CAPABILITIES.items() if k != "completions" or version >= "2025-03-26"}
    return {"protocolVersion": version, "capabilities": offers, "serverInfo": info, "instructions": INSTRUCTIONS}


def discovered() -> dict[str, Any]:
    """Return the answer to `server/discover`."""
    offers = {k: v for k, v in CAPABILITIES.items() if k != "logging"}
    return {"supportedVersions": list(STATELESS), "capabilities": offers, "instructions": INSTRUCTIONS}


def stateless(method: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """Return a result with what a stateless revision has in addition."""
    more: dict[str, Any] = {"resultType": "complete"}
    if method in CACHED:
        more |= {"ttlMs": _DAY_MS if method in _FIXED else 0, "cacheScope": "private"}
    return {**result, **more, "_meta": {**result.get("_meta", {}), _META_SERVER: INFO}}
