"""Long lists, a page at a time."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from segue.mcp.messages import INVALID_PARAMS, RpcError

PAGE: Final = 50


def page(items: Sequence[Any], params: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return the page of *items* that *params* ask for, under *name*, and where the next one begins. Raises RpcError."""
    cursor = params.get("cursor")
    start = 0
    if cursor is not None:
        number = cursor[1:] if isinstance(cursor, str) and cursor[:1] == "p" else ""
        if not (number.isascii() and number.isdigit() and len(number) < 9):
            raise RpcError(INVALID_PARAMS, "there is no such cursor")
        start = int(number)
    found: dict[str, Any] = {name: list(items[start : start + PAGE])}
    if start + PAGE < len(items):
        found["nextCursor"] = f"p{start + PAGE}"
    return found
