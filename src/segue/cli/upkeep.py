"""`segue upkeep`: the work that nothing waits for. Started by segue itself, in the background."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.core.errors import SegueError, UsageError, WorkspaceError

if TYPE_CHECKING:
    from segue.engine.budget.crossing import Keeper
    from segue.engine.saving.autosaving import Autosaver

_LATEST = 20
"""So many sessions are asked at which commit their workspace is, where they do not say so yet."""

_MANY = 10
"""Fewer snapshots that go are left for later: what stays is packed anew each time."""


@_command("upkeep", hidden=True)
@click.option("--follow", is_flag=True, help="Capture what agents do until none of them is at work; started by their hooks.")
def command(frame: Frame, follow: bool) -> None:
    """Take in what hooks spooled, seal closed segments, bring the index up to date, forget by retention, bring the mirror up to
    date, and take a backup if one is due.

    Each only if no other process does it now.
    """
    from segue.engine.upkeep import work

    if follow:
        frame.cwd = "/"  # an agent's directory may be gone, and is not kept from going
        os.chdir(frame.cwd)
        _capture(frame)
    app = frame.app
    _rekey(frame)
    done = work(app.store, app.index, app.spools, app.transcripts, app.clock)
    app.remember_commits(row.id for row in app.index.sessions(limit=_LATEST))
    document = {**done._asdict(), "forgotten": _forget(frame), "mirrored": _mirror(frame), "backup": _back_up(frame)}
    frame.answer(document, lambda d: f"{d['ingested']} taken in, {d['sealed']} sealed, {d['indexed']} indexed\n")


def _rekey(frame: Frame) -> None:
    """Go on with a change of the store's key that was interrupted. Where it fails, `segue key` tells."""
    from segue.engine.secrecy.encrypting import go_on

    secrecy = frame.app.secrecy
    with suppress(SegueError, OSError):
        if secrecy.encryption.state().changing:
            go_on(secrecy.encryption, secrecy, lambda *_: None)


def _forget(frame: Frame) -> int:
    """Return how many checkpoints no rule kept. What fails in one session is tried again the next time."""
    from segue.engine.saving.forgetting import Forgetting

    app = frame.app
    if app.config["retention.forget"] == "off":
        return 0
    forgetting = Forgetting(app.store, app.index, app.saving.retention, app.saving.releasing)
    found = forgetting.forget_all(lambda _session, _error: None)
    with suppress(WorkspaceError):  # what was not let go is tried again the next time
        forgetting.let_go(_MANY)
    return sum(len(one.gone) for one in found)


def _mirror(frame: Frame) -> int:
    """Bring what is new into the mirror, and return in how many logs something was. Where it fails, `doctor` tells."""
    app = frame.app
    if app.config["mirror"] == "off" or not app.config["store"].startswith("log:"):
        return 0
    try:
        return len(app.copies.mirroring.run().logs)
    except SegueError as e:
        frame.warn(e.message)
        return 0


def _back_up(frame: Frame) -> str | None:
    """Return the name of the backup that was taken, None where none was due. Where it fails, `doctor` tells how old it is."""
    from segue.engine.recovery.backing import back_up

    app = frame.app
    every = app.config["backup.every"]
    try:
        made = back_up(app.copies.backups(), every, app.clock) if every != "off" else None
    except SegueError as e:
        frame.warn(e.message)
        return None
    return made.name if made else None


def _capture(frame: Frame) -> None:
    import time

    from segue.engine.capture.capturing import capture
    from segue.host.worker import Post

    app, post = frame.app, Post(frame.app.config.home)
    while post.take():
        try:
            with _autosaving(frame) as is_busy:
                capture(
                    app.store,
                    app.spools,
                    app.transcripts,
                    clock=app.clock,
                    stop=lambda: not post.is_held(),
                    wait=time.sleep,
                    stay=is_busy,
                    hosts=app.host,
                )
        finally:
            post.leave()
        if not app.spools.is_new():
            return


@contextmanager
def _autosaving(frame: Frame) -> Iterator[Callable[[], bool]]:
    """Save by itself what is due, in a thread of its own with a store of its own: capture never waits for it.

    What is given tells whether there will be more to save.
    """
    import threading

    over, made = threading.Event(), list["Autosaver"]()

    def run() -> None:
        own = Frame(env=frame.env, cwd=frame.cwd, stdout=frame.stdout, stderr=frame.stderr)
        own.store_flag = frame.store_flag
        try:
            made.append(_autosaver(own))
            made[0].run(over)
        finally:
            own.close()

    thread = threading.Thread(target=run, name="segue-autosave")
    thread.start()
    try:
        yield lambda: thread.is_alive() and (not made or made[0].is_busy())
    finally:
        over.set()
        thread.join()


def _keeper(frame: Frame) -> "Keeper | None":
    """Return what looks after budgets; None where their settings make no sense: `segue budget` says so, and saving goes on."""
    try:
        return frame.app.keeper
    except UsageError:
        return None


def _autosaver(frame: Frame) -> "Autosaver":
    from segue.engine.saving.autosaving import Autosaver, Means
    from segue.engine.saving.touching import touched

    app, saving = frame.app, frame.app.saving
    means = Means(
        app.desk,
        app.index,
        app.host,
        saving.autosaves,
        lambda session, why: saving.take(session, trigger=why, automatic=True, touched=touched(app.store, session)),
        saving.moment,
        saving.see,
        app.copies.mirroring.run if app.config["mirror"] != "off" and app.config["store"].startswith("log:") else None,
        _keeper(frame),
    )
    return Autosaver(means, saving.intervals, float(app.config.number("timeout")))
