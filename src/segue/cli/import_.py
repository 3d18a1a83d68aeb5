"""`segue import`: coding agents' transcripts come in."""

import os
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from segue.cli.frame import Frame
from segue.cli.params import AGENT
from segue.cli.params import command as _command
from segue.cli.render import beside, plural, table
from segue.core.errors import NotFoundError, SegueError, UsageError
from segue.engine.capture.importing import Import, Imported
from segue.ports import Found
from segue.ports.transcripts import EMPTY

if TYPE_CHECKING:
    from segue.engine.capture.discovery import Roots


@_command("import", short_help="bring coding agents' transcripts in; with --follow as they are written")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--all", "all_", is_flag=True, help="Those of every agent on this machine; unchanged files are not opened.")
@click.option(
    "--agent",
    type=AGENT,
    metavar="AGENT",
    help="Read them as this agent's, whatever they look like; with --all, only this agent's.",
)
@click.option("--follow", "follow_", is_flag=True, help="Go on with what is written to them, until Ctrl-C.")
def command(frame: Frame, paths: tuple[str, ...], all_: bool, agent: str | None, follow_: bool) -> int:
    """Import transcripts: files, or directories that hold some (~/.claude/projects). Importing again adds nothing.

    What could not be read is named under losses; it hides nothing else. Why a file is not there: segue why FILE.
    """
    found = [os.path.expanduser(p) for p in paths]  # noqa: PTH111  (as the shell would have)
    if all_ and not found:
        where = everywhere(frame, agent)
        if not follow_:
            return _import_all(frame, where)
        found = [path for root in where for path in root.paths]
    if not found:
        raise UsageError("nothing to import was named", hint="segue import --all, or give files or directories")
    if all_ and paths:
        raise UsageError("either --all or paths can be given", hint="segue import --all")
    if follow_:
        follow(frame, found, agent)
        return 0
    missing = [p for p in found if not os.path.lexists(p)]
    if len(missing) == len(found):
        raise NotFoundError("transcript", missing[0], hint="give a file, or a directory such as ~/.claude/projects")
    result = take(frame, found, agent)
    failure = _failure(found, result)
    if failure is None or frame.json or len(result.losses) > 1:
        frame.answer(result.to_json(), lambda _: _text(frame, result))
    return frame.fail(failure) if failure is not None else 0


def take(frame: Frame, paths: Sequence[str], agent: str | None = None) -> Import:
    """Import what *paths* name or hold, showing how far it is."""
    from segue.engine.capture.importing import import_paths

    app = frame.app
    return import_paths(
        app.store,
        app.transcripts,
        paths,
        clock=app.clock,
        agent=agent,
        commit_of=app.commit_of,
        seen=app.seen,
        tell=lambda file: _tell(frame, file),
    )


def everywhere(frame: Frame, agent: str | None = None) -> "list[Roots]":
    """Return where agents' transcripts are on this machine.

    Those that an agent keeps in its projects are looked for here, and where it was ever used in the workspaces of all sessions.
    """
    from segue.engine.capture.discovery import roots

    app = frame.app
    workspaces = [app.workspace, app.cwd]
    if any(p.in_project and os.path.exists(p.home) for p in app.places.all() if p.agent in app.transcripts.agents):  # noqa: PTH110
        workspaces += [row.workspace for row in app.index.sessions() if row.workspace.startswith("/")]
    return roots(app.places, app.transcripts, workspaces, agent)


def _import_all(frame: Frame, where: "list[Roots]") -> int:
    from segue.engine.capture.discovery import import_all

    app = frame.app
    result, unchanged = import_all(
        app.store,
        app.transcripts,
        where,
        app.seen,
        clock=app.clock,
        commit_of=app.commit_of,
        tell=lambda file: _tell(frame, file),
    )
    document = {**result.to_json(), "unchanged": unchanged}
    frame.answer(document, lambda _: _text_of_all(frame, where, result, unchanged))
    return 0


def _tell(frame: Frame, file: Found) -> None:
    frame.progress(f"importing {file.path}")


def _failure(paths: Sequence[str], result: Import) -> SegueError | None:
    """Return the error of an import that nothing at all came of; an empty transcript is none."""
    if result.sessions or any(loss.reason == EMPTY for loss in result.losses):
        return None
    what = paths[0] if len(paths) == 1 else f"{len(paths)} paths"
    if not result.losses:
        return NotFoundError("transcript of a known agent", what, hint=f"segue why {paths[0]}")
    return SegueError(f"{what!r} was not imported: {result.losses[0].reason}", hint=f"segue why {paths[0]}")


def follow(frame: Frame, paths: Sequence[str], agent: str | None) -> None:
    """Import what *paths* name or hold, and what is written to them, telling of it, until the process is interrupted."""
    from segue.engine.capture import following

    app = frame.app
    for one in following.follow(app.store, app.transcripts, paths, lambda: False, clock=app.clock, agent=agent):
        app.tend()
        if frame.json:
            frame.record(one.to_json())
        else:
            frame.write(f"{one.foreign_id}: {plural(one.new_events, 'new event')}, {one.events} in all\n")
            frame.stdout.flush()


def _text_of_all(frame: Frame, where: "list[Roots]", result: Import, unchanged: int) -> str:
    if not where:
        return "no agent that is known has transcripts on this machine\n"
    agents = ", ".join(root.agent for root in where)
    known = f"{plural(unchanged, 'file')} of {agents} as before: not opened\n" if unchanged else ""
    return known + (_text(frame, result) if result.sessions or result.losses or not unchanged else "nothing is new\n")


def _text(frame: Frame, result: Import) -> str:
    if not result.sessions and not result.losses:
        return ""
    new = sum(s.new_events for s in result.sessions)
    head = f"{plural(len(result.sessions), 'session')}, {plural(new, 'new event')}"
    changed = [s for s in result.sessions if s.new_events]
    rows = [(_label(frame, s), s.agent, f"{s.new_events:,}", f"{s.events:,}", _about(frame, s)) for s in changed[:30]]
    lines = [f"{head}: everything was known" if result.sessions and not new else head]
    if rows:
        lines.append(table(rows, ("session", "agent", "new", "events", "about"), frame.width).rstrip("\n"))
    if len(changed) > len(rows):
        lines.append(f"and {len(changed) - len(rows)} more: segue list")
    losses = [loss for s in result.sessions for loss in s.losses] + list(result.losses)
    if losses:
        lines.append(f"{plural(len(losses), 'place')} could not be read:")
        lines += [f"  {loss.where}: {loss.reason}" for loss in losses[:20]]
        lines += [f"  and {len(losses) - 20} more: --json has all"] if len(losses) > 20 else []
    redacted = sum((Counter(dict(s.redacted)) for s in result.sessions), Counter())
    if redacted:
        kinds = ", ".join(f"{number:,} {kind}" for kind, number in redacted.most_common())
        lines.append(f"{plural(redacted.total(), 'secret')} taken out: {kinds}")
    if new:
        lines.append(beside(frame.width, "see one: segue status last", "go on with it: segue restore last").rstrip("\n"))
    return "\n".join(lines) + "\n"


def _label(frame: Frame, one: Imported) -> str:
    return frame.app.index.session(one.id).name or one.foreign_id


def _about(frame: Frame, one: Imported) -> Any:
    row = frame.app.index.session(one.id)
    return row.title or row.task or row.workspace
