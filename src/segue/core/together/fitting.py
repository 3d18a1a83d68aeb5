"""A conversation that fits its reader's window: older turns condensed into one, the last ones word for word."""

from collections.abc import Sequence
from json import dumps
from typing import Final, NamedTuple

from segue.core.context.items import plain
from segue.core.context.lanes import restored
from segue.core.context.pack import LEVELS, Counter, shortened
from segue.core.context.tokens import CALL_TOKENS, Count, Estimator
from segue.core.log.events import Event
from segue.core.session.state import State
from segue.core.together.conversation import Turn
from segue.core.together.counting import MEDIA
from segue.core.together.shaping import Fated, Made

SHARE: Final = 0.6
"""The part of a window that a session may begin with: the end of its normal band."""
MEDIUM_TOKENS: Final = 1_600
"""What a picture costs at most with the providers that tell: Anthropic's figure for its largest."""
_SUMMARY_SHARE: Final = 0.4
_SMALLEST_SUMMARY: Final = 500
_TURN_TOKENS: Final = 8
_SHORTENED: Final = "shortened, to fit the window"


class Fitted(NamedTuple):
    """The turns that fit, how long they are, and how many older ones a summary stands for."""

    made: list[Made]
    size: Count
    condensed: int
    freed: int = 0
    """Tokens that this takes less."""


def fit(
    made: Sequence[Made], chain: Sequence[Event], state: State, budget: int, counter: Counter, summary: str = "", task: str = ""
) -> Fitted:
    """Return the turns within *budget* tokens (*counter*'s margin included): all of them, or the last ones behind a summary.

    The summary is the restored context of what came before them; *summary* is the agent's own one, where it made one.
    Of a turn that is too long by itself, the answers of tools are shortened first, then texts.
    """
    if getattr(counter, "slow", False):
        counter = Estimator(counter.family)
    costs = [cost_of(one.turn, counter) for one in made]
    room = int(budget / (1 + counter.margin))
    if sum(costs) <= room:
        return Fitted(list(made), _count(sum(costs), counter), 0)
    share = max(min(int(budget * _SUMMARY_SHARE), LEVELS["full"]), min(_SMALLEST_SUMMARY, budget))
    left = max(room - share - _TURN_TOKENS, 0)
    start = _cut(made, costs, left)
    kept = list(made[start:])
    if sum(costs[start:]) > left:
        kept = [_smaller(one, left // len(kept), counter) for one in kept]
    head = _summary(made[:start], chain[: made[start].place], state, share, counter, summary, task)
    total = cost_of(head.turn, counter) + sum(cost_of(one.turn, counter) for one in kept)
    return Fitted([head, *kept], _count(total, counter), start, max(sum(costs) - total, 0))


def cost_of(turn: Turn, counter: Counter) -> int:
    """Return about how many tokens *turn* costs its reader."""
    texts, media, calls = [], 0, 0
    for part in turn.parts:
        kind = part["type"]
        if kind in MEDIA:
            media += 1
        elif kind == "tool_call":
            calls += 1
            texts.append(dumps(part["arguments"], ensure_ascii=False, default=str))
        elif kind == "tool_call_response":
            response = part["response"]
            if isinstance(response, list):
                media += sum(item["type"] in MEDIA for item in response)
                response = "\n".join(item["content"] for item in response if item["type"] == "text")
            texts.append(response)
        else:
            texts.append(plain(part.get("content")))
    return counter.count("\n".join(texts)) + media * MEDIUM_TOKENS + calls * CALL_TOKENS + _TURN_TOKENS


def _cut(made: Sequence[Made], costs: Sequence[int], room: int) -> int:
    """Return where the last turns begin: with an instruction of the user's if that is not much shorter; never with an answer."""
    start, total = len(made), 0
    while start > 0 and total + costs[start - 1] <= room:
        start -= 1
        total += costs[start]
    start = min(start, len(made) - 1)
    while made[start].turn.role == "tool" and start < len(made) - 1:
        start += 1
    if made[start].turn.role == "tool":  # the last turn of all
        start -= 1
    asked = next((i for i in range(start, len(made)) if made[i].turn.role == "user"), None)
    if asked is not None and sum(costs[asked:]) * 2 >= sum(costs[start:]):
        return asked
    return start


def _summary(
    before: Sequence[Made], chain: Sequence[Event], state: State, share: int, counter: Counter, summary: str, task: str
) -> Made:
    told = restored(chain, state, share, counter, summary=summary, task=task).text.strip()
    part = {"type": "text", "content": told or f"[segue: {len(before)} earlier turns are left out: no room]"}
    why = "condensed into a summary"
    fates = tuple(Fated(f.what, "folded", why) if f.fate not in {"dropped", "added"} else f for one in before for f in one.fates)
    fates = tuple(f for f in fates if f.fate != "added")
    at, node = (before[-1].turn.at, before[-1].turn.node) if before else (state.at, "")
    return Made(Turn("user", (part,), at, node, meta=True, summary=True), (*fates, Fated("text", "added", why)), 0)


def _smaller(one: Made, room: int, counter: Counter) -> Made:
    """Return a turn of about *room* tokens: what is too long in it has its middle left out."""
    if cost_of(one.turn, counter) <= room:
        return one
    each = max(room // len(one.turn.parts) - CALL_TOKENS, 32)
    parts, cut = [], 0
    for part in one.turn.parts:
        smaller = part
        key = {"text": "content", "reasoning": "content", "tool_call_response": "response"}.get(part["type"], "")
        text = part.get(key)
        if isinstance(text, str) and counter.count(text) > each:
            text = shortened(text, each, counter=counter, render=lambda t: t) or f"[{len(text):,} characters left out]"
            smaller = {**part, key: text}
            cut += 1
        parts.append(smaller)
    fates, left = [], cut
    for fated in one.fates:
        if left and fated.fate == "kept" and fated.what in {"text", "reasoning", "tool_call_response"}:
            fates.append(Fated(fated.what, "folded", _SHORTENED))
            left -= 1
        else:
            fates.append(fated)
    return one._replace(turn=one.turn._replace(parts=tuple(parts)), fates=tuple(fates))


def _count(tokens: int, counter: Counter) -> Count:
    return Count(tokens, counter.family, counter.method, counter.margin)
