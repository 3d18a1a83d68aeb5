"""The tools that only read: where was I, restore, search, budget."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final

from segue.core.context.quoting import line
from segue.core.errors import SegueError
from segue.mcp.call import Call, framed, head
from segue.mcp.definitions import DEFAULT_RESTORE, DEFAULT_SEARCH
from segue.mcp.scope import Meant

if TYPE_CHECKING:
    from segue.core.session.state import State
    from segue.ports import Spot

_LONG: Final = 600
"""Characters of what was asked and answered last."""
_SHORT: Final = 200
_FEW: Final = 5
_FOUND: Final = 16
"""Places in a long log that are looked up for a task."""
_OTHERS: Final = 3


def where_was_i(call: Call, given: Mapping[str, Any]) -> str:
    """Tell where work stands: the caller's session, the one before, what is open, what changed since."""
    scope = call.scope
    ref = given.get("session", "")
    if not ref and not scope.rows:
        where = ", ".join(scope.directories)
        return f'nothing is recorded for {where} yet; segue start --task "..." begins a session, segue init captures agents\n'
    meant = scope.to_read(ref)
    mine = scope.mine
    lines = [f"project: {', '.join(scope.directories)}"]
    if mine is not None:
        lines.append(f"your session: {mine.row.name or mine.row.id} ({mine.why})")
    lines.append(head(meant))
    lines.append(framed(_state_lines(call, meant)))
    others = [row for row in scope.rows if row.id not in {meant.session, mine.row.id if mine else ""}][:_OTHERS]
    if others and not ref:
        lines.append("other sessions here:")
        lines.append(
            framed(
                f"{row.name or row.id} {row.status} {row.last_activity[:16]} {_short(row.title or row.task)}" for row in others
            )
        )
    lines.append(f"to go on with it: restore with session {meant.name or meant.session}")
    return "\n".join(lines) + "\n"


def restore(call: Call, given: Mapping[str, Any]) -> str:
    """Return the context to go on with, never over its budget, the lines above it included."""
    from segue.engine.context.restoring import Wanted
    from segue.engine.context.restoring import restore as restored_of

    app = call.app
    meant = call.scope.to_read(given.get("session", ""))
    call.progress(1, 3, "comparing what was saved with what is there")
    changed = "" if meant.position is not None else _changed(call, meant.session)
    call.progress(2, 3, "packing the context")
    above = head(meant) + "\n"
    model = None
    room = given.get("budget", DEFAULT_RESTORE) - app.counter(model).count(above) - 2
    wanted = Wanted(
        at=meant.position,
        budget=max(room, 1),
        task=given.get("task", ""),
        offer=app.offer,
        find=lambda about: found_in(call, meant.session, about),
        changed=changed,
    )
    restored = restored_of(app.store, meant.session, wanted, app.counter)
    if restored.damage:
        call.warn(f"{len(restored.damage)} damaged places of {meant.name or meant.session} were passed over")
    call.progress(3, 3, "done")
    return above + restored.context.text


def search(call: Call, given: Mapping[str, Any]) -> str:
    """Return the evidence that the project's sessions have for some words, packed into a budget."""
    from segue.engine.context.evidence import pack_evidence
    from segue.ports import Filters

    app, query, file = call.app, given["query"], given.get("file")
    rows = {row.id: row for row in call.scope.rows}
    budget = given.get("budget", DEFAULT_SEARCH)
    if given.get("session"):
        meant = call.scope.to_read(given["session"])
        filters = [Filters(session=meant.session)]
        above = head(meant)
    else:
        places = dict.fromkeys(row.workspace for row in call.scope.rows)
        filters = [Filters(workspace=place) for place in places]
        above = f"in {len(rows)} session{'' if len(rows) == 1 else 's'} of {', '.join(call.scope.directories)}"
    ranked: list[Sequence[Spot]] = []
    for number, one in enumerate(filters):
        call.progress(number + 1, len(filters) + 1, "searching")
        ranked.append(_ranked(call, query, one, file, budget))
    spots = [spot for rank in zip_longest(*ranked) for spot in rank if spot is not None]  # scores of two answers do not compare
    if not spots:
        return f"{above}: nothing fits; fewer or other words may\n"
    room = max(budget - app.counter(None).count(above) - 2, 1)
    names = {id_: row.name or id_ for id_, row in rows.items()}
    evidence = pack_evidence(app.store, spots, query, room, app.counter(None), lambda id_: names.get(id_, id_))
    return f"{above}\n{evidence.text}"


