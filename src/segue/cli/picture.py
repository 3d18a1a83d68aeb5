"""A session at a glance: what `segue status` and bare `segue` show."""

from typing import TYPE_CHECKING, Any

from segue.cli.render import ago, line, number, plural, span, style
from segue.core.log.times import seconds
from segue.core.session.state import State

if TYPE_CHECKING:
    from segue.app import App
    from segue.ports.autosaves import Record


_STEPS = 9
"""Steps of a plan that are shown."""


def picture(state: State, app: "App") -> dict[str, Any]:
    """Return what a person wants to know of a session, as the JSON that `status` prints."""
    from segue.core.session.hints import hints
    from segue.core.session.limits import limits
    from segue.engine.lineage import came_from, went_on
    from segue.engine.sessions import can, current_task

    header, work, life = state.header, state.work, state.lifecycle
    counts = state.metrics["counts"]
    held = app.store.lease(state.session)
    origin = came_from(app.store, app.index, state)
    return {
        "id": state.session,
        "name": header["name"],
        "slug": header["slug"],
        "title": header["title"],
        "agent": header["agent"],
        "project": header["project"],
        "workspace": header["workspace"],
        "status": state.status,
        "reason": life["reason"],
        "note": life["note"],
        "since": life["since"],
        "last_activity": state.activity or life["created"],
        "idle_seconds": round(max(app.clock.now() - seconds(state.activity or state.at), 0), 3) if state.at else 0,
        "active_seconds": round(state.active_seconds, 3),
        "worked_seconds": round(state.worked_seconds, 3),
        "driver": {"holder": held.holder, "until": held.until} if held else None,
        "came_from": origin._asdict() if origin else None,
        "went_on": [one._asdict() for one in went_on(app.store, app.index, state)],
        "allowed": can(state),
        "head": state.seq,
        "shared": state.lineage["parent"]["seq"] if state.lineage["parent"] else 0,
        "digest": state.digest,
        "task": current_task(state),
        "progress": work["progress"],
        "focus": work["focus"],
        "plan": work["plan"],
        "last_instruction": work["instructions"][-1]["text"] if work["instructions"] else "",
        "last_reply": work["last_reply"]["text"] if work["last_reply"] else "",
        "completed": [e["text"] for e in work["completed_steps"][-5:]],
        "rules": [e["text"] for kind in (work["constraints"], work["preferences"]) for e in kind.values()],
        "blockers": [e["text"] for e in work["blockers"].values()],
        "threads": [t["topic"] for t in work["threads"].values()],
        "decisions": [{"title": d["title"], "reason": d["reason"]} for d in list(work["decisions"].values())[-5:]],
        "changes": work["changes"],
        **_hints(hints(state)),
        "tokens": state.metrics["tokens"],
        "cost_usd": state.metrics["cost_usd"],
        "context_tokens": state.usage["context_tokens"] if state.usage else None,
        "model": (state.usage["model"] if state.usage else "") or header["model"],
        "counts": counts,
        "checkpoints": len(state.checkpoints),
        "losses": state.losses["count"],
        "limits": [one._asdict() for one in limits(state)],
        "budget": _budget(state, app),
        "autosave": _autosave(app.saving.autosaves.read(state.session)),
        "backup": _backup(app),
    }


def text(d: dict[str, Any], width: int) -> str:
    """Return the picture for people."""
    lines = [
        f"{style('bold', d['name'] or d['id'])}  {_status(d)}",
        *_field("about", d["title"] or d["task"], width),
        *_field("project", d["project"], width),
        *_field("in", d["workspace"], width),
        *_field("active", _active(d), width),
        *_field("agent", _agent(d), width),
        *_field("driven by", d["driver"]["holder"] if d["driver"] else "", width),
        *_field("came from", _relative(d["came_from"]) if d["came_from"] else "", width),
        *_list("went on in", [_relative(one) for one in d["went_on"]], width),
        *_list("limit", [_limit(one) for one in d["limits"]], width),
        "",
        *_field("asked", d["last_instruction"], width),
        *_field("answered", d["last_reply"], width),
        *_field("focus", _focus(d["focus"]), width),
        *_field("progress", "" if d["progress"] is None else f"{d['progress']:g} %", width),
        *_plan(d["plan"], width),
        *_list("done", _unplanned(d["completed"], d["plan"]), width),
        *_list("keep to", d["rules"][:5], width),
        *_list("blocked", d["blockers"], width),
        *_list("decided", [_decision(one) for one in d["decisions"]], width),
        *_list("next", [a["text"] for a in d["next_actions"] if a["why"] != "plan"][:5], width),
        *_list("questions", d["open_questions"][:5], width),
        *_list("files", [_near(r["path"] or r["id"], d["workspace"]) for r in d["recommended_context"][:5]], width),
        "",
        *_field("log", _log(d), width),
        *_field("used", _used(d), width),
        *_field("budget", d["budget"]["remark"], width),
        *_list("autosave", _saves(d["autosave"]), width),
        *_field("backup", f"of the store, taken {ago(d['backup']['age_seconds'])}" if d["backup"] else "", width),
        *_field("losses", plural(d["losses"], "place") + " of what was taken in could not be read" if d["losses"] else "", width),
    ]
    return "\n".join(_squeezed(lines)) + "\n"


