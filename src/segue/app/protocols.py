"""Wiring of the restoration protocols."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segue.app.wiring import App
    from segue.engine.context.going_on import Checked
    from segue.engine.context.protocols import Means


def means(app: "App") -> "Means":
    """Return what a protocol takes."""
    from segue.app import delta
    from segue.engine.context.going_on import check
    from segue.engine.context.protocols import Means

    def look(session: str, *, thorough: bool) -> "Checked":
        return check(delta.means(app), session, thorough=thorough)

    return Means(app.store, app.clock, app.counter, look)
