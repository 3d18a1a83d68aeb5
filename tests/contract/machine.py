"""The log store beside the memory store: whatever is done to both, with crashes, reopening, sealing and lost caches in
between for the one on disk, they say and hold the same.

A crash is a write that was cut at some byte (and so was never acknowledged), or rubbish behind the last whole line.
"""

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from segue.core.errors import SegueError
from segue.core.log.events import ANY, Commit, Draft, ForkPoint
from segue.core.log.storekeys import id_of
from segue.ports import Lease, Scope, Snapshot
from segue.stores.log import LogStore
from segue.stores.log.keytable import path_of
from segue.stores.memory import MemoryStore
from segue.testing import FakeClock, FakeIds
from segue.testing.builders import assistant, tool_call, user
from segue.testing.fakes import session_id
from segue.testing.strategies import drafts as any_drafts
from tests.encryption import KEY, OTHER, Ring

SESSIONS = [session_id(n) for n in range(1, 8)]
KEYS = ["ka", "kb", "kc"]
SCOPES = ["app:x", "user:y"]
SEGMENT = 3000

keys = st.none() | st.sampled_from(KEYS)
deltas = st.dictionaries(st.sampled_from("pqr"), st.none() | st.integers(0, 9), max_size=2)
small = st.builds(
    lambda text, key, scopes, stream: user(text, key=key, scopes=scopes or None, stream=stream),
    st.sampled_from([1, 2, 300, 2000, 60_000]).map("é".__mul__),
    keys,
    st.just({}) | st.dictionaries(st.sampled_from(SCOPES), deltas, max_size=2),
    st.sampled_from(["main", "sub"]),
)
one = (
    small
    | small
    | st.just(assistant("done", tool_call("bash", command="ls"), model="m"))
    | any_drafts(kinds=st.sampled_from(["message", "task.set", "of.next.year"]), keys=keys, scopes=st.sampled_from(SCOPES))
)
drafts = st.lists(one, min_size=1, max_size=4)
REFUSED = [user("fine", key="ka", scopes={"app:x": {"p": 1}}), Draft("message", {"refused": object()})]
refusable = st.sampled_from([None] * 8 + [[], REFUSED]).flatmap(lambda bad: drafts if bad is None else st.just(bad))
places = st.integers(0, 20)
"""Which session: one of those that are there, mostly."""
seldom = st.sampled_from([False] * 5 + [True])
holders = st.sampled_from(["me", "you"])
rubbish = st.binary(min_size=1, max_size=50).filter(lambda b: b"\n" not in b) | st.integers(1, 5000).map(bytes)


