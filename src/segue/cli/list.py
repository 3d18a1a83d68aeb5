"""`segue list`: the registry."""

from pathlib import PurePath
from typing import Any

import click

from segue.cli.frame import Frame
from segue.cli.params import AGENT, COUNT
from segue.cli.params import command as _command
from segue.cli.render import ago, number, plural, table
from segue.core.log.times import seconds
from segue.core.session.lifecycle import STATES
from segue.ports import Filters


@_command("list", short_help="sessions, latest activity first")
@click.argument("text", required=False, default="")
@click.option("--status", multiple=True, type=click.Choice(STATES), help="May be repeated.")
@click.option("--project")
@click.option("--organisation")
@click.option("--type", "type_")
@click.option("--agent", type=AGENT, metavar="AGENT", help="claude-code, codex, ...")
@click.option("--owner")
@click.option("--tag")
@click.option("--here", is_flag=True, help="Only sessions of this workspace.")
@click.option("--resumable", is_flag=True, help="Only those that were paused within 7 days.")
@click.option("--since", metavar="AGE", help="Active within this age (90m, 12h, 7d), or since a date (2026-01-15).")
@click.option("--until", metavar="AGE", help="Not active within this age, or since a date.")
@click.option("--limit", "-n", type=COUNT, default=None, help="At most so many. [default: 30, all with --json]")
@click.option("--all", "all_", is_flag=True, help="Archived sessions too, and no limit.")
@click.option("--found", is_flag=True, help="Instead: agents' transcripts on this machine that are not imported as they are now.")
def command(
    frame: Frame,
    text: str,
    status: tuple[str, ...],
    here: bool,
    resumable: bool,
    since: str | None,
    until: str | None,
    limit: int | None,
    all_: bool,
    found: bool,
    type_: str | None,
    **given: Any,
) -> None:
    """List sessions, latest activity first. TEXT is looked for in names, titles, tasks and tags."""
    from segue.cli.times import moment

    app = frame.app
    if found:
        _found(frame, given["agent"], limit or (None if all_ or frame.json else 30))
        return
    week_ago = moment("7d", frame.now()) or ""
    if resumable:
        status, since = ("paused",), since or "7d"
    filters = Filters(
        status=status or (STATES if all_ else tuple(s for s in STATES if s != "archived")),
        type=type_,
        workspace=app.workspace if here else None,
        since=moment(since, frame.now()),
        until=moment(until, frame.now()),
        **given,
    )
    most = limit or (None if all_ or frame.json else 30)
    rows = app.index.sessions(filters, text=text, limit=None if most is None else most + 1)
    more = most is not None and len(rows) > most
    rows = rows[:most]

    def render(_document: Any) -> str:
        if not rows:
            return "no session fits\n" if text or status or any(given.values()) else _EMPTY
        lines = [
            (
                r.name or r.id,
                r.status,
                ago(frame.now() - seconds(r.last_activity)) if r.last_activity else "",
                r.agent or "",
                number(r.head),
                r.project or PurePath(r.workspace).name,
                r.about,
            )
            for r in rows
        ]
        note = f"and more: segue list --all, or -n {2 * (most or 0)}\n" if more else ""
        return (
            table(
                lines,
                ("name", "status", "active", "agent", "events", "project", "about"),
                frame.width,
                ("events", "agent", "project"),
            )
            + note
        )

    frame.answer(
        {
            "sessions": [r.to_json() | {"resumable": r.status == "paused" and r.last_activity >= week_ago} for r in rows],
            "more": more,
        },
        render,
    )
    if not frame.json and rows and frame.interactive:
        frame.write(f"{plural(len(rows), 'session')}. Next: segue status NAME, segue restore NAME\n")


def _found(frame: Frame, agent: str | None, most: int | None) -> None:
    from segue.cli.import_ import everywhere
    from segue.engine.capture.discovery import find_all

    app = frame.app
    where = everywhere(frame, agent)
    waiting = find_all(app.store, app.transcripts, where, app.seen, clock=app.clock)

    def render(_document: Any) -> str:
        if not waiting:
            known = ", ".join(root.agent for root in where)
            return f"all transcripts of {known} are in the log\n" if where else "no agent that is known has transcripts here\n"
        lines = [
            (w.agent, w.foreign_id or "-", w.state, ago(frame.now() - w.modified), f"{-(-w.bytes // 1024):,} kB", w.path)
            for w in waiting[:most]
        ]
        more = f"and {len(waiting) - len(lines)} more: segue list --found --all\n" if len(lines) < len(waiting) else ""
        header = ("agent", "its id", "state", "written", "size", "file")
        return table(lines, header, frame.width) + more + "take them in: segue import --all, or segue import FILE\n"

    frame.answer({"found": [w.to_json() for w in waiting[:most]], "more": most is not None and len(waiting) > most}, render)


_EMPTY = """no session yet
begin one:           segue start --task "..."
or bring yours in:   segue import --all
"""
