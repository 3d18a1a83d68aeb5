"""Clauses: state shared by sessions changes with the events that carry the changes, and with nothing else."""

from collections.abc import Callable

import pytest

from segue.core.errors import SegueError
from segue.core.log.events import Draft
from segue.ports import Store
from segue.testing.builders import user
from segue.testing.contract.base import A, B, C, Clauses, begin, nothing_written, point, refused


class Scopes(Clauses):
    """scope, scopes, Draft.scopes."""

    def test_an_unknown_scope_is_empty_at_0_and_is_not_made_by_looking(self, store: Store) -> None:
        """An unknown one is empty, at 0."""
        assert store.scope("user:nobody") == ("user:nobody", {}, 0)
        assert list(store.scopes()) == []

    def test_changes_of_all_sessions_are_seen_by_all(self, store: Store, other: Store, reopen: Callable[[Store], Store]) -> None:
        """A framework's three: the application's, the user's, the session's own; several in one event."""
        begin(store, A, user("a", scopes={"app:x": {"colour": "red", "n": 1}, "user:x/ann": {"tz": "UTC"}}))
        begin(other, B, user("b"))
        other.append(B, [user("c", scopes={"app:x": {"n": [2, {"deep": None}]}, "user:x/bob": {"tz": "CET"}})])
        for at in (store, other, reopen(store)):
            assert at.scope("app:x").values == {"colour": "red", "n": [2, {"deep": None}]}
            assert (at.scope("user:x/ann").values, at.scope("user:x/bob").values) == ({"tz": "UTC"}, {"tz": "CET"})
            assert list(at.scopes()) == ["app:x", "user:x/ann", "user:x/bob"]

    def test_a_later_change_wins_and_null_deletes(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """Also within one append; what is not there can be deleted."""
        begin(store, A, user("a", scopes={"app:x": {"a": 1, "b": 1, "c": 1, "none": None}}))
        store.append(A, [user("b", scopes={"app:x": {"a": 2}}), user("c", scopes={"app:x": {"a": 3, "b": None}})])
        assert reopen(store).scope("app:x").values == {"a": 3, "c": 1}
        store = reopen(store)
        store.append(A, [user("d", scopes={"app:x": {"b": 0}})])
        assert store.scope("app:x").values == {"a": 3, "b": 0, "c": 1}

    def test_the_head_of_a_scope_moves_with_every_change_of_it_and_no_other(self, store: Store) -> None:
        """It tells a reader whether something changed."""
        heads = [0]
        begin(store, A, user("a", scopes={"app:x": {"a": 1}}))
        heads.append(store.scope("app:x").head)
        store.append(A, [user("b", scopes={"app:x": {"a": 1}})])
        heads.append(store.scope("app:x").head)
        assert heads == sorted(set(heads))
        store.append(A, [user("c", scopes={"app:y": {"a": 1}}), user("d")])
        assert store.scope("app:x").head == heads[-1] == store.scope("app:x").head

    @pytest.mark.parametrize("how", ["expect", "fence", "key", "draft", "scope"])
    def test_a_refused_append_changes_no_scope(self, store: Store, how: str) -> None:
        """The event is the commit."""
        begin(store, A, user("a", key="k"))
        drafts = [user("b", scopes={"app:x": {"a": 1}}), user("c", scopes={"app:y": {"a": 1}})]
        with refused(store, SegueError):
            if how == "expect":
                store.append(A, drafts, expect=7)
            elif how == "fence":
                store.append(A, drafts, fence=7)
            elif how == "key":
                store.append(A, [*drafts, user("d", key="k")], on_key="refuse")
            elif how == "draft":
                store.append(A, [*drafts, Draft("message", {"x": object()})])
            else:
                store.append(A, [*drafts, user("d", scopes={"app:z": 5})])
        assert list(store.scopes()) == []

    def test_a_draft_whose_key_is_known_changes_no_scope_and_a_revision_does(self, store: Store) -> None:
        """Only what is written counts."""
        begin(store, A, user("a", key="k", scopes={"app:x": {"a": 1}}))
        with nothing_written(store):
            store.append(A, [user("a", key="k", scopes={"app:x": {"a": 2}, "app:y": {}})])
        store.append(A, [user("a", key="k", scopes={"app:x": {"a": 3}})], on_key="replace")
        assert store.scope("app:x").values == {"a": 3}

    def test_a_fork_repeats_no_change_of_its_past(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """Shared events were committed once."""
        begin(store, A, user("a", scopes={"app:x": {"a": 1}}))
        store.append(A, [user("b", scopes={"app:x": {"a": 2}})])
        head = store.scope("app:x").head
        begin(store, B, user("b"), fork=point(store, A, 1))
        store = reopen(store)
        list(store.read(B))
        assert store.scope("app:x") == ("app:x", {"a": 2}, head)

    def test_what_a_deleted_session_changed_stays(self, store: Store, reopen: Callable[[Store], Store]) -> None:
        """The changes of all events that were committed."""
        begin(store, A, user("a", scopes={"app:x": {"a": 1}}))
        begin(store, C, user("c", scopes={"app:x": {"c": 1}}))
        store.delete(A)
        assert reopen(store).scope("app:x").values == {"a": 1, "c": 1}

    @pytest.mark.parametrize("name", ["x", "user:日本/🙂", "../../etc", "a b\n", "x" * 1000, "CON", "app:X", ".", "/"])
    def test_any_text_is_the_name_of_a_scope(self, store: Store, reopen: Callable[[Store], Store], name: str) -> None:
        """Names are data, never places; upper and lower case differ."""
        value = {"": 1, "日本": {"$blob": "x" * 100_000}, "../x": [None]}
        begin(store, A, user("a", scopes={name: value, "app:x": {"small": 1}}))
        store = reopen(store)
        assert store.scope(name).values == value
        assert list(store.scopes()) == sorted([name, "app:x"])
