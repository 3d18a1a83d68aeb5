"""`segue why`: why a file is not in the log, or how it is."""

import os
from typing import Any

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import plural, style, table
from segue.core.errors import NotFoundError
from segue.engine.capture.explaining import Why

_MEANS = {
    "imported": "in the log",
    "behind": "in the log, but not what was written last",
    "torn": "in the log up to its last whole record",
    "rewritten": "in the log as it was before it was rewritten",
    "new": "not imported",
    "empty": "nothing to import",
    "stranger": "not imported: nobody's transcript",
    "excluded": "not imported: excluded",
    "unreadable": "cannot be read",
    "deleted": "in the log, the file is gone",
    "missing": "not there",
}


@_command("why", short_help="why a file is not in the log, or how it is")
@click.argument("path", type=click.Path())
def command(frame: Frame, path: str) -> None:
    """Say of the file PATH, or of each in that directory, whether it is in the log, and if not, why. Nothing is imported."""
    from segue.engine.capture.explaining import explain

    app = frame.app
    whole = os.path.normpath(os.path.join(app.cwd, os.path.expanduser(path)))  # noqa: PTH111, PTH118  (a name, links are kept)
    found = list(explain(app.store, app.transcripts, whole, app.index.sessions(), app.seen, clock=app.clock))
    if [w.verdict for w in found] == ["missing"]:
        raise NotFoundError("transcript", path, hint=found[0].hint or "segue list --found")
    frame.answer({"files": [w.to_json() for w in found]}, lambda _: _text(frame, found))


def _text(frame: Frame, found: list[Why]) -> str:
    if len(found) > 1:
        rows = [(w.verdict, w.agent or "-", _session(frame, w), os.path.relpath(w.path, frame.app.cwd)) for w in found]
        return table(rows, ("it is", "agent", "session", "file"), frame.width) + "more of one: segue why FILE\n"
    (one,) = found
    lines = [f"{style('bold', one.path)}: {_MEANS[one.verdict]}", *(f"  {reason}" for reason in one.why)]
    if one.agent:
        lines.append(f"  a transcript of {one.agent}, its session {one.foreign_id}")
    if one.session:
        lines.append(f"  session {_session(frame, one)}" + _records(one))
    if one.losses:
        lines.append(f"  {plural(len(one.losses), 'place')} of it could not be read:")
        lines += [f"    {loss}" for loss in one.losses[:10]]
        lines += [f"    and {len(one.losses) - 10} more: --json has all"] if len(one.losses) > 10 else []
    lines += [f"  {a.agent}: {a.missed}" for a in one.asked]
    if one.hint:
        lines.append(f"next: {one.hint}")
    return "\n".join(lines) + "\n"


def _records(one: Why) -> str:
    return f": {plural(one.records, 'event')} of this file, from {one.first:,} to {one.last:,}" if one.records else ""


def _session(frame: Frame, one: Why) -> Any:
    return (frame.app.index.session(one.session).name or one.session) if one.session else "-"
