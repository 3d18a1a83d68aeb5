"""What a session used: its model calls, each once, summed up by session, agent, model or day; and what they cost."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Literal, NamedTuple

from segue.core.context.models import Price, price_for
from segue.core.log.events import Event
from segue.core.session.metrics import TOKEN_KINDS, Metrics, Tokens
from segue.core.session.values import count, mapping, number, text

By = Literal["session", "agent", "model", "day"]
NOBODY: Final = "(not named)"


class Call(NamedTuple):
    """One call of a model: when, by whom, of which, its tokens, and what it cost as the agent's record says, if it does."""

    at: str
    agent: str
    model: str
    tokens: Tokens
    cost: float | None


class Sum(NamedTuple):
    """What calls used together. `recorded` of the cost is as agents' records say, the rest is by the table of prices."""

    name: str
    calls: int
    tokens: Tokens
    cost_usd: float
    recorded_usd: float
    unpriced: int
    """Tokens of models whose price nobody knows: they are missing in the cost."""


def calls(events: Iterable[Event]) -> list[Call]:
    """Return the model calls that *events* tell of, in their order. Of a message's several records the last one counts, once."""
    found: dict[str, Call] = {}
    for event in events:
        body = event.body if isinstance(event.body, dict) else {}
        usage = body if event.kind == "usage" else mapping(body, "usage") if event.kind == "message" else {}
        tokens: Any = {kind: count(usage.get(name)) for kind, name in TOKEN_KINDS.items()}
        cost = number(usage.get("cost_usd")) if "cost_usd" in usage else None
        if any(tokens.values()) or cost:
            name = text(body, "message_id", 200) or f"#{event.seq}"
            before = found.get(name)
            agent, model = event.actor, text(body, "model", 100)
            if before:  # a call that is told of again is at its place, and what the later record does not say is as it was
                agent, model = agent or before.agent, model or before.model
            found[name] = Call(event.at, agent, model, tokens, cost)
    return list(found.values())


def key_of(call: Call, by: By, session: str = "") -> str:
    """Return under which name a call is summed up."""
    names = {"session": session, "agent": call.agent, "model": call.model, "day": call.at[:10]}
    return names[by] or NOBODY


def sums(named: Iterable[tuple[str, Call]], own: Mapping[str, str]) -> list[Sum]:
    """Return what the calls of each name used, in the order of the names. *own* are the user's prices."""
    found: dict[str, Sum] = {}
    for name, call in named:
        before = found.get(name) or Sum(name, 0, Tokens(input=0, output=0, cache_read=0, cache_write=0, reasoning=0), 0, 0, 0)
        price = None if call.cost else price_for(call.model, own, day=call.at[:10], input=call.tokens["input"])
        cost, unpriced = _cost(call.tokens, call.cost, price)
        tokens: Any = {kind: before.tokens[kind] + used for kind, used in call.tokens.items()}  # type: ignore[literal-required]
        recorded = before.recorded_usd + (call.cost or 0)
        found[name] = Sum(name, before.calls + 1, tokens, before.cost_usd + cost, recorded, before.unpriced + unpriced)
    return [found[name] for name in sorted(found)]


def spent(metrics: Metrics, own: Mapping[str, str], unnamed: str = "") -> float:
    """Return what a session cost so far in US dollars, from its figures alone: what is not priced is left out.

    Prices are those of today, for small calls; `sums` has each call at the price of its day and size. Calls that name no model
    are the model's *unnamed*, if one is known.
    """
    total = metrics["cost_usd"]
    for name, used in metrics["models"].items():
        price = None if used["cost_usd"] else price_for(name, own)
        total += _cost(used["tokens"], None, price)[0]
    if unnamed and metrics["cost_usd"] <= sum(used["cost_usd"] for used in metrics["models"].values()):
        whole: Any = metrics["tokens"]
        named: Any = [used["tokens"] for used in metrics["models"].values()]
        rest: Any = {kind: max(whole[kind] - sum(tokens[kind] for tokens in named), 0) for kind in whole}
        total += _cost(rest, None, price_for(unnamed, own))[0]
    return total


def _cost(tokens: Tokens, recorded: float | None, price: Price | None) -> tuple[float, int]:
    if recorded:
        return recorded, 0
    if price is None:
        return 0.0, tokens["input"] + tokens["output"]
    figures: Callable[..., float] = price.of
    kinds: Any = tokens
    return figures(**{kind: kinds[kind] for kind in ("input", "output", "cache_read", "cache_write")}), 0
