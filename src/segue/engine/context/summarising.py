"""A summariser that is plugged in: what had no room in a context is given to it, and what it writes takes its place.

segue itself calls no model. What a summary leaves out stays in the log, and pointers to it stay in the context.
"""

from typing import Final, NamedTuple, Protocol

from segue.core.context.condense import Unit
from segue.core.context.pack import Context
from segue.core.context.prompt import exchange_block, said_block

_MOST: Final = 400_000
"""Characters that a summariser is given, the latest."""
_MOST_OF_ONE: Final = 8_000
_FEWEST: Final = 3
"""Of fewer elements than this no summary is asked for."""


class Summariser(Protocol):
    """Writes a summary of *text* in about *tokens* tokens: a function that calls a model, mostly.

    The text is quoted data of a session: elements begin with their number, as in `§12 user: ...`. A summary may name them so.
    """

    def __call__(self, text: str, tokens: int) -> str:
        """Return the summary; empty: there is nothing to say."""
        ...


class Summary(NamedTuple):
    """What came of it: a text, or why there is none."""

    text: str = ""
    failure: str = ""


def summarised(summarise: Summariser, units: list[Unit], context: Context) -> Summary:
    """Return a summary of those *units* that had no room in *context*. It never fails for the summariser."""
    without = {entry.seq for entry in context.items if entry.status == "skipped" and entry.reason == "no room"}
    left = [unit for unit in units if unit.seq in without]
    if len(left) < _FEWEST:
        return Summary()
    try:
        found: object = summarise(_text(left), context.budget // 12)
    except Exception as e:  # noqa: BLE001 - it is the user's, may call anything, and a context is made without it
        return Summary(failure=f"the summariser failed: {type(e).__name__}: {e}"[:300])
    if not isinstance(found, str):
        return Summary(failure=f"the summariser gave a {type(found).__name__}, no text")
    if not found.strip():
        return Summary()
    told = f"{len(left):,} elements from §{left[0].seq} to §{left[-1].seq}, as a model put them; `segue show` has each whole"
    return Summary(f"({told})\n{found.strip()}")


def _text(units: list[Unit]) -> str:
    """Return *units* as they are quoted, the oldest first; of so many that all have room, the latest."""
    parts: list[str] = []
    room = _MOST
    for unit in reversed(units):
        text = unit.text if len(unit.text) <= _MOST_OF_ONE else f"{unit.text[:_MOST_OF_ONE]}\n[...]"
        shown = exchange_block(unit.seq, unit.head, text) if unit.kind == "exchange" else said_block(unit.seq, unit.kind, text)
        if len(shown) > room:
            break
        parts.append(shown)
        room -= len(shown)
    return "\n".join(reversed(parts))
