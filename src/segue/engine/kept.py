"""What is folded of a long session, kept as a snapshot: who opens it next starts from there and reads only what came after.

It is a value of JSON, its long texts beside it (`core.log.texts`). It is a cache: the log has it all, and the store takes it away
when something is erased that it may hold. What is no such value, or not of its `schema`, is as if it were not there.
"""

from contextlib import suppress
from typing import Any, Final, NamedTuple

from segue.core.errors import NotFoundError
from segue.core.log import texts
from segue.core.log.events import Event
from segue.ports import Snapshot, Store

_FIRST: Final = 256
"""Fewer events are read as fast as a snapshot."""
_SHARE: Final = 8
"""Of so many events one is unread at most: to read an event of a log costs twice what it costs to keep it.

A session that grows to 10,000 messages, loaded by another process after each 200: 4.8 s of CPU in all where it is 2, 3.1 here.
"""
_LARGEST: Final = 1 << 28
"""Bytes; a larger one is not kept."""


class Kept(NamedTuple):
    """A value as it was behind the event `seq`, whose digest is `digest`."""

    seq: int
    digest: str
    value: Any


def recall(store: Store, session: str, schema: str, *, shared: bool = False) -> Kept | None:
    """Return what was kept last of a *session*; None where nothing is, or nothing that can be read.

    *shared*: the value is made of the events alone, in whatever log they are. So a fork of which nothing is kept begins with what
    is kept of its parents, as far as it shares that.
    """
    found = store.snapshot(session, schema)
    if found is None and shared:
        found = _of_parents(store, session, schema)
    if found is None:
        return None
    try:
        return Kept(found.seq, found.digest, texts.unpack(found.data))
    except (ValueError, RecursionError):
        return None


def _of_parents(store: Store, session: str, schema: str) -> Snapshot | None:
    upto: int | None = None
    for point in store.lineage(session):
        upto = point.seq if upto is None else min(upto, point.seq)
        with suppress(NotFoundError):  # it was deleted
            if (found := store.snapshot(point.session, schema, upto)) is not None:
                return found
    return None


class OutdatedError(Exception):
    """Something that was taken in was erased since: what was folded of it may hold that. It is made anew of the whole log."""


def check(event: Event, upto: int) -> None:
    """Look at the next *event* behind what was taken in *upto* a position. Raises OutdatedError: it tells of an erasure there."""
    if event.kind == "erased" and 0 < upto < event.seq and _reaches(event.body.get("seqs"), upto):
        raise OutdatedError


def _reaches(seqs: Any, upto: int) -> bool:
    """Return whether one of the ranges that were erased begins there or before; so does what tells of no ranges."""
    try:
        return any(first <= upto for first, _ in seqs)
    except (TypeError, ValueError):
        return True


def is_worth(seq: int, kept: int) -> bool:
    """Return whether at *seq* it is worth it to keep a value again that was *kept* before (0: never).

    It is when an eighth of all events came since: all that were ever written are together as large as eight of the last.
    """
    return seq - kept >= max(_FIRST, seq // _SHARE)


def keep(store: Store, session: str, schema: str, kept: Kept) -> None:
    """Keep a value for who comes next, in the place of the one before, unless it is too large or, with a NaN in it, no JSON.

    Raises:
        TypeError: it holds what can be no value of JSON.
    """
    try:
        data = texts.pack(kept.value)
    except (ValueError, RecursionError):
        return
    if len(data) <= _LARGEST:
        store.put_snapshot(session, Snapshot(kept.seq, kept.digest, schema, data), alone=True)
