"""Wiring of what lies beside the store in segue's home, while the store's key changes."""

from contextlib import suppress
from typing import TYPE_CHECKING

from segue.core.errors import SegueError

if TYPE_CHECKING:
    from segue.app.wiring import App


class Beside:
    """What lies beside the configured store."""

    def __init__(self, app: "App") -> None:
        """Work for *app*."""
        self._app = app

    def rekey(self) -> list[str]:
        """Bring all of it under the store's newest key, or into the clear; return what stays as it is, and why.

        Repeatable, at any point: each file is whole in its old form or in its new one. Call it when the store writes under its
        new key (`encryption.begin`), and before an older key is let go of.

        - From then on agents' hooks spool nothing of what is said, or whole payloads again; what was spooled is taken in.
        - What is known of notes in the clear is deleted.
        - Emergency files, copies of transcripts and snapshots of workspaces are rewritten.

        Raises OSError, WorkspaceError: it may go well the next time.
        """
        app = self._app
        left = []
        sealed = bool(app.boxes.refresh().tag)
        (app.spools.seal if sealed else app.spools.unseal)()
        if sealed:
            from segue.app.library import forget_catalogues

            forget_catalogues(app)
        if not app.spools.is_empty():
            from segue.engine.capture.spooling import ingest

            with suppress(SegueError):  # else it waits, as ever
                ingest(app.store, app.spools, app.transcripts, clock=app.clock, hosts=app.host)
        left += app.emergencies.rekey()
        left += app.keeping.rekey()
        try:
            left += app.saving.vault.rekey()
        except SegueError as e:
            if isinstance(e.__cause__, OSError):  # it may go well the next time, and then the older key is needed
                raise
            left.append(e.message)
        return left
