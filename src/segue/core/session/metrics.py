"""Figures that are folded from the log: tokens, cost, counts, what each agent did.

What one event contributes is a pure function of it. A revision contributes the difference to what its node contributed
before, and of several usage records of one message the last one counts, once: in agents' real files the earlier ones are
far too low. Both need to know what was counted before; they remember a window of the latest `WINDOW` nodes and messages, and
of more calls (`NOTED`) of which only a usage record told: a framework may write a whole crowd of answers down behind them.
"""

from typing import Any, Final, TypedDict

from segue.core.log.events import Event
from segue.core.session.values import add, count, items, mapping, number, put, text

WINDOW: Final = 256
NOTED: Final = 1_024
_MOST_NAMES: Final = 200

TOKEN_KINDS: Final = {
    "input": "input_tokens",
    "output": "output_tokens",
    "cache_read": "cache_read_tokens",
    "cache_write": "cache_write_tokens",
    "reasoning": "reasoning_tokens",
}
"""Kind of token -> field of `Usage`. `input` includes the cache, `output` includes reasoning."""

COUNTED: Final = {
    "step.completed": "steps_completed",
    "decision.made": "decisions",
    "question.asked": "questions",
    "question.answered": "questions_answered",
    "compaction": "compactions",
    "checkpoint.created": "checkpoints",
    "session.paused": "interruptions",
    "session.emergency": "emergencies",
    "loss": "losses",
}
"""Kind of event -> the count that it raises by one."""

_EFFECTS: Final = {
    "read": "files_read",
    "write": "files_written",
    "edit": "files_edited",
    "delete": "files_deleted",
    "run": "commands_run",
    "search": "searches",
    "commit": "commits",
}
_NOTES: Final = {"loaded": "notes_loaded", "created": "notes_created", "updated": "notes_updated", "deleted": "notes_deleted"}


class Tokens(TypedDict):
    """Tokens by kind; `input` includes those read from and written to the cache, `output` includes reasoning."""

    input: int
    output: int
    cache_read: int
    cache_write: int
    reasoning: int


class Utilisation(TypedDict):
    """What one agent (or model) used and did."""

    tokens: Tokens
    cost_usd: float
    counts: dict[str, float]


class Metrics(TypedDict):
    """The figures of a session, its own: a fork begins at zero."""

    tokens: Tokens
    cost_usd: float
    counts: dict[str, float]
    """`messages`, `user_messages`, `tool_calls`, `errors`, `lines_added`, `decisions`, ... and those of `metric` events.

    `redacted`: secrets that were taken out on the way in; `redacted:KIND` of each kind.
    `times_replaced`: events whose own time cannot be (`core.log.dating`); the time at which they were recorded counts.
    """
    tools: dict[str, float]
    """Calls of each tool."""
    agents: dict[str, Utilisation]
    models: dict[str, Utilisation]


Counted = dict[str, Any]
"""What a model call was counted as, by kind of token and as `cost`; for which `agent` and `model`; and the `first` event that
told of it: calls are in the order of these, whenever they are told of again. Flat, since a state is copied often.
"""


class Windows(TypedDict):
    """What was counted lately, so that it can be corrected."""

    messages: dict[str, Counted]
    noted: dict[str, Counted]
    """Calls whose message is not there yet."""
    nodes: dict[str, dict[str, float]]
    """What messages were counted as, each with the `first` event that said it."""
    said: dict[str, int]
    """The first events of what was said last: by the `user`, the `assistant`, as its `plan` (that of event `planned`)."""


def new_metrics() -> Metrics:
    """Return figures at zero."""
    return Metrics(tokens=_tokens(), cost_usd=0, counts={}, tools={}, agents={}, models={})


def new_windows() -> Windows:
    """Return empty windows."""
    return Windows(messages={}, noted={}, nodes={}, said={})


def call_of(windows: Windows, message: str) -> Counted | None:
    """Return what the model call of a *message* was counted as lately."""
    return windows["messages"].get(message) or windows["noted"].get(message)


def tally(metrics: Metrics, name: str, by: float = 1, agent: str = "") -> None:
    """Raise the count *name*, the session's and the *agent*'s."""
    add(metrics["counts"], name, by, _MOST_NAMES)
    if agent:
        add(_of(metrics["agents"], agent)["counts"], name, by, _MOST_NAMES)


def count_event(metrics: Metrics, windows: Windows, event: Event, body: dict[str, Any]) -> int:
    """Count what *event* contributes; return the event that said it first: an earlier one, where it revises what was counted."""
    kind = event.kind
    if event.source and "redacted" in event.source:
        _count_redacted(metrics, mapping(event.source, "redacted"))
    if kind in COUNTED:
        tally(metrics, COUNTED[kind], agent=event.actor)
        if kind == "checkpoint.created" and body.get("automatic") is True:
            tally(metrics, "autosaves")
    elif kind == "metric":
        _count_named(metrics, event, body)
    elif kind == "note.used":
        tally(metrics, _NOTES.get(text(body, "action"), "notes_loaded"), count(body.get("uses", 1)), event.actor)
    elif kind == "task.set" and body.get("status") == "done":
        tally(metrics, "tasks_completed", agent=event.actor)
    elif kind == "usage":
        count_usage(metrics, windows, event, body, body)
    if kind != "message":
        return event.seq
    usage = mapping(body, "usage")
    if usage:
        count_usage(metrics, windows, event, body, usage)
    return _count_node(metrics, windows["nodes"], event, body)


