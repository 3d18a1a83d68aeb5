"""Clauses: a log begins whole or not at all; an append adds all of its drafts or none."""

from collections.abc import Callable
from typing import Any

import pytest

from segue.core.errors import ExistsError, HeadMovedError, InvalidEventError, NotFoundError, SegueError
from segue.core.log.codec import genesis
from segue.core.log.events import ANY, Draft, Event
from segue.core.log.ids import is_uuid
from segue.ports import Store
from segue.testing.builders import created, decision, said, user
from segue.testing.contract.base import NOBODY, A, B, Clauses, begin, nothing_written, refused, seqs, words
from segue.testing.fakes import FakeClock

BAD = Draft("message", {"x": {1, 2}})
ODD: dict[str, dict[str, Any]] = {
    "empty": {},
    "texts": {"": None, "nul": "a\0b", "lone": "\ud800", "lines": "a\nb\r\u2028c", "mark": ',"digest":"', "é": ["日本", "🙂"]},
    "numbers": {"big": 10**300, "small": -(10**300), "float": 1e308, "tiny": 5e-324, "zero": -0.0, "one": 1.0, "true": True},
    "looks like a blob": {"$blob": "0" * 64, "bytes": 3, "type": "json"},
    "looks like a literal": {"$literal": {"$literal": 1}, "nested": [{"$blob": "x"}, {"$literal": []}]},
    "deep": {"deep": [[[[[[[[[[{"k": [{"k": [{}]}]}]]]]]]]]]]},
    "large": {"text": "é" * 100_000, "lone": "\ud800" * 50_000},
    "many pieces": {"pieces": list(range(60_000)), "texts": ["a" * 40_000, "b" * 40_000, {"$blob": "c" * 40_000}]},
    "huge": {"huge": "0123456789abcdef" * 300_000},
}


