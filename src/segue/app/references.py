"""What a reference means to whoever says it here: a session's own id, `current`, or what the index knows."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from segue.core.errors import NotFoundError
from segue.core.log.ids import is_uuid
from segue.ports import Target

if TYPE_CHECKING:
    from segue.app.wiring import App


def resolve(app: "App", ref: str) -> Target:
    """Return what a reference means, seen from the workspace of *app*. Raises NotFoundError, AmbiguousError."""
    session = ref.strip().lower()  # a session's own id needs no index
    if is_uuid(session):
        with suppress(NotFoundError):  # it may still be an agent's own id
            app.store.stamp(session)
            return Target(session)
    if session == "current":
        return _current(app)
    return app.index.resolve(ref, workspace=app.cwd)


def _current(app: "App") -> Target:
    """Return the session of this workspace; where it has none, that of a project which was elsewhere and is here now."""
    from segue.engine.moving import moved_here
    from segue.host.project.looking import has_commit

    found = None
    with suppress(NotFoundError):
        found = app.index.resolve("current", workspace=app.cwd)
        if app.index.session(found.session).workspace.startswith(app.workspace):
            return found
    if (Path(app.workspace) / ".git").exists():
        rows = app.index.sessions()
        moved = moved_here(app.store, rows, os.path.isdir, lambda commit: has_commit(app.workspace, commit))
        if moved is not None:
            return Target(moved.id)
    return found or app.index.resolve("current", workspace=app.cwd)
