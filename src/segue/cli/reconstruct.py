"""`segue reconstruct`: sessions from whatever is left of them."""

import os
from typing import TYPE_CHECKING, Any

import click

from segue.cli import records
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import number, plural, style, table
from segue.core.errors import DamagedError, NotFoundError

if TYPE_CHECKING:
    from segue.engine.capture.importing import Import
    from segue.ports.recovery import Sifted

_SHOWN = 20


@_command("reconstruct", short_help="make sessions of whatever is left of them, files of any origin")
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option("--dry-run", is_flag=True, help="Say what is there and what would be made; make nothing.")
def command(frame: Frame, paths: tuple[str, ...], dry_run: bool) -> int:
    """Make a new session of each log that PATHS hold something of: single segments, what a crash cut short, a damaged backup or
    mirror, lines with others lost between them, whatever surrounds them. Agents' transcripts among the files are imported.

    Nothing that is in the store is changed. Each gap is named, here and in the session, and the exit code is 6. A store that is
    damaged in its place is a matter of segue recover.
    """
    from segue.engine.recovery.reconstructing import reconstruct

    app = frame.app
    given = [os.path.expanduser(path) for path in paths]  # noqa: PTH111  (as the shell would have)
    found, made = reconstruct(app.copies.sifter, app.desk, given, dry_run=dry_run)
    imported = _import(frame, found) if not dry_run else None
    if not made and not (imported and imported.sessions) and not (dry_run and found.strangers):
        raise NotFoundError("session, or a part of one, in", ", ".join(paths), hint="give files, or directories that hold some")
    document = records.reconstructed(found, made, imported)
    frame.answer({**document, "dry_run": dry_run}, lambda d: _text(d, frame.width, dry_run=dry_run))
    return DamagedError.exit_code if any(one.lost or one.blobs for one in made if one.state != "whole") else 0


def _import(frame: Frame, found: "Sifted") -> "Import | None":
    """Import the transcripts among the files that have nothing of ours in them."""
    from segue.cli.import_ import take

    return take(frame, found.strangers) if found.strangers else None


def _text(document: dict[str, Any], width: int, *, dry_run: bool) -> str:
    words = {"new": "would be made" if dry_run else "made", "there": "made before", "whole": "in the store"}
    rows = [
        (one["name"] or one["session"], one["origin"], number(one["events"]), number(_count(one["lost"])), words[one["state"]])
        for one in document["sessions"]
    ]
    lines = [table(rows, ("session", "of", "events", "lost", ""), width) if rows else ""]
    for one in document["sessions"]:
        lines += [style("red", f"{one['name'] or one['session']}: {text}\n") for text in _losses(one)]
    imported = [(one["id"], one["agent"], number(one["new_events"])) for one in document["imported"]]
    lines += [f"{agent} transcript: {events} new events in {session}\n" for session, agent, events in imported]
    lines += [f"not read: {path}: {reason}\n" for path, reason in list(document["unread"].items())[:_SHOWN]]
    if document["damaged"]:
        lines.append(f"{plural(document['damaged'], 'place')} in these files look like events and are not intact\n")
    if document["shared"]:
        lines.append(f"{plural(document['shared'], 'change')} of shared state found: no session has them\n")
    return "".join(lines)


def _losses(one: dict[str, Any]) -> list[str]:
    numbers = ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in one["lost"][:_SHOWN])
    found = [f"lost: {numbers}"] if numbers else []
    return [*found, *([f"lost: {plural(len(one['blobs']), 'large value')}"] if one["blobs"] else [])]


def _count(lost: list[tuple[int, int]]) -> int:
    return sum(last - first + 1 for first, last in lost)
