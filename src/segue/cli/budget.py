"""`segue budget`: how full a context is, of what, and what was used."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import click

from segue.cli.frame import Frame
from segue.cli.params import COUNT
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.cli.render import line, number, plural, span, style, table
from segue.core.errors import UsageError

if TYPE_CHECKING:
    from segue.core.context.occupancy import Share
    from segue.core.context.spent import By, Sum
    from segue.engine.budget.budgets import Report


@_command("budget", short_help="how full the context is and of what, what was used and what it cost")
@_session
@click.option("--at", type=click.IntRange(1), metavar="SEQ", help="As it was at this position.")
@click.option("--top", type=COUNT, default=8, show_default=True, help="So many consumers of each sort.")
@click.option("--by", type=click.Choice(["session", "agent", "model", "day"]), help="Instead: what was used, summed up.")
@click.option("--all", "all_", is_flag=True, help="With --by: of all sessions.")
@click.option("--since", metavar="AGE", help="With --by: from this age (12h, 7d) or date on.")
@click.option("--limit", type=click.FloatRange(0, min_open=True), metavar="USD", help="The session may cost so much from now on.")
@click.option("--no-limit", is_flag=True, help="It may cost what it likes.")
@click.option("--react", is_flag=True, help="Go on beyond the limit with agents that only react.")
@click.option("--pause", is_flag=True, help="Pause it at its limit, with a checkpoint.")
@click.option("--condense", is_flag=True, help="Have a condensed context at hand, and print it with what it frees.")
@click.option("--succeed", is_flag=True, help="End the session; a successor goes on from the condensed context.")
def command(
    frame: Frame, session: str | None, at: int | None, top: int, by: Any, all_: bool, since: str | None, **wish: Any
) -> None:
    """Print how full the context of SESSION is, of what, what was used and what it cost.

    Figures are the provider's own where an agent's records or its status line have them, and estimated for what came since; the
    answer says which, and for which family of models. Prices are those of a table that segue brings, of the agent's own records
    where they tell them, or your own (`prices`); windows likewise (`windows`).
    """
    from segue.cli.budget_act import act

    if act(frame, session, wish):
        return
    if by or all_ or since:
        _usage(frame, session, cast("By", by or "session"), all_=all_, since=since)
        return
    from segue.engine.budget.budgets import report

    app = frame.app
    target = frame.session(session)
    found = report(app.store, target.session, app.budgets, app.counter, at or target.position, app.lives)
    document = _document(frame, found, top)
    frame.answer(document, lambda d: _text(d, frame.width))


def _usage(frame: Frame, session: str | None, by: "By", *, all_: bool, since: str | None) -> None:
    from segue.cli.times import moment
    from segue.engine.budget.budgets import usage

    if all_ and session is not None:
        raise UsageError("either one session or all of them", hint="segue budget --by day --all")
    app = frame.app
    wanted = None if all_ else frame.session(session).session
    rows = [(row.id, row.name or row.id) for row in app.index.sessions() if wanted in {None, row.id}]
    sums = usage(app.store, rows, by, app.budgets, moment(since, frame.now()) or "")
    document = {"by": by, "sessions": len(rows), "rows": [_sum(one) for one in sums]}
    frame.answer(document, lambda d: _sums_text(d["rows"], by, frame.width))


def _document(frame: Frame, found: "Report", top: int) -> dict[str, Any]:
    from segue.core.context.spent import key_of, sums
    from segue.core.session.budget import duration_of
    from segue.engine.budget.budgets import to_json

    rules = frame.app.budgets
    state, content = found.state, found.content
    history = {
        by: [_sum(one) for one in sums(((key_of(call, by), call) for call in found.calls), rules.prices)]
        for by in ("day", "agent", "model")
    }
    return {
        **to_json(found, rules),
        "duration": {"seconds": round(state.worked_seconds, 3), "band": duration_of(state.worked_seconds)},
        **{name: value for name, value in _sum(found.spent).items() if name != "name"},
        "shown": content.tokens,
        "consumers": {
            "kinds": [one._asdict() for one in content.kinds[:top]],
            "tools": [one._asdict() for one in content.tools[:top]],
            "files": [one._asdict() for one in content.files[:top]],
        },
        "live": found.live._asdict() if found.live else None,
        "forgotten": _forgotten(found, top),
        "history": history,
        "crossings": state.budget["crossings"],
        "condensed": state.budget["condensed"],
        "successor": state.budget["successor"] or None,
        "limit": _limit(state, rules.limit),
    }


def _forgotten(found: "Report", top: int) -> dict[str, Any] | None:
    """Return what the agent's own summary says nothing of: how much, and the latest of each kind."""
    if found.forgotten is None:
        return None
    lost = found.forgotten.lost
    kinds = dict.fromkeys(one.kind for one in lost)
    shown = [one for kind in kinds for one in [o for o in lost if o.kind == kind][-top:]]
    counts = {kind: sum(one.kind == kind for one in lost) for kind in kinds}
    return {"compaction": found.forgotten.compaction, "counts": counts, "lost": [one._asdict() for one in shown]}


