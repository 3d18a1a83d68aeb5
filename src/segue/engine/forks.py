"""Forks: a session of its own that shares another's past up to a position. Nothing is copied."""

from collections.abc import Mapping
from typing import Any

from segue.core.errors import NotFoundError, TakenAwayError
from segue.core.log.events import Draft, ForkPoint
from segue.core.log.kinds import validate
from segue.core.log.times import stamp
from segue.engine.foreign import DROPPED
from segue.engine.loading import Desk, event_at, load
from segue.engine.sessions import DEFAULT_TYPE, Begun, named
from segue.ports import Store


def fork(
    desk: Desk, parent: str, at: int | None = None, header: Mapping[str, Any] | None = None, *then: Draft, session: str = ""
) -> Begun:
    """Begin a session that shares the past of *parent* up to position *at* (its head), and return its names.

    The parent is not changed; what happens to it later does not change the fork. Fields of *header* take the place of the
    parent's. *then* are further events to begin with; *session* is its id, a new one where none is given.

    Raises:
        NotFoundError: no such session, or no such position.
        TakenAwayError: contents that it would share were taken away since, or just now.
        ExistsError: there is a session of that id.
        InvalidEventError: a field of *header* has another type than it must have.
    """
    if at is None and not session:
        while True:
            try:
                return fork(desk, parent, desk.store.info(parent).head.seq, header, *then)
            except TakenAwayError:  # meanwhile: there is a later head that has what is left
                continue
    position = desk.store.info(parent).head.seq if at is None else at
    _refuse_dropped(desk.store, parent, position)
    event = event_at(desk.store, parent, position)
    known = load(desk.store, parent, position, on_damage=_pass).header
    now = stamp(desk.clock.now())
    session = session or desk.ids.uuid7()
    fields = {k: v for k, v in (header or {}).items() if v not in (None, "", [], ())}
    validate("session.updated", fields)
    type_ = str(fields.get("type") or known["type"] or DEFAULT_TYPE)
    names = named(desk, session, now, type_, str(fields.get("project") or known["project"]))
    origin = {"session": parent, "seq": position, "digest": event.digest}
    drafts = [
        Draft("session.forked", {"parent": origin} | fields | names, at=now),
        Draft("session.activated", {}, at=now),
        *then,
    ]
    desk.store.create(session, drafts, fork=ForkPoint(parent, position, event.digest))
    try:
        _refuse_dropped(desk.store, parent, position)  # whoever drops from now on sees that this shares it
    except TakenAwayError:
        desk.store.delete(session)
        raise
    return Begun(session, names["name"], names["slug"])


def _refuse_dropped(store: Store, parent: str, position: int) -> None:
    """Refuse a position before which contents are, or are being, erased that its state consists of."""
    for session in (parent, *(point.session for point in store.lineage(parent) if position <= point.seq)):
        try:
            known, first = store.lookup(session, DROPPED), store.info(session).first
        except NotFoundError:  # a deleted one, of which nothing is dropped any more
            continue
        if known is not None and known.seq > position and (position >= first or known.seq < first):
            raise TakenAwayError(parent, position, known.seq)


def _pass(_damage: object) -> None:
    """Damage is for `validate`."""
