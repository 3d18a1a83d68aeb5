"""A session's own usage records say how far the estimate of its tokens is off, and how full its context is."""

from collections import deque
from collections.abc import Iterable, Iterator
from json import dumps
from typing import Any

from segue.core.context.items import Item, items_of, message_id
from segue.core.context.pack import Counter
from segue.core.context.tokens import Anchor, Count, Estimator, Family, family_of
from segue.core.log.events import MAIN, Event
from segue.core.session.tree import active_chain


def anchor_of(events: Iterable[Event], family: Family, stream: str = MAIN) -> Anchor:
    """Return what the usage records of a session's active line tell of its size, in tokens of *family*.

    Records of models of other families are passed over. Of a message's several records the last one counts.
    """
    anchor = Anchor(family)
    deque(_requests(events, anchor, stream), maxlen=0)
    return anchor


def requests(events: Iterable[Event], family: Family, stream: str = MAIN) -> Iterator[tuple[Count, int]]:
    """Yield for each request of a session's active line what its size was expected to be, and what the provider said it was."""
    return _requests(events, Anchor(family), stream)


def _requests(events: Iterable[Event], anchor: Anchor, stream: str) -> Iterator[tuple[Count, int]]:
    """Yield as `requests` does; *anchor* takes all in."""
    line = active_chain(events, stream)
    family = anchor.estimator.family
    usage = {name: found for event in line if (name := message_id(event)) and (found := _input_tokens(event, family))}
    asked = ""
    for event in line:
        if event.kind == "compaction":
            anchor.forget()
        name = message_id(event)
        if name and name != asked:
            asked = name
            if name in usage:
                yield anchor.measure(), usage[name]
            anchor.record(usage.get(name, 0))  # of the request: what the message itself adds comes after it
        for item in items_of(event):
            if item.kind != "missing":
                anchor.add(_text(item), calls=item.kind == "call")


def anchored(counter: Counter, events: Iterable[Event]) -> Counter:
    """Return *counter*, an estimator with the factor that the session's usage taught; an exact one as it is."""
    if not isinstance(counter, Estimator) or counter.family == "unknown":
        return counter
    events = list(events)
    if not any(_input_tokens(event, counter.family) for event in events):
        return counter  # nothing to learn from, and nothing is counted for it
    factor = anchor_of(events, counter.family).factor
    return Estimator(counter.family, counter.factor * factor, counter.margin)


def _input_tokens(event: Event, family: Family) -> int:
    usage: Any = event.body.get("usage")
    model: Any = event.body.get("model")
    if not isinstance(usage, dict) or family_of(model if isinstance(model, str) else None) != family:
        return 0
    tokens = usage.get("input_tokens")
    return tokens if isinstance(tokens, int) else 0


def _text(item: Item) -> str:
    return dumps(dict(item.arguments), ensure_ascii=False) if item.kind == "call" else item.text
