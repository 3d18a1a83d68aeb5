"""Which checkpoint a reference means."""

from collections.abc import Callable, Iterable
from typing import Final

from segue.core.errors import AmbiguousError, NotFoundError, SegueError
from segue.core.log.ids import stem_of
from segue.core.session.catalogue import PlaceRow
from segue.engine.restores import Checkpoint, find, known_places
from segue.ports import Index, Store, Target

LAST: Final = frozenset({"last", "latest"})
_KINDS: Final = ("RECOVERY-", "CONTINUATION-")


def place(store: Store, catalogue: Index, resolve: Callable[[str], Target], ref: str) -> Checkpoint:
    """Return the checkpoint or continuation that *ref* means; the first of these forms that something fits decides.

    `last` or `latest`: the latest checkpoint of the session of this workspace, or where it has none of the session with the
    latest activity. A name, `RECOVERY-...` or `CONTINUATION-...`; the beginning of one; what follows the session's number in
    one (`AUTO-SAVE-15`, `STEP-003`, `093000`, a continuation's own name): among those that the session of this workspace
    knows, else among all. Whatever means a session: its latest checkpoint.

    Args:
        store: where.
        catalogue: its index.
        resolve: tells what a reference means, seen from here.
        ref: the reference.

    Raises:
        NotFoundError: nothing fits.
        AmbiguousError: several fit; `candidates` names them.
    """
    text = ref.strip()
    if text.lower() in LAST:
        return _latest(store, _here(resolve), ref)
    session = ""
    refused: SegueError = NotFoundError("checkpoint", ref, hint="segue checkpoint list")
    try:
        target = resolve(text)
        if target.place is not None:
            return find(store, target.session, target.place)
        session = target.session
    except NotFoundError:
        pass
    except AmbiguousError as e:
        refused = e
    here = _here(resolve)
    found = _fitting(known_places(store, here), text) if here else {}
    found = found or _fitting(catalogue.places(), text)
    if len(found) > 1:
        raise AmbiguousError(ref, sorted(found), "checkpoints")
    for row in found.values():
        return find(store, row.session, row.name)
    if session:
        return _latest(store, session, ref)
    raise refused


def known(store: Store, session: str, ref: str) -> Checkpoint:
    """Return the checkpoint or continuation that *ref* means among those that *session* knows. See `place`."""
    text = ref.strip()
    if text.lower() in LAST:
        return _latest(store, session, ref)
    rows = known_places(store, session)
    found = {row.name: row for row in rows if row.name.upper() == text.upper()} or _fitting(rows, text)
    if len(found) > 1:
        raise AmbiguousError(ref, sorted(found), "checkpoints")
    for name in found:
        return find(store, session, name)
    raise NotFoundError("checkpoint", ref, hint=f"segue checkpoint list {session}")


def _fitting(rows: Iterable[PlaceRow], text: str) -> dict[str, PlaceRow]:
    """Return those whose name begins with *text*, or ends with it behind the session's number; by name."""
    wanted = text.upper()
    begins = wanted.startswith(_KINDS)
    found = {}
    for row in rows:
        name = row.name.upper()
        if name.startswith(wanted) if begins else _rest(name) == wanted:
            found[row.name] = row
    return found


def _rest(name: str) -> str:
    stem = stem_of(name)
    return name.partition(f"{stem}-")[2] if stem else ""


def _here(resolve: Callable[[str], Target]) -> str:
    for ref in ("current", "last"):
        try:
            return resolve(ref).session
        except NotFoundError:
            continue
    return ""


def _latest(store: Store, session: str, ref: str) -> Checkpoint:
    rows = [row for row in known_places(store, session) if row.name.startswith("RECOVERY-")] if session else []
    if not rows:
        raise NotFoundError("checkpoint", ref, hint="take one: segue checkpoint create")
    return find(store, session, rows[0].name)
