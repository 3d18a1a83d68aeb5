"""Wiring of the delta report, and of the validation before a session goes on."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from segue.app.wiring import App
    from segue.engine.delta import Means


def means(app: "App") -> "Means":
    """Return what a delta is made with."""
    from segue.engine.delta import Means
    from segue.host.project.projects import GitProjects

    return Means(app.store, app.index, app.clock, GitProjects(), app.saving.workspace, app.workspace)
