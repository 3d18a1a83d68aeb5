"""The stream of a namespace: a graph's within another one is apart from the main line."""

from typing import Final

from segue.core.log.events import MAIN
from segue.integrations.langgraph._values import digest

_LONGEST: Final = 512


def stream(ns: str) -> str:
    """Return the stream of a namespace: its name where a stream can have it."""
    if not ns:
        return MAIN
    if len(ns) > _LONGEST or not ns.isprintable() or ns == MAIN:
        return f"ns#{digest(('ns', ns.encode('utf-8', 'surrogatepass'))).hex()}"
    return ns