def _plan(steps: list[Any], width: int) -> list[str]:
    """Return the steps, each with its number; of many those about the first that is not over."""
    from segue.core.session.plan import OVER, mark

    first = next((place for place, step in enumerate(steps) if step["status"] not in OVER), len(steps))
    start = max(min(first - _STEPS // 2, len(steps) - _STEPS), 0)
    shown = list(enumerate(steps, 1))[start : start + _STEPS]
    lines = [line(f"{number:>2} [{mark(step['status'])}] {step['text']}", width - 13) for number, step in shown]
    if len(steps) > len(shown):
        lines.append(f"{plural(len(steps), 'step')}, {sum(step['status'] in OVER for step in steps)} of them over")
    return [f"  {style('dim', ('' if place else 'plan').ljust(10))} {one}" for place, one in enumerate(lines)]


def _unplanned(done: list[str], steps: list[Any]) -> list[str]:
    planned = {step["text"] for step in steps}
    return [text for text in done if text not in planned]


def _autosave(record: "Record | None") -> dict[str, Any] | None:
    return {"saved": record.saved, "failed": record.failed, "notice": record.notice} if record else None


def _saves(found: dict[str, Any] | None) -> list[str]:
    if not found:
        return []
    failed = [
        f"{what} failed {plural(int(why.get('times', 1)), 'time')}, and is tried again: {why.get('reason', '')}"
        for what, why in found["failed"].items()
    ]
    return [*failed, found["notice"]]


def _backup(app: "App") -> dict[str, Any] | None:
    """Return the store's last backup, where it has one."""
    last = app.copies.last()
    return {"name": last.name, "at": last.at, "age_seconds": round(app.clock.now() - seconds(last.at), 3)} if last else None


def _budget(state: State, app: "App") -> dict[str, Any]:
    """Return how full the context was when its model answered last."""
    from segue.core.session.budget import duration_of
    from segue.engine.budget.budgets import quick
    from segue.engine.budget.crossing import remark

    at = quick(state, app.budgets)
    duration = duration_of(state.worked_seconds)
    return {"window": at.window or None, "percent": at.percent, "band": at.band, "duration": duration, "remark": remark(state)}


def _hints(found: Any) -> dict[str, Any]:
    return {
        "next_actions": found["next_actions"],
        "open_questions": found["open_questions"],
        "recommended_context": found["recommended_context"],
    }


def _status(d: dict[str, Any]) -> str:
    colours = {"active": "green", "paused": "yellow", "recovering": "yellow", "emergency": "red"}
    why = f" ({d['reason']})" if d["reason"] else ""
    note = f": {d['note']}" if d["note"] else ""
    return style(colours.get(d["status"], "dim"), f"{d['status']}{why}{note}")


def _active(d: dict[str, Any]) -> str:
    return f"{ago(d['idle_seconds'])}, {span(d['worked_seconds'])} of work" if d["last_activity"] else ""


def _agent(d: dict[str, Any]) -> str:
    return ", ".join(filter(None, (d["agent"], d["model"])))


def _limit(one: dict[str, str]) -> str:
    ends = f", ends at {one['resets_at'][:16].replace('T', ' ')} UTC" if one["resets_at"] else ""
    return f"{one['agent']}: {one['kind']} limit{ends}: {one['says']}"


_BY = {
    "fork": "by segue fork",
    "resume": "by segue resume --in",
    "restore": "by segue checkpoint restore",
    "agent": "by its agent",
    "superseded": "as its successor",
}


def _relative(one: dict[str, Any]) -> str:
    agent = f" ({one['agent']})" if one["agent"] else ""
    at = f" at event {one['position']}" if one["position"] else ""
    return f"{one['name'] or one['session']}{agent}{at}, {_BY[one['by']]}"


def _near(path: str, workspace: str) -> str:
    """Return *path* as it is called in the workspace."""
    return path.removeprefix(workspace.rstrip("/") + "/") if workspace else path


def _focus(focus: Any) -> str:
    if not focus:
        return ""
    at = f" at {focus['position']}" if focus["position"] not in (None, "") else ""
    return f"{focus['path'] or focus['note']}{at}"


def _decision(one: dict[str, str]) -> str:
    return f"{one['title']} (because {one['reason']})" if one["reason"] else one["title"]


def _log(d: dict[str, Any]) -> str:
    events, messages = plural(d["head"], "event"), plural(int(d["counts"].get("messages", 0)), "message")
    parts = [f"{events}, {number(d['shared'])} of them shared", f"{messages} of its own"] if d["shared"] else [events, messages]
    if d["checkpoints"]:
        parts.append(plural(d["checkpoints"], "checkpoint"))
    if redacted := int(d["counts"].get("redacted", 0)):
        parts.append(f"{plural(redacted, 'secret')} taken out")
    return ", ".join(parts)


def _used(d: dict[str, Any]) -> str:
    tokens = d["tokens"]
    parts = []
    if tokens["input"] or tokens["output"]:
        parts.append(f"{number(tokens['input'])} tokens in, {number(tokens['output'])} out")
    if d["cost_usd"]:
        parts.append(f"${d['cost_usd']:.2f}")
    if d["context_tokens"]:
        percent = d["budget"]["percent"]
        parts.append(f"context at {number(d['context_tokens'])}" + ("" if percent is None else f" ({percent:g} %)"))
    return ", ".join(parts)


def _field(name: str, value: str, width: int) -> list[str]:
    return [f"  {style('dim', name.ljust(10))} {line(value, width - 13)}"] if value else []


def _list(name: str, values: list[str], width: int) -> list[str]:
    shown = [line(v, width - 15) for v in values if v]
    return [f"  {style('dim', (name if i == 0 else '').ljust(10))} - {value}" for i, value in enumerate(shown)]


def _squeezed(lines: list[str]) -> list[str]:
    """Return the lines without empty ones that follow another, or end the text."""
    found: list[str] = []
    for one in lines:
        if one or (found and found[-1]):
            found.append(one)
    while found and not found[-1]:
        found.pop()
    return found
