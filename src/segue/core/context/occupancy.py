"""What a context is full of: how much of it each kind of content, each tool and each file takes, as far as the log shows it."""

from collections import Counter as Tally
from collections.abc import Iterable, Sequence
from json import dumps
from typing import Final, NamedTuple

from segue.core.context.items import Item, from_events
from segue.core.context.pack import Counter
from segue.core.context.tokens import CALL_TOKENS, Count
from segue.core.log.events import MAIN, Event
from segue.core.session.sections import Anchor
from segue.core.session.tree import active_chain

KINDS: Final = {
    "instruction": "what the user said",
    "prose": "what the agent said",
    "reasoning": "what it thought",
    "call": "calls of tools",
    "result": "answers of tools",
    "error": "errors of tools",
    "summary": "summaries of what was before",
    "injected": "what the agent's program put in",
    "media": "images and files",
    "missing": "what is no longer there",
}
"""Kind of item -> what it is, for people."""


class Share(NamedTuple):
    """How much of a context something takes: tokens, and in how many pieces."""

    name: str
    tokens: int
    pieces: int


class Occupancy(NamedTuple):
    """A context's content by kind, by tool and by file, the largest first. A piece can be of several files."""

    kinds: tuple[Share, ...]
    tools: tuple[Share, ...]
    files: tuple[Share, ...]
    tokens: int
    """All that the log shows. What a provider counts beyond it are system prompt and definitions of tools."""


def in_context(events: Iterable[Event], stream: str = MAIN) -> list[Item]:
    """Return what is in the context of *stream* now: its active line from the agent's last compaction on."""
    events = list(events)
    cut = max((e.seq for e in active_chain(events, stream) if e.kind == "compaction"), default=0)
    return [item for item in from_events(events, stream) if item.seq >= cut]


def occupancy(items: Sequence[Item], counter: Counter, workspace: str = "") -> Occupancy:
    """Return what *items* take, as *counter* counts. Files in *workspace* go by their paths in it."""
    root = f"{workspace.rstrip('/')}/" if workspace else ""
    calls = {item.call: item for item in items if item.kind == "call" and item.call}
    tables = [[Tally[str](), Tally[str]()] for _ in range(3)]
    total = 0
    for item in items:
        tokens = cost(item, counter)
        total += tokens
        call = calls.get(item.call) or item
        paths = {touch.path.removeprefix(root) for touch in (*call.touches, *item.touches) if touch.path}
        tools = [call.tool] if call.tool else []
        told: tuple[Iterable[str], ...] = ([item.kind], tools, paths)
        for (sizes, pieces), names in zip(tables, told, strict=True):
            for name in names:
                sizes[name] += tokens
                pieces[name] += 1
    kinds, tools_, files = (
        tuple(Share(name, size, pieces[name]) for name, size in sorted(sizes.items(), key=lambda one: (-one[1], one[0])))
        for sizes, pieces in tables
    )
    return Occupancy(kinds, tools_, files, total)


def cost(item: Item, counter: Counter) -> int:
    """Return what an item takes of a context."""
    if item.kind == "missing":
        return 0
    if item.kind == "call":
        return counter.count(dumps(dict(item.arguments), ensure_ascii=False)) + CALL_TOKENS
    return counter.count(item.text)


def measure(events: Iterable[Event], anchor: Anchor | None, counter: Counter) -> Count:
    """Return how full the context is: what the provider counted last, *anchor*, and what came after it as *counter* counts.

    Without an anchor all of it is counted, and what the log does not show (system prompt, definitions of tools) is missing.
    """
    items = in_context(events)
    since = anchor["seq"] if anchor else 0
    after = sum(cost(item, counter) for item in items if item.seq > since)
    if anchor is None:
        return Count(after, counter.family, counter.method, counter.margin)
    total = anchor["context_tokens"] + after
    return Count(total, counter.family, "anchored", counter.margin * after / total if total else 0.0)
