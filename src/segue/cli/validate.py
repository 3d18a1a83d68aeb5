"""`segue validate`: look at every byte, change nothing."""

import re
from typing import Any, Final

import click

from segue.cli import records
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import plural, style, table
from segue.core.errors import DamagedError, SegueError, WorkspaceError
from segue.ports import Finding

_SHOWN: Final = 50
_BAD: Final = ("damage", "gap")
_VALUE: Final = re.compile(r"\b[0-9a-f]{64}\b")


@_command("validate", short_help="check every byte, and name what is damaged")
@click.argument("session", required=False)
@click.option("--full", is_flag=True, help="Read every byte of snapshots of workspaces, too.")
def command(frame: Frame, session: str | None, full: bool) -> None:
    """Check digests, structure, references and snapshots of SESSION, or of the whole store. Nothing is changed.

    Each checkpoint's snapshot of the workspace must be there with all that is in it. The exit code is 6 where something is
    damaged; every finding is named.
    """
    from segue.engine.recovery.validating import validate

    app = frame.app
    target = app.resolve(session).session if session else None
    snapshots = app.saving.snapshots
    try:
        checked, found = validate(app.store, target, snapshots, every_byte=full)
    except WorkspaceError as e:
        frame.warn(f"snapshots of workspaces were not looked at: {e.message}")
        checked, found = validate(app.store, target)
    found = [*found, *_behind(frame, target, {(f.session, f.seq) for f in found if f.severity in _BAD})]
    names = {f.session: _name(frame, f.session) for f in found if f.session}
    bad = [f for f in found if f.severity in _BAD]
    document = {
        "valid": not bad,
        "sessions": checked.sessions,
        "events": checked.events,
        "findings": [records.finding(f) for f in found],
    }
    frame.answer(document, lambda d: _text(d, found, names, frame.width))
    if bad:
        error = DamagedError(
            "the store" if target is None else f"session {target!r}",
            plural(len(bad), "place") + " of it are not what was written"
            if len(bad) > 1
            else "a place of it is not what was written",
            findings=[records.finding(f) for f in bad[:_SHOWN]],
        )
        error.hint = "segue recover --dry-run"
        raise error


def _behind(frame: Frame, session: str | None, known: set[tuple[str | None, int | None]]) -> list[Finding]:
    """Return what copies of the store have and it has not, as far as that is not *known*; where none can be asked, nothing."""
    app = frame.app
    if not app.config["store"].startswith("log:"):
        return []
    try:
        found = app.copies.recovery(None, lambda _what, _done, _of: None).compare(session)
    except SegueError as e:
        frame.warn(f"copies of the store were not looked at: {e.message}")
        return []
    return [one for one in found if (one.session, one.seq) not in known]


def _text(document: dict[str, Any], found: list[Finding], names: dict[str, str], width: int) -> str:
    checked = f"{plural(document['sessions'], 'session')}, {plural(document['events'], 'event')} checked"
    if not found:
        return f"{style('green', 'sound')}: {checked}\n"
    rows = [(f.severity, names.get(f.session or "", f.session or "the store"), str(f.seq or ""), _why(f)) for f in found]
    return table(rows, ("finding", "session", "event", "where and why"), width) + checked + "\n"


def _why(f: Finding) -> str:
    """Return where and why, names of large values cut short: what is wrong with them is to be seen."""
    return _VALUE.sub(lambda name: f"{name[0][:12]}...", f"{f.where}: {f.reason}")


def _name(frame: Frame, session: str) -> str:
    from segue.engine.loading import load

    try:
        return load(frame.app.store, session, on_damage=lambda _: None).header["name"] or session
    except SegueError:
        return session
