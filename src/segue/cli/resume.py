"""`segue resume`: go on with a session."""

from typing import Any

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.engine.sessions import move


@_command("resume", short_help="go on with a session that was paused or ended")
@_session
@click.option("--note", "-m", default="", help="In your own words.")
def command(frame: Frame, session: str | None, note: str) -> None:
    """Take up SESSION again and print where it is. What an agent needs to go on is printed by `segue restore`."""
    from segue.cli.picture import picture, text

    target = frame.session(session).session
    state = move(frame.app.desk, target, "resume", note=note)
    document: dict[str, Any] = picture(state, frame.app)
    name = document["name"] or document["id"]
    frame.answer(document, lambda d: text(d, frame.width) + f"\nwhat the agent needs: segue restore {name}\n")