class Writing(Clauses):
    """create, append, expect."""

    def test_a_created_log_holds_its_drafts_numbered_from_one(self, store: Store) -> None:
        """`create` begins the log with drafts."""
        commit = store.create(A, [created(title="t"), user("hello")])
        events = list(store.read(A))
        assert [(e.seq, e.kind) for e in events] == [(1, "session.created"), (2, "message")]
        assert [(e.seq, e.id, e.new) for e in commit.entries] == [(e.seq, e.id, True) for e in events]
        assert commit.head == (2, events[-1].digest)

    def test_a_log_is_not_begun_without_an_event(self, store: Store) -> None:
        """At least one draft."""
        with refused(store, InvalidEventError):
            store.create(A, [])

    def test_a_log_that_cannot_begin_whole_does_not_begin(self, store: Store) -> None:
        """It is there whole or not at all."""
        with refused(store, InvalidEventError):
            store.create(A, [created(scopes={"app:x": {"k": 1}}), BAD])
        with pytest.raises(NotFoundError):
            list(store.read(A))
        begin(store, A)

    def test_a_log_begins_once(self, store: Store) -> None:
        """ExistsError where there is such a log."""
        begin(store, A, user("first"))
        with refused(store, ExistsError):
            begin(store, A, user("second"))

    def test_a_log_begins_with_what_is_derived_from_its_session(self, store: Store) -> None:
        """A log cannot pass for another session's."""
        for session in (A, B):
            begin(store, session)
            assert next(store.read(session)).prev == genesis(session)

    def test_a_sessions_id_that_is_no_uuid_is_refused(self, store: Store) -> None:
        """A session is a UUID; an id cannot name another place."""
        for name in ("", "x", "../escape", A.upper(), A + "/..", A[:-1] + "\0"):
            with refused(store, SegueError):
                begin(store, name)

    def test_an_append_returns_each_drafts_place_and_the_new_head(self, store: Store) -> None:
        """One entry for each draft, in order, and the head after it."""
        begin(store, A)
        commit = store.append(A, [user("a"), decision("d")])
        events = list(store.read(A))
        assert [(e.seq, e.id, e.new) for e in commit.entries] == [(e.seq, e.id, True) for e in events[1:]]
        assert commit.head == store.info(A).head == (3, events[-1].digest)

    def test_what_was_appended_is_there_for_all_and_after_reopening(
        self, store: Store, other: Store, reopen: Callable[[Store], Store]
    ) -> None:
        """What was acknowledged is on disk already."""
        begin(store, A, user("a"))
        other.append(A, [user("b")])
        store.append(A, [user("c")])
        assert words(other.read(A)) == words(store.read(A)) == ["a", "b", "c"]
        assert words(reopen(store).read(A)) == ["a", "b", "c"]

    def test_every_field_of_a_draft_is_kept(self, store: Store, clock: FakeClock) -> None:
        """The envelope comes back as it was given."""
        commit = begin(store, A)
        full = Draft(
            "a.kind",
            {"b": 1},
            actor="coder",
            stream="sub",
            node="n",
            parent="p",
            key="k",
            at="2020-02-29T12:00:00Z",
            source={"record": {"x": [1]}},
            scopes={"app:x": {"k": None}},
        )
        root = Draft("message", {}, parent=None)
        clock.advance(1.5)
        done = store.append(A, [full, root])
        one, two = store.read(A, after=1)
        assert one == Event(
            1, 2, one.id, "2020-02-29T12:00:00Z", "a.kind", "coder", "sub", "n", "p", "k", 1, commit.head.digest, one.digest,
            {"b": 1}, {"record": {"x": [1]}}, {"app:x": {"k": None}},
        )  # fmt: skip
        assert (two.at, two.node, two.parent, two.prev, two.more) == ("2026-01-15T09:30:01.500000Z", two.id, None, one.digest, 0)
        assert done.head.digest == two.digest

    def test_event_ids_are_uuids_and_never_the_same(self, store: Store, other: Store) -> None:
        """Each event has an id of its own."""
        begin(store, A)
        begin(other, B)
        for at in (store, other):
            at.append(A, [user("x"), user("x")])
        ids = [e.id for s in (A, B) for e in store.read(s)]
        assert len(set(ids)) == 6
        assert all(map(is_uuid, ids))

    @pytest.mark.parametrize("odd", ODD)
    def test_a_body_comes_back_as_it_was(self, store: Store, reopen: Callable[[Store], Store], odd: str) -> None:
        """Any JSON, of any size; look-alikes of our own marks too."""
        body = ODD[odd]
        begin(store, A, Draft("record", body, source=body))
        store.append(A, [user("behind")])
        for at in (store, reopen(store)):
            event, behind = at.read(A)
            assert (event.body, event.source, said(behind.body)) == (body, body, "behind")

    def test_an_append_of_a_thousand_events_is_one_append(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """All of them, in order."""
        begin(store, A)
        commit = store.append(A, [user(str(i)) for i in range(1000)])
        assert seqs(commit.entries) == list(range(2, 1002))
        assert words(reopen(store).read(A)) == [str(i) for i in range(1000)]

    def test_the_order_is_that_of_appends_and_never_the_clocks(self, store: Store, clock: FakeClock) -> None:
        """Order is the order of appends."""
        begin(store, A, user("a"))
        clock.advance(-3600)
        store.append(A, [user("b"), user("c", at="1999-01-01T00:00:00Z")])
        clock.advance(7200)
        store.append(A, [user("d", at="2001-01-01T00:00:00Z")])
        assert words(store.read(A)) == ["a", "b", "c", "d"]
        assert [e.at[:13] for e in store.read(A)] == ["2026-01-15T09", "2026-01-15T08", "1999-01-01T00", "2001-01-01T00"]

    @pytest.mark.parametrize("where", [0, 1, 2])
    def test_a_draft_that_cannot_be_written_takes_its_append_with_it(self, store: Store, where: int) -> None:
        """All or none: a refused append leaves nothing, not a key, not a scope's value."""
        begin(store, A)
        drafts = [user("a", key="ka", scopes={"app:x": {"k": 1}}), user("b", key="kb", scopes={"user:y": {"k": 1}})]
        drafts.insert(where, BAD)
        with refused(store, InvalidEventError):
            store.append(A, drafts)
        assert [store.lookup(A, key) for key in ("ka", "kb")] == [None, None]
        assert store.scope("app:x").values == {}

    def test_an_append_to_an_unknown_session_is_refused(self, store: Store) -> None:
        """NotFoundError; nothing begins by itself."""
        begin(store, A)
        with refused(store, NotFoundError):
            store.append(NOBODY, [user("x")])

    def test_an_append_of_nothing_is_no_write(self, store: Store) -> None:
        """Nothing left to write is no write, whatever was expected."""
        head = begin(store, A).head
        with nothing_written(store):
            assert store.append(A, []) == store.append(A, [], expect=7) == store.append(A, [], fence=7) == ((), head)

    def test_an_append_at_the_expected_head_is_written(self, store: Store, other: Store) -> None:
        """The head must have that number: it has."""
        head = begin(store, A).head
        for at in (store, other, store):
            head = at.append(A, [user("x")], expect=head.seq).head
        assert store.append(A, [user("x")], expect=ANY).head.seq == 5

    @pytest.mark.parametrize("expect", [0, 1, 3, 1000])
    def test_an_append_at_another_head_is_refused_and_names_both(self, store: Store, other: Store, expect: int) -> None:
        """HeadMovedError: nothing was written."""
        begin(store, A)
        other.append(A, [user("theirs")])
        with refused(store, HeadMovedError) as caught:
            store.append(A, [user("mine")], expect=expect)
        assert isinstance(caught.value, HeadMovedError)
        assert (caught.value.fields["expected"], caught.value.fields["actual"]) == (expect, 2)
