"""`segue restore-store`: the store as a backup has it."""

import click

from segue.cli import records
from segue.cli.backup import shown
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import plural
from segue.core.errors import WorkspaceError


@_command("restore-store", short_help="make the store anew from a backup")
@click.argument("backup")
@click.option("--to", metavar="DIR", help="Make it there, and leave the store as it is.")
@click.option("--from", "place", metavar="DIR", help="The directory of the backups (else the setting backup.to).")
def command(frame: Frame, backup: str, to: str | None, place: str | None) -> None:
    """Make the store anew from BACKUP (a name, a number, a directory, or `last`), verified before and after.

    The store that is there now is moved aside, never overwritten, and its new name is said. What it has and the backup has not
    is brought back by: segue recover.
    """
    from segue.app import App
    from segue.engine.recovery.backing import bring_back

    backups = frame.app.copies.backups(place, shown(frame))
    done = backups.restore(backup, to)
    b = done.backup
    app = App(frame.env, flags={"store": done.path}, cwd=frame.app.cwd, clock=frame.app.clock, ids=frame.app.ids)
    try:
        brought = bring_back(backups, app.store, app.saving.snapshots) if b.snapshots else 0
    except WorkspaceError as e:
        frame.warn(f"snapshots of workspaces did not come back: {e.message}; segue recover tries again")
        brought = 0
    finally:
        app.close()
    newest = f", the newest of {b.newest[:19]}Z" if b.newest else ""
    held = f"{plural(b.sessions, 'session')} and {plural(b.events, 'event')}{newest}"
    aside = f"what was there is in {done.aside}\n" if done.aside else ""
    back = f"{plural(brought, 'snapshot')} of workspaces came back\n" if brought else ""
    frame.answer(
        {"backup": records.backup(b), "store": done.path, "aside": done.aside or None, "snapshots": brought},
        lambda _: f"{done.path} is as it was in {b.name}: {held}\n{back}{aside}",
    )
