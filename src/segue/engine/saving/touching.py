"""What a snapshot of a session's workspace has to look at, by what its log tells since the last one."""

from typing import Final

from segue.core.session.touched import touched as told
from segue.engine.loading import event_at, load
from segue.engine.restores import Checkpoint
from segue.ports import Store

_MOST: Final = 2_000
"""More events than this are not read: to look at the whole work tree is no dearer."""


def touched(store: Store, session: str) -> list[str] | None:
    """Return the files that a snapshot of now has to look at; None: the whole work tree.

    Known within a turn, as long as every tool since the session's last snapshot said which files it changed. What else was
    changed meanwhile is for the next full one.

    Raises:
        NotFoundError: no such session.
    """
    damaged: list[object] = []
    state = load(store, session, on_damage=damaged.append)
    latest = max(((place["seq"], name) for name, place in state.checkpoints.items()), default=None)
    if latest is None or damaged or state.seq - latest[0] > _MOST:
        return None
    seq, name = latest
    if not Checkpoint(name, session, 0, seq, "", event_at(store, session, seq).body).snapshot:
        return None
    found = told(store.read(session, after=seq, blobs=False, on_damage=damaged.append))
    return None if damaged else found
