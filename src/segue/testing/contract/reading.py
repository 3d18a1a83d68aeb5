"""Clauses: what a reader sees, from where to where, and what is known of a log without reading it."""

import threading
from collections.abc import Callable
from itertools import islice, pairwise
from typing import Any

import pytest

from segue.core.errors import ExistsError, GoneError, NotFoundError
from segue.core.log.events import Draft
from segue.ports import Store
from segue.testing.builders import said, user
from segue.testing.contract.base import NOBODY, A, B, C, Clauses, begin, nothing_written, picture, point, refused, seqs, words
from segue.testing.fakes import session_id

PATIENCE = 120.0
"""Seconds after which something counts as standing still."""


class Reading(Clauses):
    """read, info, stamp, sessions, delete, watch, verify, close."""

    @pytest.mark.parametrize("reverse", [False, True])
    @pytest.mark.parametrize("fork", [False, True])
    def test_a_range_is_after_one_number_up_to_another(self, store: Store, *, reverse: bool, fork: bool) -> None:
        """Those with after < seq <= upto, in order or the other way round; also across the end of a fork's shared past."""
        session = A
        begin(store, A, user("1"), user("2"))
        store.append(A, [user("3")])
        if fork:
            session = B
            begin(store, B, user("4"), fork=point(store, A, 3))
        else:
            store.append(A, [user("4")])
        store.append(session, [user("5"), user("6")])
        for after in range(-1, 9):
            for upto in [None, *range(-1, 9)]:
                expected = [n for n in range(1, 7) if after < n and (upto is None or n <= upto)]
                events = list(store.read(session, after=after, upto=upto, reverse=reverse))
                assert seqs(events) == (expected[::-1] if reverse else expected)
                assert words(events) == [str(e.seq) for e in events]

    def test_every_event_names_its_predecessors_digest(self, store: Store) -> None:
        """Digests chain, through a fork as well."""
        begin(store, A, user("1"), user("2"))
        store.append(A, [user("3")])
        begin(store, B, user("4"), fork=point(store, A, 2))
        store.append(B, [user("5")])
        for session in (A, B):
            assert all(b.prev == a.digest for a, b in pairwise(store.read(session)))

    def test_without_blobs_large_values_stay_references(self, store: Store) -> None:
        """A reference names a blob that holds the value."""
        begin(store, A, user("é" * 100_000), user("small"))
        event, small = store.read(A, blobs=False)
        reference = event.body["parts"][0]["content"]
        assert isinstance(reference, dict)
        assert store.blob(reference["$blob"]).decode() == "é" * 100_000
        assert said(small.body) == "small"
        assert event._replace(body={}) == next(store.read(A))._replace(body={})

    def test_an_iterator_that_is_looked_at_slowly_holds_up_nobody(self, store: Store, other: Store) -> None:
        """No lock is held while the caller looks at an event."""
        begin(store, A, *(user(str(i)) for i in range(10)))
        begin(store, B)
        running = [store.read(A), store.read(A, reverse=True), other.read(A, after=3), iter(store.verify()), store.sessions()]
        for it in running:
            next(it, None)

        def write() -> None:
            for at in (store, other):
                at.append(A, [user("while reading")])
                at.append(B, [user("while reading")])
                at.acquire(A, "me", 60)
                at.scope("app:x")

        writer = threading.Thread(target=write, daemon=True)
        writer.start()
        writer.join(PATIENCE)
        assert not writer.is_alive()

    def test_a_running_iterator_sees_whole_appends_or_nothing_of_them(self, store: Store, other: Store) -> None:
        """Later appends may or may not be seen; what is seen is in order, without a gap."""
        begin(store, A, *(user(str(i)) for i in range(5)))
        running = store.read(A)
        seen = [next(running)]
        for i in range(5, 30):
            other.append(A, [user(str(i))])
            seen += islice(running, 1)
        seen += running
        assert seen == list(store.read(A, upto=seen[-1].seq))
        assert len(seen) >= 5

    def test_what_a_reader_does_to_an_event_is_seen_by_nobody(self, store: Store) -> None:
        """An event once appended is never changed."""
        draft = user("hello", source={"x": [1]}, scopes={"app:x": {"k": [1]}})
        begin(store, A, draft)
        draft.body["parts"].clear()
        event = next(store.read(A))
        event.body.clear()
        assert event.source is not None
        event.source["x"].append(2)
        store.scope("app:x").values["k"].append(2)
        again = next(store.read(A))
        assert (again.body, again.source, store.scope("app:x").values) == (user("hello").body, {"x": [1]}, {"k": [1]})

    def test_a_sound_log_reports_no_damage(self, store: Store) -> None:
        """Nothing goes to on_damage."""
        begin(store, A, user("1"), user("x" * 100_000))
        found: list[Any] = []
        assert len(list(store.read(A, on_damage=found.append))) == 2
        assert found == []

    @pytest.mark.parametrize("session", [NOBODY, "", "x", "../" + A], ids=["unknown", "empty", "no uuid", "a path"])
    def test_an_unknown_session_is_not_found(self, store: Store, session: str) -> None:
        """NotFoundError, from whatever asks for it."""
        begin(store, A)
        asked: list[Callable[[], object]] = [
            lambda: list(store.read(session)),
            lambda: store.info(session),
            lambda: store.stamp(session),
            lambda: store.delete(session),
            lambda: store.append(session, [user("x")]),
            lambda: store.acquire(session, "me", 60),
            lambda: store.lookup(session, "k"),
            lambda: list(store.verify(session)),
            lambda: next(store.watch(session, stop=lambda: True)),
        ]
        for ask in asked:
            with pytest.raises(NotFoundError):
                ask()

    def test_info_says_where_a_log_begins_and_ends(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """Its head, its own first event, its parent, its own bytes."""
        begin(store, A, user("1"), user("2"))
        fork = point(store, A, 1)
        begin(store, B, user("b"), fork=fork)
        one, two = store.info(A), store.info(B)
        heads = [list(store.read(s))[-1] for s in (A, B)]
        assert one == (A, (2, heads[0].digest), 1, None, one.size)
        assert two == (B, (2, heads[1].digest), 2, fork, two.size)
        store = reopen(store)
        assert [store.info(s)[:4] for s in (A, B)] == [one[:4], two[:4]]

    def test_the_size_of_a_log_grows_with_what_is_appended(self, store: Store) -> None:
        """Bytes on disk, its own."""
        begin(store, A, user("1"))
        small = store.info(A).size
        store.append(A, [user(f"{i:01000}") for i in range(20)])
        assert small > 0
        assert store.info(A).size > small

    def test_the_stamp_changes_whenever_the_log_does(self, store: Store, other: Store, reopen: Callable[[Store], Store]) -> None:
        """And stays while it does not, whoever looks."""
        begin(store, A)
        begin(store, B)
        stamps = [store.stamp(A)]
        for at in (store, other, store):
            at.append(A, [user("x")])
            assert store.stamp(A) == other.stamp(A)
            stamps.append(store.stamp(A))
        store.acquire(A, "me", 60)
        stamps.append(store.stamp(A))
        assert len(set(stamps)) == 5
        store.append(B, [user("x")])
        picture(store)
        assert store.stamp(A) == stamps[-1]
        assert reopen(store).stamp(A) == stamps[-1]

    def test_sessions_come_in_the_order_of_their_ids(self, store: Store, other: Store, reopen: Callable[[Store], Store]) -> None:
        """All of them, whoever created them and when."""
        assert list(store.sessions()) == []
        order = [session_id(n) for n in (5, 1, 9, 3, 7)]
        for i, session in enumerate(order):
            begin((store, other)[i % 2], session)
        assert list(store.sessions()) == list(other.sessions()) == sorted(order)
        assert list(reopen(store).sessions()) == sorted(order)

    def test_a_deleted_session_is_gone_and_stays_gone(self, store: Store, other: Store, reopen: Callable[[Store], Store]) -> None:
        """Left out of sessions, and not found by anything."""
        begin(store, A, user("a", key="k"))
        begin(store, B, user("b"))
        store.append(A, [user("c")])
        store.acquire(A, "me", 60)
        store.delete(A)
        for at in (store, other, reopen(store)):
            assert list(at.sessions()) == [B]
            for ask in (
                at.info,
                at.stamp,
                at.delete,
                lambda s, at=at: list(at.read(s)),
                lambda s, at=at: at.append(s, [user("x")]),
            ):
                with pytest.raises(GoneError):
                    ask(A)
            assert words(at.read(B)) == ["b"]

    def test_the_id_of_a_deleted_session_stays_taken(self, store: Store, other: Store, reopen: Callable[[Store], Store]) -> None:
        """An id is used once, whether a fork still needs the log or none does."""
        begin(store, A)
        begin(store, B)
        begin(store, C, fork=point(store, A, 1))
        for session in (A, B):
            store.delete(session)
        for at in (store, other, reopen(store)):
            for session in (A, B):
                with refused(at, ExistsError):
                    begin(at, session)

    def test_watch_goes_on_with_what_comes(self, store: Store, other: Store) -> None:
        """The events behind a position, in order, and new ones as they come, until it is stopped."""
        begin(store, A, user("1"), user("2"), user("3"))
        stopped = Stop()
        watched = store.watch(A, after=1, stop=stopped, poll=0.001)
        assert words(list(islice(watched, 2))) == ["2", "3"]
        for n in range(4, 10, 2):
            other.append(A, [user(str(n)), user(str(n + 1))])
            assert words(list(islice(watched, 2))) == [str(n), str(n + 1)]
        stopped.now = True
        assert list(watched) == []

    def test_watch_from_the_beginning_gives_the_whole_log_of_a_fork(self, store: Store) -> None:
        """From any position: also inside a fork's shared past."""
        begin(store, A, user("1"), user("2"), user("3"))
        begin(store, B, user("b"), fork=point(store, A, 2))
        stopped = Stop()
        watched = store.watch(B, stop=stopped, poll=0.001)
        assert words(list(islice(watched, 3))) == ["1", "2", "b"]
        store.append(A, [user("not the fork's")])
        store.append(B, [user("c")])
        assert words(list(islice(watched, 1))) == ["c"]

    def test_watch_from_the_head_or_beyond_gives_only_what_comes_behind(self, store: Store) -> None:
        """Nothing is given twice, and nothing before the position."""
        begin(store, A, user("1"), user("2"))
        at_head, beyond = (store.watch(A, after=n, stop=Stop(), poll=0.001) for n in (2, 3))
        store.append(A, [user("3"), user("4")])
        assert words([next(at_head), next(at_head), next(beyond)]) == ["3", "4", "4"]

    def test_verify_finds_nothing_on_a_sound_store_and_changes_nothing(
        self, store: Store, reopen: Callable[[Store], Store]
    ) -> None:
        """After whatever was done to it."""
        like_ours = {"$blob": "0" * 64, "bytes": 3, "type": "json"}
        begin(
            store,
            A,
            user("1", key="k"),
            user("x" * 100_000),
            Draft("record", {"r": like_ours}, scopes={"app:y": {"k": like_ours}}),
        )
        store.append(A, [Draft("record", {"pieces": [like_ours, *range(60_000)], "text": "y" * 60_000})])
        begin(store, B, user("b", scopes={"app:x": {"k": 1}}), fork=point(store, A, 1))
        lease = store.acquire(A, "me", 60)
        store.append(A, [user("2")], fence=lease.token)
        store.release(lease)
        store.put_blob(b"x" * 100_000)
        store.number("SESSION-260115", A)
        for at in (store, reopen(store)):
            with nothing_written(at):
                assert [list(at.verify(session)) for session in (None, A, B)] == [[], [], []]
        at.delete(A)
        assert [f for f in at.verify() if f.severity in {"damage", "gap"}] == []

    def test_closing_twice_is_closing_once(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """What was acknowledged is on disk already."""
        begin(store, A, user("a"))
        store.close()
        store.close()
        assert words(reopen(store).read(A)) == ["a"]


class Stop:
    """A `stop` for `watch` that gives up where a store stands still."""

    def __init__(self) -> None:
        self.now = False
        self._asked = 0

    def __call__(self) -> bool:
        """Return whether it was stopped, or was asked more often than a sound store asks."""
        self._asked += 1
        return self.now or self._asked > 2000
