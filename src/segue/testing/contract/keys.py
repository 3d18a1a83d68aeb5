"""Clauses: the same event again adds nothing, or a revision, or is refused: in the log, in one append, in a fork's past."""

from collections.abc import Callable

import pytest

from segue.core.errors import DuplicateKeyError, FencedError, HeadMovedError, UsageError
from segue.core.log.events import Appended
from segue.ports import Store
from segue.testing.builders import user
from segue.testing.contract.base import A, B, Clauses, begin, nothing_written, point, refused, seqs, words
from segue.testing.fakes import FakeClock


class Keys(Clauses):
    """on_key, lookup."""

    def test_a_known_key_adds_nothing_and_gives_the_known_event(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """`ignore`, which is the usual."""
        known = begin(store, A, user("a"), user("b", key="k")).entries[1]
        store.append(A, [user("c")])
        for at in (store, reopen(store)):
            with nothing_written(at):
                commit = at.append(A, [user("again", key="k")])
            assert commit == ((known._replace(new=False),), at.info(A).head)

    def test_a_key_that_another_appended_is_known_whatever_one_appended_oneself(self, store: Store, other: Store) -> None:
        """What is remembered of keys lacks nothing that others wrote in between."""
        begin(store, A, user("a", key="ka"))
        assert store.lookup(A, "ka") is not None
        entry = other.append(A, [user("b", key="kb")]).entries[0]
        store.append(A, [user("without a key")])
        with nothing_written(store):
            assert store.append(A, [user("again", key="kb")]).entries == (entry._replace(new=False),)

    def test_new_drafts_beside_known_ones_are_written_in_order(self, store: Store, other: Store) -> None:
        """Each draft is decided by itself."""
        begin(store, A, user("a", key="ka"), user("b", key="kb"))
        commit = other.append(A, [user("c"), user("again", key="kb"), user("d", key="kd"), user("again", key="ka")])
        assert [(e.seq, e.new) for e in commit.entries] == [(3, True), (2, False), (4, True), (1, False)]
        assert words(store.read(A)) == ["a", "b", "c", "d"]
        assert [e.more for e in store.read(A)] == [1, 0, 1, 0]

    def test_a_key_twice_in_one_append_is_written_once(self, store: Store) -> None:
        """Keys are looked up within drafts as well."""
        begin(store, A)
        commit = store.append(A, [user("a", key="k"), user("b"), user("again", key="k")])
        assert [(e.seq, e.new) for e in commit.entries] == [(2, True), (3, True), (2, False)]
        assert commit.entries[0].id == commit.entries[2].id
        assert words(store.read(A)) == ["a", "b"]

    def test_a_key_twice_in_a_logs_beginning_is_written_once(self, store: Store) -> None:
        """`create` knows keys too."""
        commit = begin(store, A, user("a", key="k"), user("again", key="k"))
        assert [(e.seq, e.new) for e in commit.entries] == [(1, True), (1, False)]

    def test_an_append_that_is_repeated_as_it_was_gives_what_it_wrote(
        self, store: Store, reopen: Callable[[Store], Store], clock: FakeClock
    ) -> None:
        """Keys come first: neither the head nor the lease is asked where nothing is left to write."""
        begin(store, A)
        lease = store.acquire(A, "me", 60)
        drafts = [user("a", key="ka"), user("b", key="kb")]
        first = store.append(A, drafts, expect=2, fence=lease.token)
        store.append(A, [user("c")])
        clock.advance(61)
        store = reopen(store)
        with nothing_written(store):
            again = store.append(A, drafts, expect=2, fence=lease.token)
        assert again == (tuple(e._replace(new=False) for e in first.entries), store.info(A).head)

    def test_where_something_is_left_to_write_the_head_and_the_lease_are_asked(self, store: Store) -> None:
        """One new draft among known ones is enough."""
        begin(store, A, user("a", key="ka"))
        drafts = [user("a", key="ka"), user("b", key="kb")]
        with refused(store, HeadMovedError):
            store.append(A, drafts, expect=0)
        with refused(store, FencedError):
            store.append(A, drafts, fence=0)
        with refused(store, HeadMovedError):
            store.append(A, drafts[:1], expect=0, on_key="replace")

    def test_a_key_of_one_session_is_free_in_another(self, store: Store) -> None:
        """A key belongs to a log."""
        begin(store, A, user("a", key="k"))
        begin(store, B, user("b", key="k"))
        assert words(store.read(B)) == ["b"]

    def test_replace_adds_a_revision_in_the_known_events_node_and_stream(self, store: Store) -> None:
        """`replace`, also of an event whose node is its own id, and of a revision."""
        begin(store, A, user("a", key="ka"), user("b", key="kb", node="n", stream="sub"))
        for text in ("second", "third"):
            commit = store.append(A, [user(text, key="ka", node="x"), user(text, key="kb", stream="y")], on_key="replace")
            assert [e.new for e in commit.entries] == [True, True]
        events = list(store.read(A))
        assert seqs(events) == [1, 2, 3, 4, 5, 6]
        assert [(e.node, e.stream, e.key) for e in events] == [(events[0].id, "main", "ka"), ("n", "sub", "kb")] * 3

    def test_replace_within_one_append_revises_the_first(self, store: Store) -> None:
        """Every further one is in the node of the first, its own id where it was given none."""
        begin(store, A)
        store.append(A, [user("a", key="k"), user("b", key="k"), user("c", key="k", node="mine", stream="sub")], on_key="replace")
        first, *rest = list(store.read(A))[1:]
        assert first.node == first.id
        assert [(e.node, e.stream) for e in rest] == [(first.id, "main")] * 2

    def test_replace_writes_what_is_unknown(self, store: Store) -> None:
        """A new key is no revision."""
        begin(store, A)
        store.append(A, [user("a", key="k")], on_key="replace")
        assert [(e.node == e.id, e.key) for e in store.read(A, after=1)] == [(True, "k")]

    @pytest.mark.parametrize("texts", [("known",), ("new", "known"), ("new", "new")])
    def test_refuse_writes_nothing_of_the_append(self, store: Store, texts: tuple[str, ...]) -> None:
        """`refuse`: a key that is known, or twice in the append."""
        begin(store, A, user("a", key="known"))
        with refused(store, DuplicateKeyError):
            store.append(A, [user("x"), *(user("x", key=key) for key in texts)], on_key="refuse")
        assert store.append(A, [user("x", key="new")], on_key="refuse").head.seq == 2

    def test_refuse_names_the_event_that_has_the_key(self, store: Store) -> None:
        """The error's fields say where."""
        begin(store, A, user("a"), user("b", key="k"))
        with pytest.raises(DuplicateKeyError) as caught:
            store.append(A, [user("x", key="k")], on_key="refuse")
        assert caught.value.fields == {"session": A, "key": "k", "seq": 2}

    def test_a_policy_that_there_is_not_is_refused(self, store: Store) -> None:
        """A word misspelt is not taken for `ignore`."""
        begin(store, A)
        with refused(store, UsageError):
            store.append(A, [user("x")], on_key="Replace")  # type: ignore[arg-type]

    def test_a_key_of_the_shared_past_is_known_in_the_fork(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """The whole log, a fork's shared past included, for each policy; of a fork's fork too."""
        begin(store, A, user("a", key="k", node="n"))
        begin(store, B, user("b"), fork=point(store, A, 1))
        for at in (store, reopen(store)):
            with nothing_written(at):
                assert at.append(B, [user("x", key="k")]).entries == (Appended(1, next(at.read(A)).id, new=False),)
            with refused(at, DuplicateKeyError):
                at.append(B, [user("x", key="k")], on_key="refuse")
        store = at
        assert store.append(B, [user("x", key="k")], on_key="replace").head.seq == 3
        assert list(store.read(B))[2].node == "n"

    def test_a_key_that_the_parent_took_later_is_free_in_the_fork(self, store: Store) -> None:
        """What is behind the fork point is not the fork's past; nor is the fork's key known to its parent."""
        begin(store, A, user("a"), user("later", key="k"))
        begin(store, B, user("b", key="kb"), fork=point(store, A, 1))
        assert store.append(B, [user("mine", key="k")]).entries[0].new
        assert store.append(A, [user("parent's", key="kb")]).entries[0].new
        assert words(store.read(B)) == ["a", "b", "mine"]

    def test_lookup_gives_the_latest_event_of_a_key(self, store: Store, other: Store, reopen: Callable[[Store], Store]) -> None:
        """A revision is the latest; `new` is False."""
        begin(store, A, user("a"), user("b", key="k"))
        assert store.lookup(A, "k") == Appended(2, list(store.read(A))[1].id, new=False)
        entry = other.append(A, [user("c", key="k")], on_key="replace").entries[0]
        store.append(A, [user("d", key="kd")])
        assert store.lookup(A, "k") == other.lookup(A, "k") == entry._replace(new=False)
        assert reopen(store).lookup(A, "k") == entry._replace(new=False)

    def test_lookup_of_an_unknown_key_gives_none(self, store: Store) -> None:
        """None; also for another session's key and a beginning of one."""
        begin(store, A, user("a", key="kk"))
        begin(store, B, user("b", key="kb"))
        assert [store.lookup(A, key) for key in ("", "k", "kkk", "kb", "KK")] == [None] * 5

    def test_lookup_in_a_fork_sees_its_past_and_not_its_parents_future(self, store: Store) -> None:
        """As appends do."""
        first = begin(store, A, user("a", key="k"), user("b")).entries[0]
        store.append(A, [user("later", key="k")], on_key="replace")
        store.append(A, [user("later", key="k2")])
        begin(store, B, user("b"), fork=point(store, A, 2))
        assert store.lookup(B, "k") == first._replace(new=False)
        assert store.lookup(B, "k2") is None

    @pytest.mark.parametrize("key", ["k" * 1024, "日本 🙂", " ", 'quote " and \\', "a\nb", "$blob", "../x"])
    def test_any_text_is_a_key(self, store: Store, reopen: Callable[[Store], Store], key: str) -> None:
        """Of at most 1024 characters."""
        begin(store, A)
        entry = store.append(A, [user("a", key=key)]).entries[0]
        store = reopen(store)
        assert store.lookup(A, key) == store.append(A, [user("b", key=key)]).entries[0] == entry._replace(new=False)
