"""Recovery as a use case: logs are put together from their copies, and what went on separately from one is kept as a fork."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import NamedTuple

from segue.core.errors import ExistsError, NotFoundError
from segue.core.log.events import Draft, Event
from segue.core.session.lifecycle import BEGINNINGS
from segue.core.session.tree import tree
from segue.engine.forks import fork
from segue.engine.loading import Desk
from segue.engine.sessions import start
from segue.ports import Store
from segue.ports.recovery import Recovered, Recovery, Split
from segue.ports.seen import Seen, Sighting


class Kept(NamedTuple):
    """What went on separately, and the session that it is now."""

    of: str
    after: int
    events: int
    session: str
    name: str


def recover(
    recovery: Recovery, desk: Callable[[], Desk], *, dry_run: bool = False, alone: bool = False, session: str | None = None
) -> tuple[Recovered, list[Kept]]:
    """Put the logs of a store together from all copies, and keep as forks what went on separately. See `Recovery.run`.

    Where something of a log is lost, its transcripts are read from their beginning when they are imported next: what they have
    of it is taken in again, at the log's end, in its place in the conversation. *desk* opens the store; it may not open before.
    """
    found = recovery.run(dry_run=dry_run, alone=alone, session=session)
    if dry_run:
        return found, [Kept(one.session, one.after.seq, len(one.events), one.fork, "") for one in found.splits]
    for one in found.logs:
        if one.lost and one.after:
            _read_again(desk().store, one.session)
    kept = [_keep(desk(), one) for one in found.splits]
    return found, [one for one in kept if one is not None]


class Unseen:
    """Sightings that are remembered, and not asked: a log that lost something has files to take in that did not change."""

    def __init__(self, seen: Seen) -> None:
        """Remember in *seen*."""
        self._seen = seen

    def get(self, path: str) -> Sighting | None:
        """Know of nothing."""
        return None

    def put(self, path: str, sighting: Sighting) -> None:
        """See `Seen.put`."""
        self._seen.put(path, sighting)


def heads(store: Store, session: str) -> dict[str, str]:
    """Return the node that each stream of a session is at."""
    try:
        found = tree(store.read(session, blobs=False, on_damage=_pass))
    except NotFoundError:  # shared state has no conversation
        return {}
    return {name: stream.head for name, stream in found.streams.items() if stream.head is not None}


def take_up(store: Store, session: str, before: Mapping[str, str]) -> None:
    """Move the heads of a session on to where they were *before*, where an import brought earlier nodes back."""
    found = tree(store.read(session, blobs=False, on_damage=_pass))
    drafts = []
    for name, node in before.items():
        stream = found.streams[name]
        if stream.head != node and node in stream.events and stream.head in {event.node for event in stream.chain(node)}:
            body = {"to": node, "frm": stream.head, "reason": "an earlier event was brought back"}
            drafts.append(Draft("head.moved", body, stream=name))
    if drafts:
        store.append(session, drafts)


def _read_again(store: Store, session: str) -> None:
    """Have a session's transcripts read from their beginning by the next import: what is known adds nothing."""
    try:
        events = store.read(session, blobs=False, on_damage=_pass)
        latest = {event.key: event for event in events if event.kind == "import.advanced" and event.key}
    except NotFoundError:  # shared state has no transcripts
        return
    drafts = [
        Draft(event.kind, {**event.body, "position": {}, "records": 0}, event.actor, key=event.key)
        for event in latest.values()
        if event.body.get("position")
    ]
    if drafts:
        store.append(session, drafts, on_key="replace")


def _pass(_damage: object) -> None:
    """What is damaged is known."""


def _keep(desk: Desk, split: Split) -> Kept | None:
    """Begin a fork with the events that went on separately; where it left at an event that is lost, a session of its own.

    None where it is kept already.
    """
    header = {"title": f"went on separately from event {split.after.seq}"}
    drafts = [draft_of(event) for event in split.events if event.kind not in BEGINNINGS]
    begun = None
    try:
        with suppress(NotFoundError):
            begun = fork(desk, split.session, split.after.seq, header, *drafts, session=split.fork)
    except ExistsError:
        return None
    if begun is None:
        begun = start(desk, header)
        desk.store.append(begun.id, drafts)
    return Kept(split.session, split.after.seq, len(split.events), begun.id, begun.name)


def draft_of(event: Event) -> Draft:
    """Return the draft of an event again. What it changed in shared state stays as that state's own log has it."""
    return Draft(
        event.kind,
        event.body,
        event.actor,
        stream=event.stream,
        node=event.node,
        parent=event.parent,
        key=event.key,
        at=event.at,
        source=event.source,
    )
