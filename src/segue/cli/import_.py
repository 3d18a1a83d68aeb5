"""`segue import`: coding agents' transcripts come in."""

import os
from collections.abc import Container, Iterable, Iterator, Sequence
from typing import Any

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.render import plural, table
from segue.core.errors import NotFoundError, UsageError
from segue.engine.importing import Import, Imported
from segue.ports import Found


@_command("import", short_help="bring coding agents' transcripts in; with --follow as they are written")
@click.argument("paths", nargs=-1, type=click.Path())
@click.option("--agent", help="Read them as this agent's, whatever they look like: claude-code, codex, messages.")
@click.option("--follow", is_flag=True, help="Go on with what is written to them, until Ctrl-C.")
def command(frame: Frame, paths: tuple[str, ...], agent: str | None, follow: bool) -> None:
    """Import transcripts: files, or directories that hold some (~/.claude/projects). Importing again adds nothing.

    What could not be read is named under losses; it hides nothing else.
    """
    found = [os.path.expanduser(p) for p in paths]  # noqa: PTH111  (as the shell would have)
    if not found:
        from segue.host.checkup import transcripts_of

        raise UsageError("nothing to import was named", hint=f"segue import {transcripts_of(frame.env)}")
    missing = next((p for p in found if not os.path.exists(p)), None)  # noqa: PTH110
    if missing is not None and not follow:
        raise NotFoundError("transcript", missing, hint="give a file, or a directory such as ~/.claude/projects")
    if follow:
        _follow(frame, found, agent)
        return
    result = take(frame, found, agent)
    frame.answer(result.to_json(), lambda _: _text(frame, result))


def take(frame: Frame, paths: Sequence[str], agent: str | None = None) -> Import:
    """Import what *paths* name or hold, showing how far it is."""
    from segue.engine.importing import import_paths

    return import_paths(frame.app.store, _Shown(frame), paths, clock=frame.app.clock, agent=agent)


class _Shown:
    """The transcripts of this machine; each is shown when its turn comes."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def find(self, paths: Iterable[str], agent: str | None = None, *, known: Container[str] = ()) -> Iterator[Found]:
        """See `Transcripts.find`."""
        for number, file in enumerate(self._frame.app.transcripts.find(paths, agent, known=known), 1):
            self._frame.progress(f"importing: {plural(number, 'file')}, now {file.path}")
            yield file

    def stamp(self, path: str) -> str:
        """See `Transcripts.stamp`."""
        return self._frame.app.transcripts.stamp(path)


def _follow(frame: Frame, paths: Sequence[str], agent: str | None) -> None:
    from segue.engine.following import follow

    app = frame.app
    for one in follow(app.store, app.transcripts, paths, lambda: False, clock=app.clock, agent=agent):
        app.tend()
        if frame.json:
            frame.record(one.to_json())
        else:
            frame.write(f"{one.foreign_id}: {plural(one.new_events, 'new event')}, {one.events} in all\n")
            frame.stdout.flush()


def _text(frame: Frame, result: Import) -> str:
    if not result.sessions and not result.losses:
        return "there is no transcript of a known agent there\n"
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
    if new:
        lines.append("see one: segue status last    go on with it: segue restore last")
    return "\n".join(lines) + "\n"


def _label(frame: Frame, one: Imported) -> str:
    return frame.app.index.session(one.id).name or one.foreign_id


def _about(frame: Frame, one: Imported) -> Any:
    row = frame.app.index.session(one.id)
    return row.title or row.task or row.workspace