def _limit(state: Any, general: float | None) -> dict[str, Any]:
    own = state.budget["limit"]
    return {"usd": general if own is None else own, "reached_at": state.budget["reached"], "choice": state.budget["choice"]}


def _sum(one: "Sum") -> dict[str, Any]:
    return {
        "name": one.name,
        "calls": one.calls,
        "tokens": one.tokens,
        "cost_usd": round(one.cost_usd, 6),
        "recorded_usd": round(one.recorded_usd, 6),
        "unpriced_tokens": one.unpriced,
    }


def _text(d: dict[str, Any], width: int) -> str:
    consumers = d["consumers"]
    lines = [
        f"{style('bold', d['name'] or d['session'])}  {', '.join(filter(None, (d['agent'], d['model'])))}",
        _field("context", _context(d)),
        _field("", bar(d["percent"], d["thresholds"], min(width - 15, 60)) if d["percent"] is not None else ""),
        _field("counted", _counted(d)),
        _field("told", _live(d["live"])),
        _field("at work", f"{span(d['duration']['seconds'])} ({d['duration']['band']})"),
        _field("used", _used(d)),
        _field("limit", _limit_text(d["limit"], d["cost_usd"])),
        _field("crossed", "; ".join(f"{one['band']} at {one['percent']:g} %" for one in d["crossings"][-4:])),
        _field("condensed", _condensed(d["condensed"])),
        _field("successor", d["successor"] or ""),
    ]
    parts = ["\n".join(one for one in lines if one) + "\n"]
    parts += [
        f"\n{_shares(consumers[name], title, d['used'], width)}"
        for name, title in (("kinds", "the context by kind"), ("tools", "by tool"), ("files", "by file"))
        if consumers[name]
    ]
    parts.append(_forgotten_text(d, width))
    if len(d["history"]["day"]) > 1:
        parts.append("\n" + _sums_text(d["history"]["day"], "day", width))
    return "".join(parts)


def _context(d: dict[str, Any]) -> str:
    if d["window"] is None:
        known = f"the window of {d['model'] or 'its model'} is not known: segue config set windows 'MODEL=TOKENS'"
        return f"{number(d['used'])} tokens; {known}"
    colour = {"normal": "green", "disclosure": "yellow", "summarisation": "yellow", "emergency": "red"}[d["band"]]
    share = style(colour, f"{d['percent']:g} %, {d['band']}")
    return f"{number(d['used'])} of {number(d['window'])} tokens ({share}), {number(d['available'])} available"


def bar(percent: float, thresholds: dict[str, float], width: int) -> str:
    """Return a bar of *width* characters, the thresholds marked in it."""
    full = min(round(percent * width / 100), width)
    marks = {min(int(value * width / 100), width - 1) for value in thresholds.values()}
    return "".join("█" if i < full else "│" if i in marks else "·" for i in range(width))


_METHODS = {
    "exact": "counted exactly",
    "anchored": "by the provider's own count, and an estimate of what came since",
    "estimate": "estimated; what the agent does not write down (system prompt, tools) is missing",
}
_BY = {
    "configuration": "as you have set it",
    "told": "as the agent told it",
    "model": "as its model is known",
    "agent": "as its agent has it",
    "unknown": "",
    "wish": "",
}


