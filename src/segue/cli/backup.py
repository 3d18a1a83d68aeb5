"""`segue backup`: copies of the store, verified when they are taken."""

from typing import TYPE_CHECKING

import click

from segue.cli import records
from segue.cli.frame import Frame
from segue.cli.params import CONTEXT, common
from segue.cli.params import command as _command
from segue.cli.render import ago, number, plural, size, table
from segue.core.log.times import seconds

if TYPE_CHECKING:
    from segue.ports.backups import Backup, Progress

TO = click.option("--to", metavar="DIR", help="The directory of the backups (else the setting backup.to).")


@click.group("backup", context_settings=CONTEXT, invoke_without_command=True, short_help="take a verified copy of the store")
@TO
@click.option("--anew", is_flag=True, help="Begin anew: do not ask whether all that the last backup has is still there.")
@common
@click.pass_context
def command(ctx: click.Context, to: str | None, anew: bool) -> None:
    """Take a backup of the store, verify every byte of it, and let the oldest go (5 stay; the setting backup.keep).

    Others may go on appending. What the last backup has is linked, not copied again. A store that is damaged, or that lost what
    the last backup has, is not backed up: the earlier backups stay.
    """
    if ctx.invoked_subcommand is not None:
        return
    frame: Frame = ctx.obj
    made = frame.app.copies.backups(to, shown(frame)).take(anew=anew)
    frame.answer(records.backup(made), lambda _: f"{_line(made)}\nin {made.path}\n")


@_command("list")
@TO
def list_(frame: Frame, to: str | None) -> None:
    """List the backups, latest first, those of other stores in the same place as well."""
    rows = frame.app.copies.backups(to).all()

    def render(_: object) -> str:
        if not rows:
            return "no backup yet; take one: segue backup\n"
        lines = [
            (
                one.name,
                ago(frame.now() - seconds(one.at)) if one.at else "",
                number(one.sessions),
                number(one.events),
                size(one.bytes),
                size(one.copied),
                f"unusable: {one.damaged}" if one.damaged else one.store,
            )
            for one in rows
        ]
        return table(lines, ("name", "taken", "sessions", "events", "size", "new", "of"), frame.width)

    frame.answer({"backups": [records.backup(one) for one in rows]}, render)


@_command("check")
@click.argument("backup")
@TO
def check(frame: Frame, backup: str, to: str | None) -> None:
    """Look at every byte of BACKUP (a name, a number, a directory, or `last`). Exit code 6 means damage."""
    found = frame.app.copies.backups(to, shown(frame)).check(backup)
    frame.answer(records.backup(found), lambda _: f"sound: {_line(found)}\n")


def shown(frame: Frame) -> "Progress":
    """Return what shows on a terminal how far it is."""
    return lambda what, done, of: frame.progress(f"{what}: {done:,} of {of:,}")


def _line(one: "Backup") -> str:
    newest = f", the newest of {one.newest[:19]}Z" if one.newest else ""
    held = f"{plural(one.sessions, 'session')}, {plural(one.events, 'event')}{newest}"
    return f"{one.name}: {held}; {size(one.bytes)}, {size(one.copied)} of them new"


command.add_command(list_)
command.add_command(check)
