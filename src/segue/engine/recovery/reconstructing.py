"""Sessions made anew from what is left of them: a file here, a segment there. What is in the store is never changed."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from hashlib import blake2b
from typing import Final, NamedTuple

from segue.core.errors import ExistsError, NotFoundError
from segue.core.log.events import Draft, Event
from segue.core.log.ids import uuid7, uuid7_ms
from segue.core.log.rejoining import Range
from segue.core.log.times import stamp
from segue.core.session.lifecycle import BEGINNINGS
from segue.engine.loading import Desk
from segue.engine.recovery.recovering import draft_of
from segue.engine.sessions import DEFAULT_TYPE, named
from segue.ports.recovery import Piece, Sifted, Sifter

_AT_ONCE: Final = 500
_WORDS: Final = 60


class Reconstructed(NamedTuple):
    """A session that was made anew."""

    session: str
    """Its new id: always the same for the same events."""
    name: str
    """Empty where it was not made."""
    origin: str
    """The session that its events are of: its id, or its name where only that is known; empty where nothing tells it."""
    events: int
    """How many events of the origin it has."""
    lost: tuple[Range, ...]
    """Numbers, in the origin, of those that are nowhere. What came behind its last one nobody knows."""
    blobs: tuple[str, ...]
    """Large values that are nowhere."""
    files: tuple[str, ...]
    state: str
    """`new`; `there`, it had been made before; `whole`, the store has the origin with all of these events."""


def reconstruct(sifter: Sifter, desk: Desk, paths: Sequence[str], *, dry_run: bool = False) -> tuple[Sifted, list[Reconstructed]]:
    """Make a new session of each log that *paths* hold something of, and return what was found and made.

    Each gap is named, in the answer and in the session where it is (an event `loss`). A session that the store has with all of
    these events is not made again, and neither is one that was made of the same events before.

    Raises:
        NotFoundError: a path is not there.
        StorageFullError, OutcomeUnknownError: see `Store.append`; what was made until then is there, and named the next time.
    """
    found = sifter.sift(paths)
    return found, [_make(desk, one, dry_run=dry_run) for one in found.pieces]


def _make(desk: Desk, one: Piece, *, dry_run: bool) -> Reconstructed:
    digest = blake2b("".join(event.digest for event in one.events).encode(), digest_size=10).digest()
    session = uuid7(uuid7_ms(one.events[0].id), digest)
    origin = one.session or str(one.events[0].body.get("name", ""))
    made = Reconstructed(session, "", origin, len(one.events), one.lost, one.blobs, one.files, "new")
    if one.session and _has(desk, one):
        return made._replace(session=one.session, state="whole")
    if _is_there(desk, session):
        if not dry_run:
            _append(desk, one, session)
        return made._replace(state="there")
    if dry_run:
        return made
    return made._replace(name=_begin(desk, one, session))


def _has(desk: Desk, one: Piece) -> bool:
    """Return whether the store has all events of a piece in the session that they are of."""
    if not _is_there(desk, one.session):
        return False
    known = {event.digest for event in desk.store.read(one.session, blobs=False, on_damage=_pass)}
    return all(event.digest in known for event in one.events)


def _is_there(desk: Desk, session: str) -> bool:
    try:
        desk.store.stamp(session)
    except NotFoundError:
        return False
    return True


def _begin(desk: Desk, one: Piece, session: str) -> str:
    """Begin a session with the events of a piece, and return its name."""
    first = one.events[0]
    known = dict(first.body) if first.kind in BEGINNINGS else {}
    at = stamp(desk.clock.now())
    names = named(desk, session, at, str(known.get("type") or DEFAULT_TYPE), str(known.get("project") or ""))
    foreign = [*known.get("foreign_ids", []), *filter(None, (one.session, known.get("name")))]
    title = f"reconstructed: {known.get('title') or known.get('task') or one.session or one.files[0]}"
    body = {key: value for key, value in known.items() if key not in {"name", "slug", "parent"}}
    body = {"type": DEFAULT_TYPE} | body | names | {"title": title[:_WORDS], "foreign_ids": list(dict.fromkeys(foreign))}
    with suppress(ExistsError):  # another was faster
        desk.store.create(session, [Draft("session.created", body, at=first.at)])
    _append(desk, one, session)
    return names["name"]


def _append(desk: Desk, one: Piece, session: str) -> None:
    """Append what a session lacks of a piece: its making may have been interrupted."""
    drafts = list(_drafts(one))
    head = desk.store.info(session).head.seq
    while 0 < head <= len(drafts):
        written = desk.store.append(session, drafts[head - 1 : head - 1 + _AT_ONCE], expect=head, on_key="replace")
        head = written.head.seq


def _drafts(one: Piece) -> Iterator[Draft]:
    """Yield the events of a piece again, and in the place of each gap one that names it."""
    gaps = list(one.lost)
    for event in one.events:
        while gaps and gaps[0][1] < event.seq:
            yield _loss(one, *gaps.pop(0))
        if event.kind not in BEGINNINGS:
            yield _plain(event)
    if one.blobs:
        yield Draft("loss", {"where": f"large values of {_of(one)}", "reason": f"{len(one.blobs)} are nowhere"})


def _plain(event: Event) -> Draft:
    return draft_of(event)._replace(key=None) if event.erased else draft_of(event)


def _loss(one: Piece, first: int, last: int) -> Draft:
    what = f"event {first}" if first == last else f"events {first} to {last}"
    return Draft("loss", {"where": f"{what} of {_of(one)}", "reason": "nothing that was left has it"})


def _of(one: Piece) -> str:
    return one.session or one.files[0]


def _pass(_damage: object) -> None:
    """Damage is for `validate`."""
