"""`segue status`: where a session is."""

from typing import TYPE_CHECKING, Any

from segue.cli.frame import Frame
from segue.cli.params import command as _command
from segue.cli.params import session as _session
from segue.cli.picture import picture, text

if TYPE_CHECKING:
    from segue.core.log.events import Damage


@_command("status", short_help="where a session is: its state, what is open, what it used")
@_session
def command(frame: Frame, session: str | None) -> None:
    """Print where SESSION is: its state, what is done and open, what it used, and what may be done with it now."""
    from segue.engine.loading import load
    from segue.engine.restores import interrupted

    target = frame.session(session)
    damage: list[Damage] = []
    state = load(frame.app.store, target.session, target.position, on_damage=damage.append)
    if target.position is None:
        state = frame.app.settled(state)
    document: dict[str, Any] = picture(state, frame.app)
    frame.answer(document, lambda d: text(d, frame.width))
    frame.damage(damage, target.session)
    if why := frame.app.index.shortfall():
        frame.warn(why)
    if open_ := interrupted(frame.app.store, target.session):
        frame.warn(f"{open_.told()}: segue checkpoint restore --finish, or --undo")
