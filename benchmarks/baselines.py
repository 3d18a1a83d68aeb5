"""What contexts are held against: simple packers that anybody would write first."""

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Sequence

from segue.core.context.items import Item

Count = Callable[[str], int]

_TERM = re.compile(r"[a-z0-9_]{3,}")
_K1, _B = 1.2, 0.75
_RECENCY = 0.3


def raw(item: Item) -> str:
    """Return an item as it would stand in a transcript."""
    if item.kind == "call":
        return f"[{item.tool}] {json.dumps(dict(item.arguments), ensure_ascii=False)}"
    return f"{item.kind}: {item.text}"


def most_recent(history: Sequence[Item], budget: int, count: Count) -> str:
    """Return the end of the conversation, as it is; its first item only as far as it fits."""
    taken: list[str] = []
    room = budget
    for item in reversed(history):
        text = raw(item)
        cost = count(text) + 1
        if cost > room:
            end = text[-max(int(len(text) * (room - 1) / cost), 0) :] if room > 1 else ""
            if end and count(end) < room:
                taken.append(end)
            break
        taken.append(text)
        room -= cost
    return "\n".join(reversed(taken))


def bm25(history: Sequence[Item], budget: int, count: Count) -> str:
    """Return the items that fit the last prompt and actions best (BM25, up to 30 % for recency), until the budget is full."""
    texts = [raw(item) for item in history]
    terms = [Counter(_TERM.findall(text.lower())) for text in texts]
    sizes = [sum(each.values()) or 1 for each in terms]
    average = sum(sizes) / max(len(sizes), 1)
    documents: Counter[str] = Counter(term for each in terms for term in each)
    prompt = next((text for item, text in zip(reversed(history), reversed(texts), strict=True) if item.kind == "instruction"), "")
    actions = [text for item, text in zip(history, texts, strict=True) if item.kind == "call"][-5:]
    query = set(_TERM.findall("\n".join([prompt, *actions]).lower()))

    def score(place: int) -> float:
        found = 0.0
        for term in query & terms[place].keys():
            often = terms[place][term]
            rarity = math.log(1 + (len(texts) - documents[term] + 0.5) / (documents[term] + 0.5))
            found += rarity * often * (_K1 + 1) / (often + _K1 * (1 - _B + _B * sizes[place] / average))
        return found * (1 + _RECENCY * place / len(texts))

    room = budget
    chosen = []
    for place in sorted(range(len(texts)), key=lambda p: (-score(p), -p)):
        cost = count(texts[place]) + 1
        if cost <= room:
            chosen.append(place)
            room -= cost
    return "\n".join(texts[place] for place in sorted(chosen))