class Stores(RuleBasedStateMachine):
    """Does the same to both stores, and compares what they say and hold."""

    def __init__(self):
        super().__init__()
        self.clock = FakeClock()
        self.directory = Path(tempfile.mkdtemp(prefix="segue-machine-"))
        self.memory = MemoryStore(clock=self.clock, ids=FakeIds(0))
        self.opened = 0
        self.gone = []
        self.handles = [self.open(), self.open()]
        self.log = self.handles[0]
        self.leases = {}
        self.blobs = []
        self.dirty = set()

    def open(self):
        self.opened += 1
        ids, keys = FakeIds(self.opened), Ring(KEY, OTHER)
        return LogStore(self.directory / "store", clock=self.clock, ids=ids, sync=lambda fd: None, keys=keys)

    @initialize(first=drafts, second=drafts)
    def begin(self, first, second):
        self.both("create", SESSIONS[0], [user("first"), *first])
        self.both("create", SESSIONS[1], [user("second"), *second])

    # --- what is done to both

    @rule(again=seldom, first=refusable)
    def create(self, again, first):
        self.both("create", self.unused(again=again), first)

    @rule(parent=places, again=seldom, back=st.integers(0, 6), wrong=seldom, first=refusable)
    def fork(self, parent, again, back, wrong, first):
        above = self.session(parent)
        points = {}
        for store in (self.memory, self.log):
            with contextlib.suppress(SegueError):
                seq = max(store.info(above).head.seq - back, 1)
                event = next(store.read(above, after=seq - 1, upto=seq))
                points[store] = ForkPoint(above, seq, "0" * 64 if wrong else event.digest)
        missing = ForkPoint(above, 1, "0" * 64)
        self.both("create", self.unused(again=again), first, each=lambda store: {"fork": points.get(store, missing)})

    @rule(
        place=places,
        more=refusable,
        expect=st.sampled_from([None, None, 0, 0, 0, -1, 1]),
        on_key=st.sampled_from(["ignore", "ignore", "replace", "refuse"]),
        fence=st.sampled_from([None, None, None, "mine", "stale"]),
    )
    def append(self, place, more, expect, on_key, fence):
        session = self.session(place)
        self.both("append", session, more, **self.conditions(session, expect, on_key, fence))

    @rule(place=places, first=drafts, second=drafts)
    def append_twice(self, place, first, second):
        session = self.session(place)
        self.both("append", session, first)
        self.log = self.handles[self.log is self.handles[0]]
        self.both("append", session, second, on_key="replace")

    @rule(place=places, really=seldom)
    def delete(self, place, really):
        if really:
            self.both("delete", self.session(place))

    @rule(place=places, seqs=st.sets(st.integers(1, 20), max_size=4), there=st.integers(0, 9))
    def erase(self, place, seqs, there):
        session = self.session(place)
        with contextlib.suppress(SegueError):
            head = self.memory.info(session).head.seq
            seqs = {seq % (head + 1) or 1 for seq in seqs} if there else seqs
        self.both("erase", session, sorted(seqs), {"by": "machine"})
        self.dirty.update(self.memory.sessions())

    @rule(place=places, holder=holders, ttl=st.integers(1, 100), take_over=st.booleans())
    def acquire(self, place, holder, ttl, take_over):
        session = self.session(place)
        lease = self.both("acquire", session, holder, ttl, take_over=take_over)
        if isinstance(lease, Lease):
            self.leases[session] = lease

    @rule(place=places, ttl=st.integers(1, 100), how=st.sampled_from(["renew", "renew", "release"]), later=st.integers(-5, 70))
    def go_on_driving(self, place, ttl, how, later):
        lease = self.leases.get(self.session(place))
        self.clock.advance(later)
        if lease is not None:
            self.both(how, lease, *([ttl] if how == "renew" else []))

    @rule(prefix=st.sampled_from(["SESSION-260115", "P"]), data=st.binary(max_size=20))
    def take_numbers_and_blobs(self, prefix, data):
        self.both("number", prefix, SESSIONS[0])
        self.blobs.append(self.both("put_blob", data))
        self.both("blob", self.blobs[-1])

    @rule(place=places, after=st.integers(-1, 20), upto=st.none() | st.integers(0, 20), reverse=st.booleans())
    def read(self, place, after, upto, reverse):
        self.both("read", self.session(place), after=after, upto=upto, reverse=reverse)

    @rule(place=places, back=st.integers(0, 5), schema=st.sampled_from(["s1", "s2"]), wrong=seldom, alone=seldom)
    def put_snapshot(self, place, back, schema, wrong, alone):
        session = self.session(place)
        with contextlib.suppress(SegueError):
            head = self.log.info(session).head
            event = next(self.log.read(session, after=max(head.seq - back - 1, 0)))
            digest = "0" * 64 if wrong else event.digest
            self.log.put_snapshot(session, Snapshot(event.seq, digest, schema, b"%d" % event.seq), alone=alone)

    @rule(place=places, schema=st.sampled_from(["s1", "s2"]), upto=st.none() | st.integers(0, 20))
    def snapshot(self, place, schema, upto):
        session = self.session(place)
        with contextlib.suppress(SegueError):
            found = self.log.snapshot(session, schema, upto)
            if found is not None:  # it may have vanished; what is there must fit
                event = next(self.log.read(session, after=found.seq - 1, upto=found.seq))
                assert (found.digest, found.schema, found.data) == (event.digest, schema, b"%d" % event.seq)
                assert upto is None or found.seq <= upto

    # --- what only happens to files

    @rule(which=st.integers(0, 1))
    def use_the_other_handle(self, which):
        self.log = self.handles[which]

    @rule(which=st.integers(0, 1))
    def reopen(self, which):
        old = self.handles[which]
        old.close()
        self.handles[which] = self.open()
        if self.log is old:
            self.log = self.handles[which]

    @rule(key=st.sampled_from([None, KEY, OTHER]), interrupted=seldom)
    def change_key(self, key, interrupted):
        encryption = self.log.encryption
        if encryption.state().changing:
            encryption.run(lambda *_: None)
        if encryption.state().key != (id_of(key) if key else ""):
            encryption.begin(key, "")
            if not interrupted:
                encryption.run(lambda *_: None)
        self.dirty.update(self.memory.sessions())

    @rule(place=places, whole=st.booleans())
    def seal(self, place, whole):
        session = self.session(place)
        with contextlib.suppress(SegueError):
            self.log.seal(session, whole=whole)
            self.dirty.add(session)

    @rule()
    def upkeep(self):
        self.log.upkeep()
        self.dirty.update(self.memory.sessions())

    @rule(
        place=places,
        what=st.sampled_from(["keys", "snapshots"]),
        how=st.sampled_from(["lost", "cut", "rubbish"]),
        at=st.floats(0, 1),
    )
    def caches_go(self, place, what, how, at):
        session = self.session(place)
        self.dirty.add(session)
        for path in [*(self.directory / "store" / "sessions" / session).glob(f"{what}*"), *self.scope_snapshots()]:
            for file in [path] if path.is_file() else sorted(path.iterdir()):
                data = file.read_bytes()
                if how == "lost":
                    file.unlink()
                else:
                    cut = int(len(data) * at)
                    file.write_bytes(data[:cut] + (b"" if how == "cut" else bytes(byte ^ 0x55 for byte in data[cut:])))

    @rule(place=places, data=rubbish, here=st.booleans())
    def a_torn_tail(self, place, data, here):
        """Rubbish behind the last whole line, as a crash leaves it."""
        session = self.session(place)
        last = self.last_segment(session)
        if last is not None:
            if not here:
                self.crash()
            with last.open("ab") as file:
                file.write(data)
            self.dirty.add(session)

    @rule(
        place=places,
        more=drafts,
        on_key=st.sampled_from(["ignore", "replace", "refuse"]),
        at=st.floats(0, 1),
        then=st.sampled_from([b"", b"\0" * 100]),
    )
    def a_crash_in_the_middle_of_an_append(self, place, more, on_key, at, then):
        """The write was cut: either all of it is there, or nothing of it."""
        session = self.session(place)
        before = self.segments(session)
        table = path_of(self.directory / "store" / "sessions" / session, self.log.cipher.refresh().tag)
        known = table.read_bytes() if table.exists() else None
        try:
            self.log.append(session, more, on_key=on_key)
        except SegueError:
            with pytest.raises(SegueError):
                self.memory.append(session, more, on_key=on_key)
            return
        self.crash()
        for path, size in self.segments(session).items():
            written = size - before.get(path, 0)
            if written > 0:
                keep = int(written * at)
                with path.open("r+b") as file:
                    file.truncate(before.get(path, 0) + keep)
                    file.seek(0, 2)
                    file.write(then if keep < written else b"")
                if keep < written:
                    table.unlink(missing_ok=True)  # it is written behind the events
                    if known is not None:
                        table.write_bytes(known)
                    self.dirty.add(session)
                    return
        self.memory.append(session, more, on_key=on_key)
        self.dirty.add(session)

    # --- what must hold

    @invariant()
    def both_hold_the_same(self):
        for session in sorted(self.dirty):
            self.compare(session)
        self.dirty.clear()

    def teardown(self):
        try:
            for store in (self.log, self.open()):
                self.log = store
                for session in SESSIONS:
                    self.compare(session)
                assert list(store.sessions()) == list(self.memory.sessions())
                assert list(store.scopes()) == list(self.memory.scopes())
                for name in SCOPES:
                    self.both("scope", name)
                for name in self.blobs:
                    self.both("blob", name)
                assert [f for f in store.verify() if f.severity in {"damage", "gap"}] == []
                store.close()
        finally:
            for store in (*self.handles, *self.gone):  # thousands of runs share one limit of open files
                store.close()
            shutil.rmtree(self.directory)

    # --- inside

    def both(self, method, *args, each=lambda store: {}, **kwargs):
        """Call a method of both stores; what they return or raise is the same but for ids. Returns the memory store's."""
        told = []
        for store in (self.memory, self.log):
            try:
                told.append(getattr(store, method)(*args, **kwargs, **each(store)))
                if method == "read":
                    told[-1] = list(told[-1])
            except SegueError as e:
                told.append(e)
        one, other = told
        session = args[0] if args else None
        if method in {"create", "append", "acquire", "delete"}:
            self.dirty.add(session)
        assert self.plain(self.memory, one, session) == self.plain(self.log, other, session)
        return one

    def plain(self, store, value, session):
        """Return *value* without what the stores may differ in: ids, digests and salts."""
        if isinstance(value, SegueError):
            return type(value), {k: v for k, v in value.fields.items() if k not in {"hint", "reason"}}
        if isinstance(value, Commit):
            return [(e.seq, e.new) for e in value.entries], value.head.seq
        if isinstance(value, (Lease, Scope, str, bytes, int)) or value is None:
            return value
        if isinstance(value, list):
            return self.events(store, session, value)
        return value.seq, value.new

    def events(self, store, session, events):
        seq_of = {e.id: e.seq for e in store.read(session)}
        assert all(e.id in seq_of for e in events)
        return [
            e._replace(id="", node=seq_of.get(e.node, e.node), prev="", digest="", key=None if e.kind == "erased" else e.key)
            for e in events
        ]

    def compare(self, session):
        for method in ("info", "lease"):
            answers = []
            for store in (self.memory, self.log):
                try:
                    found = getattr(store, method)(session)
                except SegueError as e:
                    found = type(e)
                if method == "info" and not isinstance(found, type):
                    parent = found.parent and (found.parent.session, found.parent.seq)
                    found = (found.head.seq, found.first, parent, store.stamp(session) == store.stamp(session))
                answers.append(found)
            assert answers[0] == answers[1]
        self.both("read", session)
        with contextlib.suppress(SegueError):
            assert list(self.log.read(session, reverse=True)) == list(self.log.read(session))[::-1]
        for key in KEYS:
            self.both("lookup", session, key)

    def session(self, place):
        """Return one of the sessions that are there; at times one that is not."""
        there = list(self.memory.sessions())
        return there[place % len(there)] if there and place < 20 else SESSIONS[-1]

    def unused(self, *, again):
        """Return an id for a new session; at times one that was used, also when there are enough."""
        used = len(self.memory._logs)
        return SESSIONS[used if not again and used < len(SESSIONS) - 1 else 0]

    def conditions(self, session, expect, on_key, fence):
        head = 0
        with contextlib.suppress(SegueError):
            head = self.memory.info(session).head.seq
        given = self.leases.get(session)
        token = {"mine": given.token if given else 1, "stale": 10**6, None: None}[fence]
        return {"expect": ANY if expect is None else max(head + expect, 0), "on_key": on_key, "fence": token}

    def crash(self):
        """The process ends: nothing is closed in order, all is opened again."""
        self.gone += self.handles
        self.handles = [self.open(), self.open()]
        self.log = self.handles[0]

    def segments(self, session):
        where = self.directory / "store" / "sessions" / session / "log"
        return {path: path.stat().st_size for path in sorted(where.glob("*.jsonl"))}

    def last_segment(self, session):
        where = self.directory / "store" / "sessions" / session / "log"
        last = max(where.glob("[0-9]*"), default=None)
        return last if last is not None and last.suffix == ".jsonl" else None

    def scope_snapshots(self):
        return (self.directory / "store" / "scopes").glob("*/snapshots")
