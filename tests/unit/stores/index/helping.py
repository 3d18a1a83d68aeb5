"""Sessions to index, and what an index says of them."""

from segue.core.log.events import Draft, ForkPoint
from segue.core.log.storekeys import id_of
from segue.stores.index.database import no_key
from segue.stores.index.index import SqliteIndex
from segue.stores.log.store import LogStore
from segue.testing.builders import user
from segue.testing.fakes import FakeClock, FakeIds, session_id
from tests.encryption import KEY, Ring


def open_index(store, path=None):
    """The index of *store*, where it belongs or at *path*."""
    cipher = getattr(store, "cipher", None)
    where = path or (store.path / "index.sqlite" if cipher else ":memory:")
    return SqliteIndex(store, where, key=cipher.index_key if cipher else no_key)


def another(store, seed):
    """What another process opens the *store* as."""
    return LogStore(store.path, clock=FakeClock(), ids=FakeIds(seed=seed), durability="relaxed", keys=Ring(KEY))


def file_of(store):
    """The file that the index of a store in files is in."""
    key = store.cipher.index_key()
    return store.path / (f"index.sqlite.{id_of(bytes.fromhex(key))}" if key else "index.sqlite")


def begin(store, n, *more, **header):
    at = f"2026-01-{10 + n % 20:02d}T09:00:00Z"
    body = {"name": f"SESSION-2601{10 + n % 20:02d}-{n:03d}", "slug": f"2026-01-15-focus-launch-{n:03d}", **header}
    store.create(session_id(n), [Draft("session.created", body, at=at), *(d._replace(at=d.at or at) for d in more)])
    return session_id(n)


def fork(store, n, parent, seq, *more):
    """Session *n*, a fork of session *parent* at event *seq*."""
    (event,) = store.read(session_id(parent), after=seq - 1, upto=seq)
    point = {"session": session_id(parent), "seq": seq, "digest": event.digest}
    forked = Draft("session.forked", {"parent": point}, at="2026-01-31T09:00:00Z")
    store.create(session_id(n), [forked, *more], fork=ForkPoint(session_id(parent), seq, event.digest))
    return session_id(n)


def found(index, query, filters=None, **how):
    answer = index.search(query, *([filters] if filters else []), **how)
    return [(h.session, h.seq) for h in answer.hits]


def fill(store, rng, sessions=6, events=30):
    words = [f"w{i}" for i in range(50)]
    for n in range(1, sessions + 1):
        drafts = [user(" ".join(rng.sample(words, 8))) for _ in range(events)]
        begin(store, n, *drafts, title=f"t{n}", foreign_ids=[f"foreign-{n}"])


def answers(index):
    """What an index says, hits of one second in any order."""
    searches = [index.search(f"w{i}", limit=10_000) for i in range(0, 50, 7)]
    hits = [[h._replace(score=0) for h in s.hits] for s in searches]
    assert all([h.at[:19] for h in one] == sorted((h.at[:19] for h in one), reverse=True) for one in hits)
    return (index.sessions(), index.places(), [sorted(one) for one in hits])
