"""`segue resume`: go on with a session."""

from typing import Any

import click

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.engine.loading import load
from segue.engine.sessions import move


@_command("resume", short_help="go on with a session that was paused or ended")
@_session
@click.option("--note", "-m", default="", help="In your own words.")
def command(frame: Frame, session: str | None, note: str) -> None:
    """Take up SESSION again and print where it is; one that is at work already stays as it is.

    What an agent needs to go on is printed by `segue restore`.
    """
    from segue.cli.picture import picture, text

    target = frame.session(session).session
    state = load(frame.app.store, target, on_damage=lambda _: None)
    if state.status not in {"created", "active"}:
        state = move(frame.app.desk, target, "resume", note=note)
    document: dict[str, Any] = picture(state, frame.app)
    name = document["name"] or document["id"]
    frame.answer(document, lambda d: text(d, frame.width) + f"\nwhat the agent needs: segue restore {name}\n")
