"""`segue checkpoint`: positions to come back to."""

from typing import TYPE_CHECKING, Any

import click

from segue.cli import records
from segue.cli.checkpoint_look import diff_, show_
from segue.cli.checkpoint_restore import place, restore_
from segue.cli.frame import Frame
from segue.cli.params import CONTEXT, common
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.cli.render import ago, line, table
from segue.core.errors import WorkspaceError
from segue.core.log.times import seconds
from segue.engine.saving.checkpoints import forget

if TYPE_CHECKING:
    from collections.abc import Mapping

_SHOWN = 5
"""Files that are named; all of them are in --json."""


@click.group("checkpoint", context_settings=CONTEXT, short_help="name a position to come back to, or list them")
@common
def command() -> None:
    """Name a position of a session to come back to, or list what was named.

    Where a CHECKPOINT is asked for: its name or the beginning of it, the end of it (AUTO-SAVE-15, STEP-003), last, or a
    session, which means its latest one.
    """


@_command("create")
@_session
@click.option("--description", "-m", default="", help="What this position is.")
@click.option("--name", default=None, help="Also call the place CONTINUATION-...-NAME.")
@click.option("--step", type=click.IntRange(0), default=None, help="Also call the place CONTINUATION-...-STEP-NNN.")
@click.option("--trigger", default="user", show_default=True, help="What it is taken for.")
@click.option("--automatic", is_flag=True, help="Name it RECOVERY-...-AUTO-SAVE-N.")
def create_(
    frame: Frame,
    session: str | None,
    description: str,
    name: str | None,
    step: int | None,
    trigger: str,
    automatic: bool,
) -> None:
    """Name the head of SESSION (RECOVERY-...), with the files of its workspace and the state of git there.

    Ignored files are not saved, and what looks like a secret or is large is left out and named (see `segue config`).
    """
    target = frame.session(session).session
    place = name if step is None else step
    made = frame.app.saving.take(target, description=description, trigger=trigger, automatic=automatic, continuation=place)
    also = f" and {made.continuation}" if made.continuation else ""
    back = f"at event {made.position}; come back with: segue checkpoint restore {made.name}\n"
    frame.answer(records.checkpoint(made), lambda d: f"{d['name']}{also}\n{_saved(d['workspace'])}{back}")


def _saved(workspace: "Mapping[str, Any] | None") -> str:
    """Return the line that says what of the workspace is in a checkpoint; none where that was not asked for."""
    if workspace is None:
        return ""
    if "missing" in workspace:
        return f"without the files of the workspace: {workspace['missing']}\n"
    count = workspace["left_out_count"]
    if not count:
        return "with the files of the workspace\n"
    named = ", ".join(f"{line(one['path'], 60)} ({one['reason']})" for one in workspace["left_out"][:_SHOWN])
    return f"with the files of the workspace, {count} left out: {named}{', ...' if count > _SHOWN else ''}\n"


@_command("list")
@_session
@click.option("--all", "all_", is_flag=True, help="Of all sessions.")
def list_(frame: Frame, session: str | None, all_: bool) -> None:
    """List the checkpoints and continuations that SESSION knows, those of the past that it shares with another included; latest
    first.
    """
    from segue.engine.restores import interrupted, known_places

    target = None if all_ else frame.session(session).session
    rows = frame.app.index.places() if target is None else known_places(frame.app.store, target)
    open_ = interrupted(frame.app.store, target) if target is not None else None

    def render(_document: Any) -> str:
        if not rows:
            return "no checkpoint yet; take one: segue checkpoint create\n"
        lines = [(r.name, str(r.position), ago(frame.now() - seconds(r.at)) if r.at else "", r.description) for r in rows]
        return table(lines, ("name", "event", "taken", "about"), frame.width)

    frame.answer({"checkpoints": [records.place(r) for r in rows]}, render)
    if open_ is not None:
        frame.warn(f"{open_.told()}: segue checkpoint restore --finish, or --undo")


@_command("forget")
@click.argument("checkpoint")
@click.option("--note", "-m", default="", help="Why.")
def forget_(frame: Frame, checkpoint: str, note: str) -> None:
    """Let a CHECKPOINT's name go, and its snapshot of the workspace. The log keeps what else it named."""
    found = place(frame, checkpoint)
    releasing = frame.app.saving.releasing
    forget(frame.app.desk, found.session, found.name, note, intend=releasing.intend)
    try:
        releasing.settle()
    except WorkspaceError as e:  # tried again with the next one that goes
        frame.warn(e.message)
    frame.answer({"forgotten": found.name, "session": found.session}, lambda d: f"{d['forgotten']} is forgotten\n")


command.add_command(create_)
command.add_command(list_)
command.add_command(show_)
command.add_command(diff_)
command.add_command(restore_)
command.add_command(forget_)
