"""`segue git-hook`: what git's hooks call. Silent, and never a reason for git to stop."""

from contextlib import suppress

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.core.errors import SegueError

_LIMIT = 2
"""Seconds that git may be kept waiting."""
_BEHIND = 60
"""Seconds after which what nobody waits for is given up."""


@_command("git-hook", hidden=True)
@click.option("--within", type=click.IntRange(1), help="Give up after so many seconds.")
@click.argument("name")
def command(frame: Frame, name: str, within: int | None) -> None:
    """Save the session of this workspace: before git changes it a checkpoint, afterwards what git made of it."""
    import signal

    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(within or (_LIMIT if name == "pre-rebase" else _BEHIND))
    with suppress(SegueError, OSError):
        _save(frame, name)
    signal.alarm(0)


def _save(frame: Frame, name: str) -> None:
    from segue.core.session.lifecycle import LIVE
    from segue.engine.loading import load

    saving, target = frame.app.saving, frame.app.resolve("current").session
    state = load(frame.app.store, target, on_damage=lambda _: None)
    if state.status not in LIVE - {"paused"}:
        return
    if name.startswith("pre-"):
        saving.take(target, description=f"before git {name.removeprefix('pre-')}", trigger=f"git {name}", automatic=True)
    else:
        saving.see(target)
