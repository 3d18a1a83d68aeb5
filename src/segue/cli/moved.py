"""`segue moved`: a project is in another directory now."""

import os

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import plural
from segue.core.errors import NotFoundError


@_command("moved", short_help="tell that a project is in another directory now")
@click.argument("old", type=click.Path())
@click.argument("new", type=click.Path(), required=False)
def command(frame: Frame, old: str, new: str | None) -> None:
    """Tell the sessions of the directory OLD, and of those below it, that the project is in NEW now (by default, here).

    A project with a git repository is found again by itself: its sessions are the present ones wherever the commit is that they
    worked at. The agents' own transcripts for the new place: segue restore-transcript SESSION --workspace NEW --rewrite.
    """
    from segue.engine.moving import rehome

    app = frame.app
    before, now = _absolute(app.cwd, old), _absolute(app.cwd, new) if new is not None else app.workspace
    sessions = rehome(app.store, app.index.sessions(), before, now)
    if not sessions:
        raise NotFoundError("session of the workspace", before, hint="segue list --json names the workspaces")
    frame.answer(
        {"from": before, "to": now, "sessions": sessions},
        lambda _: f"{plural(len(sessions), 'session')} of {before}: now in {now}\n",
    )


def _absolute(cwd: str, path: str) -> str:
    return os.path.normpath(os.path.join(cwd, os.path.expanduser(path)))  # noqa: PTH111, PTH118  (the old one is not there)