def count_usage(metrics: Metrics, windows: Windows, event: Event, body: dict[str, Any], usage: dict[str, Any]) -> None:
    """Count the tokens of one model call, once: a later record of the same message corrects the earlier."""
    found: Counted = {kind: used for kind, name in TOKEN_KINDS.items() if (used := count(usage.get(name)))}
    if cost := number(usage.get("cost_usd")):
        found["cost"] = cost
    message = text(body, "message_id", 200)
    before = call_of(windows, message) if message else None
    found |= {"agent": event.actor, "model": text(body, "model", 100), "first": event.seq}
    if before:  # it is corrected where it was counted, which may be another's or another model's
        found["first"] = before["first"]
        found["agent"], found["model"] = found["agent"] or before["agent"], found["model"] or before["model"]
        _spend(metrics, before, -1)
    if message:
        _remember(windows, message, found, noted=event.kind == "usage")
    _spend(metrics, found, 1)


def _remember(windows: Windows, message: str, found: Counted, *, noted: bool) -> None:
    if noted and message not in windows["messages"]:
        put(windows["noted"], message, found, NOTED)
    else:
        windows["noted"].pop(message, None)
        put(windows["messages"], message, found, WINDOW)


def _spend(metrics: Metrics, call: Counted, sign: int) -> None:
    """Count a call, or (with a *sign* of -1) no longer."""
    targets: list[Any] = [metrics]
    if call["agent"]:
        targets.append(_of(metrics["agents"], call["agent"]))
    if call["model"]:
        targets.append(_of(metrics["models"], call["model"]))
    for kind, by in call.items():
        if kind in TOKEN_KINDS:
            for target in targets:
                target["tokens"][kind] += sign * by
        elif kind == "cost":
            for target in targets:
                target["cost_usd"] = round(target["cost_usd"] + sign * by, 9)


def contribution(body: dict[str, Any]) -> dict[str, float]:
    """Return the counts that a message's body contributes; calls of a tool as `tool:NAME`."""
    role = text(body, "role", 20)
    found: dict[str, float] = {"messages": 1}
    if role == "user" and body.get("meta") is not True and has_text(body):
        found["user_messages"] = 1
    for part in items(body, "parts"):
        if not isinstance(part, dict):
            continue
        if part.get("type") == "tool_call":
            add(found, "tool_calls", 1, _MOST_NAMES)
            add(found, f"tool:{text(part, 'name', 80)}", 1, _MOST_NAMES)
        elif part.get("type") == "tool_call_response" and part.get("is_error") is True:
            add(found, "errors", 1, _MOST_NAMES)
    for effect in items(body, "effects"):
        if isinstance(effect, dict):
            name = _EFFECTS.get(text(effect, "op", 20))
            if name:
                add(found, name, 1, _MOST_NAMES)
            for field, total in (("added", "lines_added"), ("removed", "lines_removed")):
                if lines := count(effect.get(field)):
                    add(found, total, lines, _MOST_NAMES)
    return found


def has_text(body: dict[str, Any]) -> bool:
    """Return whether a message says something in words."""
    return any(isinstance(p, dict) and p.get("type") == "text" and p.get("content") for p in items(body, "parts"))


def _count_node(metrics: Metrics, nodes: dict[str, dict[str, float]], event: Event, body: dict[str, Any]) -> int:
    key = f"{event.stream}\n{event.node}"
    before, now = nodes.get(key, {}), contribution(body)
    for name in {**before, **now} if before else now:
        if name != "first" and (by := now.get(name, 0) - before.get(name, 0)):
            _raise(metrics, name, by, event.actor)
    first = int(before.get("first", event.seq))
    put(nodes, key, {**now, "first": first}, WINDOW)
    return first


def _count_redacted(metrics: Metrics, taken: dict[str, Any]) -> None:
    for kind, number_of in taken.items():
        if by := count(number_of):
            tally(metrics, "redacted", by)
            tally(metrics, f"redacted:{kind[:80]}", by)


def _count_named(metrics: Metrics, event: Event, body: dict[str, Any]) -> None:
    name, by = text(body, "name", 80) or "unnamed", number(body.get("by", 1))
    _raise(metrics, name, by, text(body, "agent", 64) or event.actor)


def _raise(metrics: Metrics, name: str, by: float, agent: str) -> None:
    if name.startswith("tool:"):
        add(metrics["tools"], name[5:], by, _MOST_NAMES)
    else:
        tally(metrics, name, by, agent)


def _tokens() -> Tokens:
    return Tokens(input=0, output=0, cache_read=0, cache_write=0, reasoning=0)


def _of(table: dict[str, Utilisation], name: str) -> Utilisation:
    name = name[:64]
    if name not in table:
        if len(table) >= _MOST_NAMES:
            name = "(others)"
        if name not in table:
            table[name] = Utilisation(tokens=_tokens(), cost_usd=0, counts={})
    return table[name]
