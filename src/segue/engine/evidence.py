"""Evidence: what a search found, packed into a budget of tokens for somebody who reads it in place of the logs."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from segue.core.context.pack import Counter, shortened
from segue.core.context.quoting import fence, line, quoted
from segue.core.errors import SegueError
from segue.core.session.words import words_of
from segue.engine.loading import event_at
from segue.ports import Hit, Store

_SMALLEST: Final = 40
_SHARE: Final = 4
"""No event takes more than one in so many parts of the budget while others wait."""


def pack_evidence(store: Store, hits: Sequence[Hit], budget: int, counter: Counter, name: Callable[[str], str]) -> dict[str, Any]:
    """Return `text`, at most *budget* tokens by *counter* (its margin included), with the events that *hits* name.

    It stands between marks that it cannot contain, like a restored context: what was found is data to whoever reads it.

    *name* gives the name of a session. `tokens`, `budget`, `family` and `method` say how it was counted, `items` what became of
    each hit: loaded, shortened or skipped.
    """
    limit = int(budget / (1 + counter.margin)) - counter.count(_framed([" "])) - 1
    blocks: list[str] = []
    items = []
    for number, hit in enumerate(hits):
        room = limit - counter.count("\n\n".join([*blocks, ""])) - 1
        most = room if not blocks or number == len(hits) - 1 else min(room, max(limit // _SHARE, _SMALLEST))
        block, status, reason = _block(store, hit, most, counter, name(hit.session))
        if block and counter.count("\n\n".join([*blocks, block]) + "\n") <= limit:
            blocks.append(block)
        else:
            status, reason = "skipped", reason or "no room"
        items.append({"session": hit.session, "seq": hit.seq, "status": status, "reason": reason})
    text = _framed(blocks) if blocks else ""
    return {
        "text": text,
        "tokens": counter.count(text),
        "budget": budget,
        "family": counter.family,
        "method": counter.method,
        "items": items,
    }


def _block(store: Store, hit: Hit, room: int, counter: Counter, name: str) -> tuple[str, str, str]:
    try:
        event = event_at(store, hit.session, hit.seq)
    except SegueError as e:
        return "", "skipped", e.message
    words = words_of(event)
    said = words.text if words else ""
    whole = _headed(name, hit, said)
    if counter.count(whole) <= room:
        return whole, "loaded", ""
    if room < _SMALLEST:
        return "", "skipped", "no room"
    return (
        shortened(said, room, counter=counter, render=lambda text: _headed(name, hit, text)),
        "shortened",
        f"room for {room:,} tokens",
    )


def _headed(name: str, hit: Hit, text: str) -> str:
    return f"[{line(name, 80)} {hit.seq}] {hit.at[:16]} {line(hit.role or hit.kind, 80)}:\n{quoted(text)}"


def _framed(blocks: Sequence[str]) -> str:
    content = "\n\n".join(blocks)
    before, after = fence(content)
    return f"{before}\n{content}\n{after}\n"
