"""Sessions of a project that was moved or renamed, or of a worktree that was removed, are found where the project is now.

A session keeps the commit that its workspace was at. Where the workspace is gone, the project is wherever that commit is.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Final

from segue.core.errors import DamagedError, NotFoundError
from segue.core.log.events import Damage, Draft
from segue.core.session.catalogue import SessionRow
from segue.core.session.state import State
from segue.engine.loading import change, load
from segue.ports import Store

FACT: Final = "commit"
CommitOf = Callable[[str], str]
"""Returns the commit that a directory is at; empty where it is in no repository."""
_MOST: Final = 100
"""So many workspaces that are gone are looked into, those with the latest activity first."""


def remember(store: Store, sessions: Iterable[str], commit_of: CommitOf) -> set[str]:
    """Note in *sessions* that do not say so yet at which commit their workspace is; return those in which it was."""
    commit_of = cache(commit_of)
    noted = set()
    for session in sessions:
        workspace = _workspace(store, session)
        if not workspace or store.lookup(session, _key(workspace)) is not None:
            continue
        if (draft := note(workspace, commit_of)) is None:
            continue
        quiet = draft._replace(at=load(store, session, on_damage=_pass).activity or None)
        if store.append(session, [quiet]).entries[0].new:
            noted.add(session)
    return noted


def note(workspace: str, commit_of: CommitOf, at: str | None = None) -> Draft | None:
    """Return the event that notes at which commit a session's *workspace* is; None where it is in no repository.

    *at* is a time at which something was done in the session: that we note this is no activity of its own.
    """
    found = commit_of(workspace)
    return Draft("project.set", {"set": {FACT: found}}, key=_key(workspace), at=at) if found else None


def moved_here(
    store: Store, rows: Sequence[SessionRow], exists: Callable[[str], bool], has: Callable[[str], bool]
) -> SessionRow | None:
    """Return the latest session of a project that is here now and was elsewhere; None where there is none.

    Args:
        store: the log.
        rows: all sessions, latest activity first.
        exists: whether a directory is there; a session whose workspace is has not moved.
        has: whether the repository here has a commit.
    """
    gone: dict[str, SessionRow] = {}
    there: dict[str, bool] = {}
    for row in rows:
        if not row.workspace or row.status == "archived" or row.workspace in gone:
            continue
        if row.workspace not in there:
            there[row.workspace] = exists(row.workspace)
        if not there[row.workspace]:
            gone[row.workspace] = row
            if len(gone) >= _MOST:
                break
    for row in gone.values():
        known = commit(load(store, row.id, on_damage=_pass))
        if known and has(known):
            return row
    return None


def rehome(store: Store, rows: Iterable[SessionRow], old: str, new: str) -> list[str]:
    """Tell every session that worked in the directory *old*, or below it, that it is *new* now; return their ids."""
    changed = []
    for row in rows:
        if row.workspace != old and not row.workspace.startswith(f"{old.rstrip('/')}/"):
            continue
        there = new + row.workspace[len(old) :]
        change(store, row.id, lambda state, there=there: _elsewhere(state, there))  # type: ignore[misc]
        changed.append(row.id)
    return changed


def commit(state: State) -> str:
    """Return the commit that the session's workspace was at, as far as it says; else empty."""
    changes = state.work["changes"]
    found = state.work["project"].get(FACT)
    value = found.get("value") if isinstance(found, dict) else found
    known = str(value or (changes["commit"] if changes else ""))
    return known if known and all(c in "0123456789abcdef" for c in known) else ""


def _key(workspace: str) -> str:
    return f"segue:commit:{workspace}"


def _workspace(store: Store, session: str) -> str:
    """Return the directory that a session began in, without folding it."""
    try:
        first = store.info(session).first
        event = next(store.read(session, after=first - 1, upto=first, blobs=False), None)
    except (NotFoundError, DamagedError):
        return ""
    found = event.body.get("workspace") if event is not None else None
    return found if isinstance(found, str) else ""


def _elsewhere(state: State, there: str) -> list[Draft]:
    return [] if state.header["workspace"] == there else [Draft("session.updated", {"workspace": there})]


def _pass(_damage: Damage) -> None:
    """Damage is for `validate`."""
