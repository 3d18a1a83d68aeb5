"""`segue forget`: checkpoints go by retention."""

from typing import TYPE_CHECKING, Any

import click

from segue.cli import records
from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.cli.render import ago, plural, size, style, table
from segue.core.errors import SegueError, WorkspaceError
from segue.core.log.times import seconds

if TYPE_CHECKING:
    from collections.abc import Callable

    from segue.engine.saving.forgetting import Forgotten

_MOST = 1_000_000


def _keep(name: str, what: str) -> "Callable[[Callable[..., Any]], Callable[..., Any]]":
    return click.option(f"--keep-{name}", type=click.IntRange(0, _MOST), metavar="N", help=what)


@_command("forget", short_help="let checkpoints go that no rule keeps")
@_session
@click.option("--all", "all_", is_flag=True, help="In all sessions.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and why the others stay; change nothing.")
@_keep("last", "Keep the N latest.")
@_keep("daily", "Keep the last one of each of N days.")
@_keep("weekly", "Keep the last one of each of N weeks.")
@_keep("automatic", "Keep N further automatic ones.")
def command(frame: Frame, session: str | None, all_: bool, dry_run: bool, **keep: int | None) -> int:
    """Let the checkpoints of SESSION go that no rule keeps: only automatic ones can, and the log keeps what they named.

    The snapshots of the workspace that only they named go with them.

    What stays by default: the last 5, the last one of each of 7 days and of 4 weeks, and 10 further ones (`segue config` names
    the settings). Whatever the numbers, those that a person took stay, and those that a fork, a continuation or a
    handoff relies on. The order is the log's: a clock that jumps makes nothing old.
    """
    from segue.engine.saving.forgetting import Forgetting

    app, failed = frame.app, list[str]()
    policy = app.saving.retention._replace(**{name.removeprefix("keep_"): n for name, n in keep.items() if n is not None})
    forgetting = Forgetting(app.store, app.index, policy, app.saving.releasing)
    if all_:
        found = (
            [forgetting.plan(one) for one in forgetting.candidates()] if dry_run else forgetting.forget_all(_told(frame, failed))
        )
    else:
        target = frame.session(session).session
        found = [forgetting.plan(target) if dry_run else forgetting.forget(target)]
    freed = _freed(frame, (lambda: forgetting.size(found)) if dry_run else forgetting.let_go)
    document = {"dry_run": dry_run, "sessions": [records.forgotten(one) for one in found], "bytes": freed}
    rows = "".join(_text(frame, one, dry_run) for one in found) or ("" if failed else "nothing is to be forgotten\n")
    frees = f"{size(freed)} of snapshots {'would go' if dry_run else 'went'}\n" if freed else ""
    frame.answer(document, lambda _: rows + frees)
    return 1 if failed else 0


def _freed(frame: Frame, settle: "Callable[[], int]") -> int | None:
    """Return the bytes of snapshots that went, or would go; None where nobody can say. They are tried again the next time."""
    try:
        return settle()
    except WorkspaceError as e:
        frame.warn(e.message)
        return None


def _told(frame: Frame, failed: list[str]) -> "Callable[[str, SegueError], None]":
    def tell(session: str, error: SegueError) -> None:
        failed.append(session)
        frame.warn(f"{session}: {error.message}")

    return tell


def _text(frame: Frame, one: "Forgotten", dry_run: bool) -> str:
    would = "would be forgotten" if dry_run else "forgotten"
    head = f"{one.name or one.session}: {plural(len(one.gone), 'checkpoint')} {would}, {len(one.verdicts) - len(one.gone)} stay\n"
    shown = one.verdicts if dry_run else one.gone
    rows = [
        (
            v.checkpoint.name,
            str(v.checkpoint.position),
            ago(frame.now() - seconds(v.checkpoint.at)) if v.checkpoint.at else "",
            "stays" if v.kept else "goes",
            v.why,
        )
        for v in shown
    ]
    return style("bold", head) + table(rows, ("name", "event", "taken", "and", "why"), frame.width)