def _counted(d: dict[str, Any]) -> str:
    from segue.core.context.tokens import FAMILY_NAMES

    window = f"; window {_BY[d['window_by']]}" if _BY[d["window_by"]] else ""
    give = f", give or take {d['margin']:.1%}" if d["margin"] >= 0.0005 else ""
    return f"for {FAMILY_NAMES[d['family']]}, {_METHODS[d['method']]}{give}{window}"


def _live(live: dict[str, Any] | None) -> str:
    """Return what the agent told its status line last."""
    if live is None:
        return ""
    window = f" of {number(live['window'])}" if live["window"] else ""
    cost = f", ${live['cost_usd']:.2f} since it was started" if live["cost_usd"] else ""
    return f"{number(live['used'])}{window} tokens{cost}, to the status line"


def _used(d: dict[str, Any]) -> str:
    tokens = d["tokens"]
    if not d["calls"]:
        return "nothing that its agent told"
    cached = f" ({number(tokens['cache_read'])} from the cache)" if tokens["cache_read"] else ""
    return (
        f"{plural(d['calls'], 'call')}, {number(tokens['input'])} tokens in{cached}, {number(tokens['output'])} out, {_cost(d)}"
    )


def _cost(d: dict[str, Any]) -> str:
    whole = f"${d['cost_usd']:.2f}" if d["cost_usd"] or not d["unpriced_tokens"] else ""
    lacking = f"{number(d['unpriced_tokens'])} tokens of unknown price" if d["unpriced_tokens"] else ""
    return " and ".join(filter(None, (whole, lacking)))


def _limit_text(limit: dict[str, Any], cost: float) -> str:
    if limit["usd"] is None:
        return ""
    reached = f", reached at ${limit['reached_at']:.2f}: {limit['choice'] or 'not answered yet'}" if limit["reached_at"] else ""
    return f"${cost:.2f} of ${limit['usd']:.2f}{reached}"


def _condensed(found: dict[str, Any] | None) -> str:
    if not found:
        return ""
    return f"{number(found['before'])} to {number(found['after'])} tokens, {number(found['freed'])} freed ({found['trigger']})"


def _forgotten_text(d: dict[str, Any], width: int) -> str:
    found = d["forgotten"]
    if not found or not found["lost"]:
        return ""
    name = d["name"] or d["session"]
    rows = [(number(one["seq"]).replace(",", ""), one["kind"], one["text"]) for one in found["lost"]]
    whole = f"a number is expanded by: segue show {name} NUMBER\n"
    return "\n" + table(rows, ("event", "what", "what the agent's own summary says nothing of"), width) + whole


def _tail(path: str, width: int) -> str:
    """Return the end of a path, which says most of it."""
    return path if len(path) <= width else "…" + path[1 - width :]


def _shares(shares: "Sequence[dict[str, Any]] | Sequence[Share]", title: str, whole: int, width: int) -> str:
    from segue.core.context.occupancy import KINDS

    rows = []
    for one in shares:
        found: Any = one
        share = f"{100 * found['tokens'] / whole:.1f} %" if whole else ""
        rows.append(
            (
                number(found["tokens"]),
                share,
                number(found["pieces"]),
                KINDS.get(found["name"]) or _tail(found["name"], width - 26),
            )
        )
    return table(rows, ("tokens", "share", "pieces", title), width)


def _sums_text(rows: Sequence[dict[str, Any]], by: str, width: int) -> str:
    if not rows:
        return "nothing was used that an agent told\n"
    lines = [
        (
            line(one["name"], 40),
            number(one["calls"]),
            number(one["tokens"]["input"]),
            number(one["tokens"]["cache_read"]),
            number(one["tokens"]["output"]),
            _cost(one),
        )
        for one in rows
    ]
    header = (by, "calls", "in", "from cache", "out", "cost")
    return table(lines, header, width)


def _field(name: str, value: str) -> str:
    return f"  {style('dim', name.ljust(10))} {value}" if value else ""
