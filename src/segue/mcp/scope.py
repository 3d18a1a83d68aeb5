"""Of which sessions a client may know: those of its project, or where the user said so, all."""

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from segue.core.errors import AmbiguousError, NotFoundError, SegueError
from segue.core.session.catalogue import SessionRow
from segue.core.session.refs import choosing, label
from segue.engine.callers import Caller, Found, active, at_work, before, named
from segue.ports import Target

if TYPE_CHECKING:
    from segue.app import App

OWN: Final = "mine"
BEFORE: Final = "previous"
_ELSEWHERE: Final = "session:// lists those of this project; those of others are served by: segue mcp serve --all"


class Meant(NamedTuple):
    """A session that a call is about, and why it is that one."""

    session: str
    name: str
    why: str
    position: int | None = None


class Scope:
    """The sessions that one call may know of. Made for a call: what is found is looked up once."""

    def __init__(self, app: "App", caller: Caller, roots: Sequence[str] = (), *, everything: bool = False) -> None:
        """Look in the directories *roots*, else in the project of *app*; with *everything* everywhere."""
        self._app, self.caller, self._everything = app, caller, everything
        self.directories = tuple(roots) or (app.workspace,)

    def again(self) -> "Scope":
        """Return one of which nothing is looked up yet."""
        return Scope(self._app, self.caller, self.directories, everything=self._everything)

    @cached_property
    def rows(self) -> list[SessionRow]:
        """The sessions, latest activity first."""
        rows = self._app.index.sessions()
        return rows if self._everything else [row for row in rows if self._holds(row)]

    @cached_property
    def mine(self) -> Found | None:
        """The caller's own session, as its hooks know it: what they said last may have to be taken in first."""
        found = named(self.rows, self.caller)
        if found is None:
            self._take_in()
            del self.rows
            found = named(self.rows, self.caller)
        return found or active(self.rows, self.caller)

    @property
    def previous(self) -> SessionRow | None:
        """The session that was worked in before."""
        return before(self.rows, self.mine.row if self.mine else None)

    def to_read(self, ref: str) -> Meant:
        """Return the session that is meant to be read: `previous` (where there is none, `mine`), `mine`, or one by reference.

        Raises NotFoundError, AmbiguousError.
        """
        if ref in {"", BEFORE}:
            row = self.previous
            if row is not None:
                return Meant(row.id, row.name, "the last one here before yours" if self.mine else "the last one here")
        elif ref == OWN and self.mine is None and self.previous is not None:
            return Meant(self.previous.id, self.previous.name, "the last one here; which one is yours cannot be told")
        return self.to_write("" if ref in {"", BEFORE, OWN} else ref)

    def to_write(self, ref: str) -> Meant:
        """Return the session that is meant to be written to: the caller's own, or where that cannot be known the one that is at
        work here; or one by reference. Raises NotFoundError, AmbiguousError.
        """
        if ref not in {"", OWN}:
            return self._named(ref)
        if self.mine is not None:
            return Meant(self.mine.row.id, self.mine.row.name, f"yours: {self.mine.why}")
        row = at_work(self.rows)
        if row is None:
            raise NotFoundError(
                "session", OWN, hint='none is at work in this project: name one, or begin one: segue start --task "..."'
            )
        return Meant(row.id, row.name, "the one at work here; which one is yours cannot be told")

    def _named(self, ref: str) -> Meant:
        """Return the session of a reference. Of sessions of other projects not even that they are there is told."""
        if ref.strip().lower() == "last" and self.rows:
            return Meant(self.rows[0].id, self.rows[0].name, "the last one here")
        known = {row.id: row for row in self.rows}
        try:
            target = self._app.resolve(ref)
        except NotFoundError:
            target = Target("")
        except AmbiguousError as e:
            fits = {word: row for word in e.fields["candidates"] for row in self.rows if _is_of(word, label(row))}
            first = next(iter(fits.values()), None)
            if first is not None and len(fits) > 1:
                raise AmbiguousError(ref, list(fits), hint=choosing(first)) from None
            target = Target(first.id if first is not None else "")
        row = known.get(target.session)
        if row is None:
            raise NotFoundError("session", ref, hint=_ELSEWHERE)
        return Meant(row.id, row.name, "as named", target.position)

    def _holds(self, row: SessionRow) -> bool:
        return any(_is_in(row.workspace, directory, self._app.env) for directory in self.directories) or (row.id == self._current)

    @cached_property
    def _current(self) -> str:
        """The session of this directory where it is of one above it, or of a project that was moved here."""
        if self.directories != (self._app.workspace,):
            return ""
        with suppress(NotFoundError):
            return self._app.resolve("current").session
        return ""

    def _take_in(self) -> None:
        """Take in what hooks wrote and nobody took in yet."""
        app = self._app
        if app.spools.is_empty():
            return
        from segue.engine.capture.spooling import ingest

        with suppress(SegueError, OSError):  # the worker does it later, and tells of it
            ingest(app.store, app.spools, app.transcripts, clock=app.clock)


def _is_of(candidate: str, session: str) -> bool:
    """Return whether a candidate of an ambiguous reference is a session, or a place in it."""
    return candidate == session or candidate.endswith(f" in {session}")


def _is_in(workspace: str, directory: str, env: Mapping[str, str]) -> bool:
    """Return whether a session's workspace is a directory, or in it. A home, or all of a disk, is no project."""
    if not workspace:
        return False
    if workspace.rstrip("/") == directory.rstrip("/"):
        return True
    if directory in {"/", env.get("HOME", "")}:
        return False
    real = os.path.realpath(directory)
    return any(workspace.startswith(one.rstrip("/") + "/") for one in {directory, real}) or workspace == real
