"""`segue recover`: the store out of all that there is."""

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import click

from segue.cli import records
from segue.cli.backup import shown
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import number, plural, style, table
from segue.core.errors import DamagedError, SegueError

if TYPE_CHECKING:
    from segue.engine.recovery.recovering import Kept
    from segue.ports.recovery import Recovered, Repaired


@_command("recover", short_help="put the store together from all copies there are")
@click.argument("session", required=False)
@click.option("--dry-run", is_flag=True, help="Say what is there and what would be done; do nothing.")
@click.option(
    "--from",
    "place",
    metavar="DIR",
    help="The directory of the backups, of whatever store (else the setting backup.to); mirrors in it count as well.",
)
@click.option("--no-import", "alone", is_flag=True, help="Leave agents' own transcripts alone.")
@click.option(
    "--force-recovery",
    is_flag=True,
    help="Where what is in the store's place does not open: move it aside as a whole, and begin from all that there is.",
)
def command(frame: Frame, session: str | None, dry_run: bool, place: str | None, alone: bool, force_recovery: bool) -> int:
    """Put every log together from the store itself, its backups, its mirror, stores that were moved aside, what hooks spooled,
    emergency files, and the agents' own transcripts. With SESSION (its id) that one's log only.

    The longest intact log wins, and nothing intact is dropped: where two copies went on separately, both are kept, one as a fork.
    Only logs that are damaged, missing or shorter than a copy are written; as they were, they are kept. What is in no copy is
    named, and the exit code is 6.
    """
    from segue.engine.recovery.recovering import recover

    app = frame.app
    waiting = {"spool": not app.spools.is_empty(), "emergency": not app.emergencies.is_empty()}
    recovery = app.copies.recovery(place, shown(frame), force=force_recovery)
    found, kept = recover(recovery, lambda: app.desk, dry_run=dry_run, session=meant(frame, session))
    if not dry_run and app.config["mirror"] != "off" and app.copies.mirror.exists:
        with suppress(SegueError):  # what it is late with comes with the worker
            app.copies.mirroring.run()
    more = [] if dry_run else _snapshots(frame, place)
    more += [] if dry_run or session else _again(frame, found, waiting, alone=alone)
    return report(frame, found, kept, more, dry_run=dry_run)


def meant(frame: Frame, ref: str | None) -> str | None:
    """Return the id of the session that *ref* means; what the index does not know may be in a backup."""
    if ref is None:
        return None
    with suppress(SegueError):
        return frame.app.resolve(ref).session
    return ref


def report(frame: Frame, found: "Recovered", kept: "list[Kept]", more: list[dict[str, Any]], *, dry_run: bool) -> int:
    """Answer with what was found and done; return the exit code."""
    if not dry_run and (found.logs or kept):
        frame.app.index.rebuild()
    document = {**records.recovered(found, kept), "dry_run": dry_run}
    document["sources"] += more
    frame.answer(document, lambda d: _text(frame, d, found, kept))
    return DamagedError.exit_code if any(one.lost or one.blobs or not one.after for one in found.logs) else 0


def _snapshots(frame: Frame, place: str | None) -> list[dict[str, Any]]:
    """Take in the snapshots of workspaces that the last backup has and that are not there any more."""
    from segue.engine.recovery.backing import bring_back

    backups = frame.app.copies.backups(place)
    try:
        brought = bring_back(backups, frame.app.store, frame.app.saving.snapshots)
    except (SegueError, OSError) as e:
        return [_source("snapshots", "", 0, str(e))]
    return [_source("snapshots", "", 0, f"{plural(brought, 'snapshot')} of workspaces brought back")] if brought else []


def _again(frame: Frame, found: "Recovered", waiting: dict[str, bool], *, alone: bool) -> list[dict[str, Any]]:
    """Take in what waits beside the store. What a log lost and gets again stands at its end; the conversation goes on."""
    from segue.engine.recovery.recovering import heads, take_up

    store = frame.app.store
    before = {one.session: heads(store, one.session) for one in found.logs if one.lost and one.after}
    told = _beside(frame, waiting, changed=bool(found.logs or found.others), alone=alone)
    for session, at in before.items():
        take_up(store, session, at)
    return told


