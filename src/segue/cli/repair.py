"""`segue repair`: what is damaged in the store is set aside, and the rest made sound."""

import click

from segue.cli.backup import shown
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.recover import meant, report


@_command("repair", short_help="set aside what is damaged, keep all that is intact")
@click.argument("session", required=False)
@click.option("--dry-run", is_flag=True, help="Say what would be done; do nothing.")
def command(frame: Frame, session: str | None, dry_run: bool) -> int:
    """Make the logs of the store sound out of themselves: what is intact is written anew, and each log is kept as it was.

    No other copy is asked: segue recover does that, and is to be tried first. What is lost is named in the log, and the exit code
    is 6. With SESSION (its id) that one's log only.
    """
    from segue.engine.recovery.recovering import recover

    app = frame.app
    found, kept = recover(
        app.copies.recovery(None, shown(frame)), lambda: app.desk, dry_run=dry_run, alone=True, session=meant(frame, session)
    )
    return report(frame, found, kept, [], dry_run=dry_run)
