"""What an event does to the tables of a state: checkpoints, agents, memory, items, imports, losses, what was merged."""

from collections.abc import Callable
from math import exp2
from typing import TYPE_CHECKING, Any, Final

from segue.core.log.events import MAIN, Event
from segue.core.session import budget
from segue.core.session.metrics import call_of
from segue.core.session.sections import AgentState, Anchor, Item, Place
from segue.core.session.values import LINE, clip, count, free, mapping, push, put, text
from segue.core.session.work import set_facts

if TYPE_CHECKING:
    from segue.core.session.state import State

HALF_LIFE: Final = 200
"""Events after which a use of an item weighs half."""

MOST_NAMES: Final = 500
MOST_STREAMS: Final = 256
_MOST_KEYS: Final = 10_000


def _move_head(state: "State", event: Event, body: dict[str, Any]) -> None:
    to = body.get("to")
    if to is None or isinstance(to, str):
        put(state.heads, event.stream, {"node": to, "seq": event.seq}, MOST_STREAMS)
    if event.stream == MAIN:
        state.usage = None  # it spoke of the branch that was left


def fill_context(state: "State", event: Event, body: dict[str, Any]) -> None:
    """Take in how full the context is, before the usage of *event*, a message or a usage record, is counted.

    A framework may write an answer down later than what the next one used, or first in another stream: the call that was told of
    last, anywhere, says how full it is now.
    """
    if event.stream != MAIN:
        return
    usage = mapping(body, "usage") if event.kind == "message" else body
    size = count(usage.get("context_tokens")) or count(usage.get("input_tokens")) + count(usage.get("output_tokens"))
    message, last = text(body, "message_id", 200), state.usage
    if size and (last is None or _call(state, message, event.seq) >= _call(state, last["message_id"], last["seq"])):
        state.usage = anchor(event, size, text(body, "model", 100), message)
    if window := count(usage.get("window")):
        state.budget["window"] = window


def _call(state: "State", message: str, seq: int) -> int:
    """Return which event told of a model call first; *seq* where its message has no id, or a forgotten one."""
    known = call_of(state.windows, message) if message else None
    return count(known["first"]) if known else seq


def anchor(event: Event, size: int, model: str, message: str = "") -> Anchor:
    """Return the usage anchor that *event* sets, for the model call of a *message*."""
    return Anchor(context_tokens=size, model=model, message_id=message, seq=event.seq, at=event.at)


def _set_checkpoint(state: "State", event: Event, body: dict[str, Any]) -> None:
    name = text(body, "name", LINE)
    places = state.checkpoints
    places.pop(name, None)
    places[name] = _place(event, body)
    if len(places) > MOST_NAMES:  # automatic ones go first
        del places[next((n for n, p in places.items() if p["automatic"]), next(iter(places)))]


def _set_continuation(state: "State", event: Event, body: dict[str, Any]) -> None:
    put(state.continuations, text(body, "name", LINE), _place(event, body), MOST_NAMES)


def _place(event: Event, body: dict[str, Any]) -> Place:
    return Place(
        seq=event.seq,
        position=count(body.get("position")) or event.seq,
        at=event.at,
        automatic=body.get("automatic") is True,
        trigger=text(body, "trigger", LINE),
        description=text(body, "description", LINE) or text(body, "note", LINE),
    )


def _forget_checkpoint(state: "State", _event: Event, body: dict[str, Any]) -> None:
    state.checkpoints.pop(text(body, "name", LINE), None)


def set_agent(state: "State", event: Event, body: dict[str, Any]) -> None:
    """Change what is known of an agent."""
    name = text(body, "name", 64)
    old = state.agents.get(name)
    facts = old["set"] if old else {}
    set_facts(facts, mapping(body, "set"), event.seq)
    agent = AgentState(
        type=text(body, "type", 64) or (old["type"] if old else ""),
        status=text(body, "status", 64) or (old["status"] if old else ""),
        set=facts,
        seq=event.seq,
        at=event.at,
    )
    put(state.agents, name, agent, 64)


def _set_memory(state: "State", event: Event, body: dict[str, Any]) -> None:
    path = text(body, "path", 1_000)
    if body.get("value") is None:
        state.memory.pop(path, None)
    else:
        put(state.memory, path, {"seq": event.seq, "value": free(body["value"], event.seq, 1_000)}, _MOST_KEYS)


def _use_note(state: "State", event: Event, body: dict[str, Any]) -> None:
    name = text(body, "id", LINE)
    if body.get("action") == "deleted":
        state.items.pop(name, None)
    else:
        use(state, event, name, text(body, "kind", 40) or "note", body, count(body.get("uses", 1)))


def use(state: "State", event: Event, name: str, kind: str, body: dict[str, Any], uses: int = 1) -> None:
    """Count that an item was used."""
    old = state.items.get(name)
    score = old["score"] * exp2((old["seq"] - event.seq) / HALF_LIFE) if old else 0.0
    item = Item(
        kind=kind,
        path=text(body, "path", 1_000) or (old["path"] if old else ""),
        uses=(old["uses"] if old else 0) + uses,
        score=round(score + uses, 6),
        tokens=count(body.get("tokens")) or (old["tokens"] if old else 0),
        hash=text(body, "hash", LINE) or (old["hash"] if old else ""),
        seq=event.seq,
        at=event.at,
    )
    put(state.items, name, item, MOST_NAMES)


def _lose(state: "State", event: Event, body: dict[str, Any]) -> None:
    state.losses["count"] += 1
    loss = {"where": text(body, "where", LINE), "reason": text(body, "reason", LINE), "seq": event.seq}
    push(state.losses["recent"], loss, 20)


def _advance_import(state: "State", event: Event, body: dict[str, Any]) -> None:
    agent, foreign, path = text(body, "agent", 64), text(body, "foreign_id", LINE), text(body, "path", 1_000)
    entry = {
        "agent": agent,
        "foreign_id": foreign,
        "path": path,
        "position": free(body.get("position"), event.seq),
        "records": count(body.get("records")),
        "version": text(body, "version", LINE),
        "seq": event.seq,
    }
    put(state.imports, f"{agent}:{foreign}:{path}", entry, MOST_STREAMS)


def _budget(state: "State", event: Event, body: dict[str, Any]) -> None:
    budget.HANDLERS[event.kind](state.budget, event, body)
    if event.kind == "budget.condensed" and body.get("applied") is True and (size := count(body.get("after"))):
        state.usage = anchor(event, size, state.usage["model"] if state.usage else "")


def _merge(state: "State", event: Event, body: dict[str, Any]) -> None:
    entry = {
        "session": text(body, "session", LINE),
        "position": count(body.get("position")),
        "outcome": clip(text(body, "outcome"), LINE),
        "seq": event.seq,
    }
    push(state.lineage["merged"], entry, 64)


HANDLERS: Final[dict[str, Callable[["State", Event, dict[str, Any]], None]]] = {
    "session.merged": _merge,
    "head.moved": _move_head,
    "checkpoint.created": _set_checkpoint,
    "checkpoint.forgotten": _forget_checkpoint,
    "continuation.set": _set_continuation,
    "agent.set": set_agent,
    "memory.set": _set_memory,
    "note.used": _use_note,
    "loss": _lose,
    "import.advanced": _advance_import,
    **dict.fromkeys(budget.HANDLERS, _budget),
}
"""Kind of event -> what it does to the tables."""