def _beside(frame: Frame, waiting: dict[str, bool], *, changed: bool, alone: bool) -> list[dict[str, Any]]:
    """Take in what waits beside the store, and return what came of each source."""
    app = frame.app
    found = []
    events = _ingest(frame)
    if waiting["spool"] or events:
        left = not app.spools.is_empty()
        found.append(_source("spool", str(app.config.home / "spool"), events, "some of it waits for its session" if left else ""))
    if waiting["emergency"]:
        left = not app.emergencies.is_empty()
        found.append(_source("emergency", str(app.config.home / "emergency"), 0, "some of it cannot be taken in" if left else ""))
    return found if alone else [*found, *_import(frame, changed=changed)]


def _ingest(frame: Frame) -> int:
    from segue.engine.capture.spooling import ingest

    app = frame.app
    return ingest(app.store, app.spools, app.transcripts, clock=app.clock).events


def _import(frame: Frame, *, changed: bool) -> list[dict[str, Any]]:
    """Import what agents' transcripts have; after a recovery also from files that did not change since."""
    from segue.cli.import_ import everywhere
    from segue.engine.capture.discovery import import_all
    from segue.engine.recovery.recovering import Unseen

    app = frame.app
    seen = Unseen(app.seen) if changed else app.seen
    found = []
    for root in everywhere(frame):
        try:
            result, _ = import_all(app.store, app.transcripts, [root], seen, clock=app.clock, commit_of=app.commit_of)
        except SegueError as e:
            found.append(_source("transcripts", root.agent, 0, e.message))
            continue
        new = sum(one.new_events for one in result.sessions)
        losses = sum(len(one.losses) for one in result.sessions) + len(result.losses)
        reason = f"{plural(losses, 'place')} could not be read" if losses else ""
        gained = sum(one.new_events > 0 for one in result.sessions)
        found.append({**_source("transcripts", root.agent, new, reason), "sessions": gained})
    return found


def _source(kind: str, place: str, events: int, reason: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "place": place,
        "state": "damaged" if reason else "intact",
        "sessions": 0,
        "events": events,
        "newest": "",
        "reason": reason,
    }


def _text(frame: Frame, document: dict[str, Any], found: "Recovered", kept: "list[Kept]") -> str:
    rows = [
        (one["kind"], one["state"], number(one["sessions"]), number(one["events"]), one["newest"][:19], _where(one))
        for one in document["sources"]
    ]
    would = "would be " if document["dry_run"] else ""
    lines = [table(rows, ("source", "is", "sessions", "events", "newest", "where"), frame.width)]
    lines += [f"{one}\n" for one in found.others]
    lines += [_log(one, would) for one in found.logs]
    lines += [
        f"{one.of}: {plural(one.events, 'event')} behind event {one.after} went on separately: "
        f"{would}kept as {one.name or one.session}\n"
        for one in kept
    ]
    lines.append(f"{plural(found.sound, 'log')} {'is' if found.sound == 1 else 'are'} sound\n")
    return "".join(lines)


def _where(one: dict[str, Any]) -> str:
    return f"{one['place']}: {one['reason']}" if one["reason"] else str(one["place"])


def _log(one: "Repaired", would: str) -> str:
    head = f"{one.session}: {one.was}{f' ({one.why})' if one.why else ''}; "
    are = "is " if one.after == 1 else "are "
    now = f"{plural(one.after, 'event')} {would or are}there, {one.before} {'was' if one.before == 1 else 'were'}"
    given = "".join(f"\n  from {place}" for place in one.sources)
    numbers = ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in one.lost[:20])
    lost = style("red", f"\n  lost: {numbers}") if one.lost else ""
    values = style("red", f"\n  lost: {plural(len(one.blobs), 'large value')}") if one.blobs else ""
    aside = f"\n  as it was: {one.aside}" if one.aside else ""
    return f"{head}{now}{given}{lost}{values}{aside}\n"
