"""What a reference means: a session, and where it is the name of a checkpoint or continuation, a position in it."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from segue.core.errors import AmbiguousError, NotFoundError
from segue.core.log.ids import Ref, parse_ref
from segue.core.session.catalogue import PlaceRow, SessionRow, called

_PREFIX_OF_FOREIGN = 6
"""Characters from which on the beginning of a foreign id counts as a reference."""


class Target(NamedTuple):
    """What a reference resolved to. `position` and `place` are None but for checkpoints and continuations."""

    session: str
    position: int | None = None
    place: str | None = None
    task: str | None = None
    """The id of the task that was meant, empty for the session's own; None where the session itself was."""


def resolve(
    ref: Ref | str,
    rows: Iterable[SessionRow],
    *,
    places: Iterable[PlaceRow] = (),
    workspace: str = "",
) -> Target:
    """Return the one session (and position) that *ref* means among the catalogue's *rows* and *places*.

    The forms that a reference can have are tried from the most exact to the least; the first with a match decides.
    `last` is the session with the latest activity. `current` is that of *workspace* (an absolute path): of the nearest
    directory above it that has sessions, one that is not over before one that is, the latest of them; `paused` the latest of
    those that are paused. Archived sessions are none of them. A task, by its id or its whole title, is that of the session
    where it went on last, of *workspace* if it has one.

    Raises:
        NotFoundError: nothing fits.
        AmbiguousError: several fit; `candidates` names them.
    """
    ref = parse_ref(ref) if isinstance(ref, str) else ref
    rows = list(rows)
    for form in ref.forms:
        if form in {"recovery", "continuation"}:
            found = [p for p in places if p.name.upper() == ref.text.upper()]
            if found:
                return _one_place(ref, found, rows)
        else:
            matches = _matches(form, ref.text, rows, workspace)
            if matches:
                return _one(ref, matches)._replace(task=_task(matches[0], ref.text) if form == "foreign" else None)
    raise NotFoundError("session", ref.text, hint="segue list")


def latest(rows: Iterable[SessionRow]) -> SessionRow | None:
    """Return the session with the latest activity, archived ones left out; a superseded one only where there is no other."""
    found = (r for r in rows if r.status != "archived")
    return max(found, key=lambda r: (r.reason != "superseded", r.last_activity, r.id), default=None)


def current(rows: Iterable[SessionRow], workspace: str) -> SessionRow | None:
    """Return the session of *workspace*, as `resolve` says for `current`."""
    best: dict[int, list[SessionRow]] = {}
    for row in rows:
        if workspace and row.workspace and row.status != "archived" and _within(workspace, row.workspace):
            best.setdefault(len(row.workspace.rstrip("/")), []).append(row)
    if not best:
        return None
    nearest = best[max(best)]
    return latest([r for r in nearest if r.live]) or latest(nearest)


def _matches(form: str, text: str, rows: Sequence[SessionRow], workspace: str) -> list[SessionRow]:
    lower = text.lower()
    if form == "last":
        return _maybe(latest(rows))
    if form == "current":
        return _maybe(current(rows, workspace))
    if form == "paused":
        return _maybe(current([r for r in rows if r.status == "paused"], workspace))
    if form == "id":
        return [r for r in rows if r.id == lower]
    if form == "name":
        return [r for r in rows if r.name.upper() == text.upper()]
    if form == "slug":
        return [r for r in rows if r.slug.lower() == lower]
    if form == "prefix":
        return [r for r in rows if r.id.startswith(lower)]
    exact = [r for r in rows if text in r.foreign_ids or (text and text == r.name)]
    succeeded = {r.parent for r in exact}  # a successor goes on in its parent's transcript
    exact = [r for r in exact if r.id not in succeeded]
    exact = exact or _with_task(rows, text, workspace)
    if exact or len(text) < _PREFIX_OF_FOREIGN:
        return exact
    return [r for r in rows if any(f.startswith(text) for f in r.foreign_ids)]


def _with_task(rows: Sequence[SessionRow], text: str, workspace: str) -> list[SessionRow]:
    """Return the sessions that have the task, rather those of *workspace*; of forks of one another the one that went on last."""
    found = {r.id: r for r in rows if _task(r, text) is not None and r.status != "archived"}
    latest_of: dict[str, SessionRow] = {}
    for row in found.values():
        root, seen = row, {row.id}
        while root.parent in found and root.parent not in seen:
            seen.add(root.parent)
            root = found[root.parent]
        family = root.parent or root.id
        latest_of[family] = max(latest_of.get(family, row), row, key=lambda r: (r.last_activity, r.id))
    alive = list(latest_of.values())
    return [r for r in alive if r.workspace and workspace and _within(workspace, r.workspace)] or alive


def _task(row: SessionRow, text: str) -> str | None:
    """Return the id of the task of *row* that is called so; None where it has none."""
    name = called(text)
    if not name or text in row.foreign_ids:
        return None
    named = [key for key, title in row.tasks if called(key) == name] or [k for k, title in row.tasks if called(title) == name]
    return named[0] if named else "" if called(row.task) == name else None


def _one(ref: Ref, matches: Sequence[SessionRow]) -> Target:
    if len(matches) > 1:
        raise AmbiguousError(ref.text, [label(r) for r in matches], hint=choosing(matches[0]))
    return Target(matches[0].id)


def _one_place(ref: Ref, found: Sequence[PlaceRow], rows: Sequence[SessionRow]) -> Target:
    if len(found) > 1:
        names = {r.id: label(r) for r in rows}
        candidates = [f"{p.name} in {names.get(p.session, p.session)}" for p in found]
        raise AmbiguousError(ref.text, candidates, hint="name the session that you mean, with --at and the position")
    return Target(found[0].session, found[0].position, found[0].name)


def label(row: SessionRow) -> str:
    """Return how a list of candidates names a session: with what it is about, or else whose it is."""
    about = row.title or row.task[:60] or row.agent
    return f"{row.name or row.id} ({about})" if about else row.name or row.id


def choosing(row: SessionRow) -> str:
    """Return how one of several candidates is named, *row* for example: two frameworks may use one id, all of it."""
    return f"name the one you mean as it is called here, such as {row.name or row.id}"


def _maybe(row: SessionRow | None) -> list[SessionRow]:
    return [row] if row else []


def _within(path: str, directory: str) -> bool:
    directory = directory.rstrip("/")
    return path.rstrip("/") == directory or path.startswith(directory + "/")
