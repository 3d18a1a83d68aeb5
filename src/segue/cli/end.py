"""`segue end`: close a session."""

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.cli.render import plural, span
from segue.core.session.lifecycle import REASONS
from segue.engine.sessions import interruption, move


@_command("end", short_help="close a session")
@_session
@click.option("--reason", type=click.Choice(REASONS["end"]), default="done", show_default=True)
@click.option("--by", default="", metavar="SESSION", help="The session that goes on in its place (superseded).")
@click.option("--note", "-m", default="", help="In your own words.")
def command(frame: Frame, session: str | None, reason: str, by: str, note: str) -> None:
    """End SESSION. Its log stays; `segue resume` takes it up again, unless it was superseded."""
    target = frame.session(session).session
    successor = frame.app.resolve(by).session if by else ""
    found = interruption(move(frame.app.desk, target, "end", reason="superseded" if by else reason, note=note, by=successor))
    frame.answer(
        found._asdict(),
        lambda d: (
            f"{d['name'] or d['session']} is ended ({d['reason']}) after {span(d['worked_seconds'])} of work,"
            f" {plural(d['head'], 'event')}.\n"
        ),
    )
