"""`segue upkeep`: the work that nothing waits for. Started by segue itself, in the background."""

import os

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command

_LATEST = 20
"""So many sessions are asked at which commit their workspace is, where they do not say so yet."""


@_command("upkeep", hidden=True)
@click.option("--follow", is_flag=True, help="Capture what agents do until none of them is at work; started by their hooks.")
def command(frame: Frame, follow: bool) -> None:
    """Take in what hooks spooled, seal closed segments and bring the index up to date, if no other process does it now."""
    from segue.engine.upkeep import work

    if follow:
        frame.cwd = "/"  # an agent's directory may be gone, and is not kept from going
        os.chdir(frame.cwd)
        _capture(frame)
    app = frame.app
    done = work(app.store, app.index, app.spools, app.transcripts, app.clock)
    app.remember_commits(row.id for row in app.index.sessions(limit=_LATEST))
    frame.answer(done._asdict(), lambda d: f"{d['ingested']} taken in, {d['sealed']} sealed, {d['indexed']} indexed\n")


def _capture(frame: Frame) -> None:
    import time

    from segue.engine.capturing import capture
    from segue.host.worker import Post

    app, post = frame.app, Post(frame.app.config.home)
    while post.take():
        try:
            capture(
                app.store,
                app.spools,
                app.transcripts,
                clock=app.clock,
                stop=lambda: not post.is_held(),
                wait=time.sleep,
            )
        finally:
            post.leave()
        if not app.spools.is_new():
            return
