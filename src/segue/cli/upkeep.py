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
    """Take in what hooks spooled, seal closed segments, bring the index up to date, and forget checkpoints by retention.

    Each only if no other process does it now.
    """
    from segue.engine.upkeep import work

    if follow:
        frame.cwd = "/"  # an agent's directory may be gone, and is not kept from going
        os.chdir(frame.cwd)
        _capture(frame)
    app = frame.app
    done = work(app.store, app.index, app.spools, app.transcripts, app.clock)
    app.remember_commits(row.id for row in app.index.sessions(limit=_LATEST))
    document = {**done._asdict(), "forgotten": _forget(frame)}
    frame.answer(document, lambda d: f"{d['ingested']} taken in, {d['sealed']} sealed, {d['indexed']} indexed\n")


def _forget(frame: Frame) -> int:
    """Return how many checkpoints no rule kept. What fails in one session is tried again the next time."""
    from segue.engine.forgetting import Forgetting

    app = frame.app
    if app.config["retention.forget"] == "off":
        return 0
    found = Forgetting(app.store, app.index, app.retention).forget_all(lambda _session, _error: None)
    return sum(len(one.gone) for one in found)


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
