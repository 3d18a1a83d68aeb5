"""`segue pause`: stop for now."""

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.cli.render import line, plural, span
from segue.engine.sessions import Interruption, interruption, move


@_command("pause", short_help="stop for now, and say what is next")
@_session
@click.option("--reason", default="user", help="user, budget, timeout, error, system, unknown, other, or your own.")
@click.option("--note", "-m", default="", help="In your own words.")
@click.option("--no-checkpoint", is_flag=True, help="Take no checkpoint first.")
def command(frame: Frame, session: str | None, reason: str, note: str, no_checkpoint: bool) -> None:
    """Checkpoint SESSION and pause it; print what was done, what is in progress, and the command to go on with."""
    from segue.engine.saving.interrupting import stop

    desk, target = frame.app.desk, frame.session(session).session
    if no_checkpoint:
        found, made = interruption(move(desk, target, "pause", reason=reason, note=note)), None
    else:
        found, made = stop(desk, target, reason, note, moment=frame.app.saving.moment)
    document = found._asdict() | {"checkpoint": made.name if made else None, "command": found.command}
    frame.answer(document, lambda d: _text(found, d["checkpoint"], frame.width))


def _text(found: Interruption, checkpoint: str | None, width: int) -> str:
    lines = [f"{found.name or found.session} is {found.status} after {span(found.worked_seconds)} of work."]
    lines += [f"  done       {line(text, width - 13)}" for text in found.completed]
    lines += [f"  doing      {line(found.in_progress, width - 13)}"] if found.in_progress else []
    lines += [f"  next       {line(text, width - 13)}" for text in found.next_actions[:5]]
    if checkpoint:
        lines.append(f"  saved      {checkpoint} ({plural(found.head, 'event')})")
    return "\n".join([*lines, f"go on with: {found.command}"]) + "\n"
