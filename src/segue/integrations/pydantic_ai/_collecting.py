"""What a deleted conversation leaves to its forks, and what goes with it."""

from contextlib import suppress

from segue.core.errors import NotFoundError
from segue.engine import foreign
from segue.integrations.pydantic_ai._conversation import AGENT, ERASED, Conversation
from segue.ports import Store


def collect(store: Store, session: str) -> None:
    """Erase what the forks of a conversation that is being deleted share with it, but none of them reaches.

    What it alone has goes with its session. A fork that is no conversation of the framework's needs all that it shares.
    """
    named = {at: name.parts[0] for at, name in foreign.sessions_of(store, AGENT)}
    own = _past(store, session)
    family = [at for at in store.sessions() if at != session and _past(store, at) & own]
    kept, shared, others = set[int](), 0, 0
    gone: dict[int, str] = {}
    for at in family:
        with suppress(NotFoundError):
            limit = min(store.info(at).first - 1, _common(store, session, at))
            if at not in named:
                others = max(others, limit)
                continue
            known = Conversation(at, named[at])
            known.catch_up(store)
            shared = max(shared, limit)
            record = known.record or {"head_id": None, "branches": []}
            for tip in (record["head_id"], *record["branches"]):
                with suppress(KeyError):
                    kept.update(entry.seq for entry in known.chain(tip) if entry.seq <= limit)
            gone |= {entry.seq: at for entry in known.entries.values() if entry.seq <= limit and entry.kind != ERASED}
    seqs = {seq for seq in gone if seq not in kept and seq > others}
    if seqs:
        store.erase(session, seqs, {"reason": "the conversation was deleted"})


def _past(store: Store, session: str) -> set[str]:
    """Return a session, and those that it has a part of its past from."""
    try:
        return {session, *(point.session for point in store.lineage(session))}
    except NotFoundError:
        return set()


def _common(store: Store, one: str, other: str) -> int:
    """Return the number of the last event that two sessions of one family share."""
    left, right = _spans(store, one), _spans(store, other)
    return max((min(left[at], right[at]) for at in left.keys() & right.keys()), default=0)


def _spans(store: Store, session: str) -> dict[str, int]:
    """Return of each session that one has a past from, up to which number."""
    found = {session: store.info(session).head.seq}
    upto = found[session]
    for point in store.lineage(session):
        upto = min(upto, point.seq)
        found[point.session] = upto
    return found
