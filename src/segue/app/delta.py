"""Wiring of the delta report, and of the validation before a session goes on."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from segue.app.wiring import App
    from segue.core.delta.report import NoteChange
    from segue.core.session.state import State
    from segue.engine.context.delta import Means
    from segue.engine.context.going_on import Checked


def means(app: "App") -> "Means":
    """Return what a delta is made with."""
    from segue.engine.context.delta import Means
    from segue.host.project.projects import GitProjects

    def notes(then: "State", now: "State") -> "Sequence[NoteChange]":
        from segue.engine.context.noticing import note_changes

        return note_changes(app.library, then, now)

    return Means(app.store, app.index, app.clock, GitProjects(), app.saving.workspace, app.workspace, notes)


def check(app: "App", session: str, workspace: str = "") -> "Checked":
    """Return the checks of a session before it goes on, in its own workspace or in another directory."""
    from segue.engine.context import going_on

    return going_on.check(means(app), session, workspace=workspace)
