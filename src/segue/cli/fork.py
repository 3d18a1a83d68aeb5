"""`segue fork`: a session of its own that shares another's past."""

import click

from segue.cli import records
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.params import session as _session


@_command("fork", short_help="begin a session that shares another's past")
@_session
@click.option("--at", type=click.IntRange(1), metavar="SEQ", help="Share the past up to this position. [default: all of it]")
@click.option("--title", default="", help="A short name for the fork.")
@click.option("--task", "-t", default="", help="What the fork is to do.")
def command(frame: Frame, session: str | None, at: int | None, title: str, task: str) -> None:
    """Begin a session that shares the past of SESSION (or of a checkpoint's position) and goes its own way from there.

    Nothing is copied, whatever the length; what happens to the parent later does not touch the fork.
    """
    from segue.engine.forks import fork

    target = frame.session(session)
    begun = fork(frame.app.desk, target.session, at or target.position, {"title": title, "task": task})
    position = frame.app.store.info(begun.id).first - 1
    frame.answer(
        records.begun(begun, parent=target.session, position=position),
        lambda d: f"{d['name']}  {d['slug']}\nshares {d['position']} events with its parent; see it: segue status {d['name']}\n",
    )