def budget(call: Call, given: Mapping[str, Any]) -> str:
    """Return how full the context of a session is, of what, what was used and what it cost."""
    from segue.engine.budget.budgets import report, to_json
    from segue.engine.budget.crossing import remark

    app = call.app
    meant = call.scope.to_write(given.get("session", ""))
    found = report(app.store, meant.session, app.budgets, app.counter, meant.position, app.lives)
    facts = to_json(found, app.budgets)
    window = f" of {facts['window']:,} ({facts['percent']:g} %, {facts['band']})" if facts["window"] else ", window not known"
    spent = found.spent.tokens
    lines = [
        head(meant),
        f"context: {facts['used']:,}{window}, {facts['method']}",
        f"used: {spent['input']:,} tokens in, {spent['output']:,} out; cost: ${found.spent.cost_usd:.2f}",
    ]
    if told := remark(found.state):
        lines.append(line(told, _LONG))
    consumers = [(kind, shares) for kind in ("kinds", "tools", "files") if (shares := getattr(found.content, kind)[:_FEW])]
    if consumers:
        lines.append("largest consumers, in tokens:")
        lines.append(
            framed(f"{kind}: " + ", ".join(f"{one.name} {one.tokens:,}" for one in shares) for kind, shares in consumers)
        )
    return "\n".join(lines) + "\n"


def found_in(call: Call, session: str, about: str) -> list[int]:
    """Return the events of a session that are about something, the best first; none where the index cannot tell."""
    from segue.ports import Filters

    try:
        return [hit.seq for hit in call.app.index.search(about, Filters(session=session), limit=_FOUND, order="best").hits]
    except SegueError:
        return []


def _ranked(call: Call, query: str, filters: Any, file: str | None, tokens: int) -> "Sequence[Spot]":
    limit = tokens // 8 + 8  # an entry has hardly fewer tokens
    return call.app.index.rank(query, filters, file=file, limit=limit).spots


def _changed(call: Call, session: str) -> str:
    """Return what changed since the session stopped, a line each; nothing where it cannot be told."""
    from segue.app.delta import check

    with suppress(SegueError, OSError):
        return check(call.app, session).told()
    return ""


def state_of(call: Call, meant: Meant) -> "State":
    """Return the state of a session; damaged places are passed over, and told of."""
    from segue.engine.loading import load

    damage: list[Any] = []
    state = load(call.app.store, meant.session, meant.position, on_damage=damage.append)
    if damage:
        call.warn(f"{len(damage)} damaged places of {meant.name or meant.session} were passed over")
    return state


def _state_lines(call: Call, meant: Meant) -> list[str]:
    """Return a session in a few lines, each of which names what it tells."""
    from segue.core.session.hints import hints
    from segue.engine.sessions import current_task

    state = state_of(call, meant)
    work, hinted = state.work, hints(state)
    since = state.activity[:16].replace("T", " ")
    plan = [f"[{step['status']}] {step['text']}" for step in work["plan"]]
    told = [
        ("status", f"{state.status}, {state.seq} events, last at {since} UTC, {state.header['agent'] or 'no agent'}"),
        ("task", _short(current_task(state))),
        ("asked last", _long(work["instructions"][-1]["text"]) if work["instructions"] else ""),
        ("answered last", _long(work["last_reply"]["text"]) if work["last_reply"] else ""),
        ("focus", (work["focus"]["path"] or work["focus"]["note"]) if work["focus"] else ""),
        ("progress", "" if work["progress"] is None else f"{work['progress']:g} %"),
        *(("plan", _short(one)) for one in plan[: 2 * _FEW]),
        *(("keep to", _short(one["text"])) for kind in (work["constraints"], work["preferences"]) for one in kind.values()),
        *(("blocked by", _short(one["text"])) for one in work["blockers"].values()),
        *(("decided", _because(one)) for one in list(work["decisions"].values())[-_FEW:]),
        *(("open thread", _noted(one)) for one in list(work["threads"].values())[-_FEW:]),
        *(("open question", _short(one)) for one in hinted["open_questions"][:_FEW]),
        *(("next", _short(one["text"])) for one in hinted["next_actions"][:_FEW]),
    ]
    lines = [f"{name}: {text}" for name, text in told if text]
    since_then = [_whose(call, one) for one in _changed(call, meant.session).splitlines()[: 2 * _FEW]]
    return lines + [f"since then: {one}" for one in since_then]


def _whose(call: Call, told: str) -> str:
    """Return a line about what changed, in which the caller's own session is said to be that."""
    mine = call.scope.mine
    return told.replace(f" {mine.row.name} (", f" {mine.row.name} (yours, ", 1) if mine is not None and mine.row.name else told


def _because(one: Mapping[str, Any]) -> str:
    return _short(f"{one['title']} (because {one['reason']})" if one["reason"] else one["title"])


def _noted(one: Mapping[str, Any]) -> str:
    return _short(f"{one['topic']}: {one['notes']}" if one["notes"] else one["topic"])


def _short(text: str) -> str:
    return line(text, _SHORT)


def _long(text: str) -> str:
    return line(text, _LONG)
