"""`segue restore-transcript`: what an agent deleted goes back to where it finds it."""

import os

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.cli.render import plural
from segue.core.errors import UsageError
from segue.ports.returning import Returned

_OUTCOMES = {
    "written": "put back",
    "there": "there already, the same",
    "longer": "there already, and the agent has gone on with it",
    "refused": "not put back",
}


@_command("restore-transcript", short_help="put a transcript that its agent deleted back in its place")
@_session
@click.option("--to", metavar="DIRECTORY", help="Write the files there instead.")
@click.option(
    "--workspace", metavar="DIRECTORY", help="The project has moved: put them where the agent looks for that directory."
)
@click.option("--rewrite", is_flag=True, help="With --workspace: change the directory in the records as well.")
@click.option("--anyway", is_flag=True, help="What can't be had byte for byte too, as far as it is known.")
def command(frame: Frame, session: str | None, to: str | None, workspace: str | None, rewrite: bool, anyway: bool) -> int:
    """Write the transcript of SESSION back, byte for byte as it was read, with its subagents'. No file that is there is changed.

    Records lie in the log as they were, so the agent may have deleted its file, or the whole directory.
    """
    from segue.engine.capture.returning import kept_files, put_back

    app = frame.app
    if rewrite and workspace is None:
        raise UsageError("--rewrite needs the directory that the project has moved to", hint="--workspace DIRECTORY")
    if to is not None and workspace is not None:
        raise UsageError("either --to or --workspace can be given", hint="segue restore-transcript --help")
    target = frame.session(session).session
    moved = None
    if workspace is not None:
        moved = (app.index.session(target).workspace, _absolute(frame, workspace))
        if not moved[0]:
            raise UsageError("the session does not say in which directory it worked", hint="--to DIRECTORY")
    done = put_back(
        kept_files(app.store, target),
        app.shelf,
        to=_absolute(frame, to) if to is not None else None,
        moved=moved,
        rewrite=rewrite,
        anyway=anyway,
    )
    frame.answer({"session": target, "files": [d._asdict() for d in done]}, lambda _: _text(done))
    return 1 if any(d.outcome == "refused" for d in done) else 0


def _absolute(frame: Frame, path: str) -> str:
    return os.path.normpath(os.path.join(frame.app.cwd, os.path.expanduser(path)))  # noqa: PTH111, PTH118  (a name, links are kept)


def _text(done: list[Returned]) -> str:
    lines = []
    for one in done:
        why = f": {one.reason}" if one.reason else ""
        how = ", byte for byte" if one.outcome == "written" and one.exact else ""
        lines.append(f"{one.path}\n  {_OUTCOMES[one.outcome]}, {plural(one.bytes, 'byte')}{how}{why}")
    if any(d.outcome == "refused" for d in done):
        lines.append("as far as it is known: --anyway")
    return "\n".join(lines) + "\n"
