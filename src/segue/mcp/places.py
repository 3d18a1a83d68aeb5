"""In which project a client works, and the application for it: where it was started, unless it says that it works elsewhere."""

import os
from typing import TYPE_CHECKING, Final

from segue.mcp.peer import Peer
from segue.mcp.scope import Scope

if TYPE_CHECKING:
    from segue.app import App
    from segue.engine.callers import Caller

_MOST: Final = 20
"""Directories beside the first one."""


class Places:
    """The applications, by directory; all of one store."""

    def __init__(self, app: "App") -> None:
        """Begin with that of the directory in which the server was started."""
        self._app = app
        self._others: dict[str, App] = {}

    def of(self, peer: Peer, caller: "Caller", *, everything: bool) -> tuple["App", Scope]:
        """Return the application and the scope of a call."""
        roots = peer.roots()
        inside = not roots or any(_is_in(self._app.cwd, root) for root in roots)
        app = self._app if inside else self._other(roots[0])
        places = [app.workspace, *(self._other(root).workspace for root in roots if not _is_in(app.cwd, root))]
        return app, Scope(app, caller, tuple(dict.fromkeys(places)), everything=everything)

    def close(self) -> None:
        """Let go of what was opened, but for the store, which others opened. A thread lets go of what is its own: the library."""
        for directory in list(self._others):
            self._let_go(directory)
        if library := self._app.__dict__.pop("library", None):
            library.close()

    def _let_go(self, directory: str) -> None:
        app = self._others.pop(directory)
        app.__dict__.pop("store", None)  # it is the first one's
        app.close()

    def _other(self, directory: str) -> "App":
        if directory not in self._others:
            app = self._app
            while len(self._others) >= _MOST:
                self._let_go(next(iter(self._others)))
            flags = {name: app.config[name] for name in ("store", "durability")}
            self._others[directory] = type(app)(
                app.env, flags=flags, cwd=directory, clock=app.clock, ids=app.ids, store=app.store
            )
        return self._others[directory]


def _is_in(path: str, directory: str) -> bool:
    """Return whether *path* is *directory* or in it."""
    path, directory = os.path.realpath(path), os.path.realpath(directory)
    return path == directory or path.startswith(directory.rstrip("/") + "/")
