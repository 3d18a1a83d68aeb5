"""Clauses: several appends at once, each for itself."""

from collections.abc import Callable

from segue.core.errors import DuplicateKeyError, HeadMovedError, InvalidEventError, NotFoundError, SegueError, WithdrawnError
from segue.core.log.events import Commit, Draft, Head
from segue.ports import Asked, Store
from segue.testing.builders import user
from segue.testing.contract.base import NOBODY, A, Clauses, begin, nothing_written, refused, seqs, words
from segue.testing.contract.writing import BAD


def outcomes(found: list[Commit | SegueError]) -> list[list[int] | type[SegueError]]:
    """Return the numbers of what was written, and the kinds of what was refused."""
    return [seqs(one.entries) if isinstance(one, Commit) else type(one) for one in found]


def asked(*texts: str, **more: int) -> Asked:
    """Return an append of messages."""
    return Asked([user(text) for text in texts], **more)  # type: ignore[arg-type]  # expect and fence


class Each(Clauses):
    """append_each."""

    def test_each_of_several_appends_is_written_in_their_order(self, store: Store) -> None:
        """`append_each` does what `append` does for each, in order."""
        begin(store, A)
        found = store.append_each(A, [asked("a"), asked("b", "c"), asked(), asked("d")])
        assert outcomes(found) == [[2], [3, 4], [], [5]]
        assert words(store.read(A)) == ["a", "b", "c", "d"]
        heads = {one.head for one in found if isinstance(one, Commit)}
        assert heads == {Head(e.seq, e.digest) for e in store.read(A, after=1) if e.seq != 3}

    def test_what_is_refused_keeps_none_of_the_others_from_being_written(self, store: Store) -> None:
        """Each has an outcome of its own; an expectation sees what came before it."""
        begin(store, A)
        keyed = [user("k", key="k")]
        found = store.append_each(
            A,
            [
                asked("a", expect=1),
                asked("b", expect=1),
                Asked([user("c"), BAD]),
                Asked(keyed),
                Asked(keyed, on_key="refuse"),
                Asked(keyed),
                asked("d", expect=3),
            ],
        )
        assert outcomes(found) == [[2], HeadMovedError, InvalidEventError, [3], DuplicateKeyError, [3], [4]]
        assert words(store.read(A)) == ["a", "k", "d"]

    def test_what_is_not_wanted_any_more_is_not_begun(self, store: Store) -> None:
        """WithdrawnError, and nothing is written; what it would have expected is not asked."""
        begin(store, A)
        gone = Asked([user("gone")], expect=7, begins=lambda: False)
        shared = Asked([user("gone", scopes={"app:x": {"k": 1}})], begins=lambda: False)
        found = store.append_each(A, [asked("a"), gone, shared, asked("b")])
        assert outcomes(found) == [[2], WithdrawnError, WithdrawnError, [3]]
        assert (words(store.read(A)), store.scope("app:x").values) == (["a", "b"], {})
        with nothing_written(store):
            assert outcomes(store.append_each(A, [gone, shared])) == [WithdrawnError, WithdrawnError]

    def test_each_is_asked_whether_it_is_wanted(self, store: Store) -> None:
        """Also one that changes shared state, and one that is refused."""
        begin(store, A)
        heard: list[str] = []

        def begins(name: str) -> Callable[[], bool]:
            def asked_for() -> bool:
                heard.append(name)
                return True

            return asked_for

        found = store.append_each(
            A,
            [
                Asked([user("a")], begins=begins("a")),
                Asked([user("b", scopes={"app:x": {"k": 1}})], begins=begins("b")),
                Asked([user("c")], expect=1, begins=begins("c")),
            ],
        )
        assert outcomes(found) == [[2], [3], HeadMovedError]
        assert sorted(set(heard)) == ["a", "b", "c"]

    def test_appends_that_change_shared_state_stand_among_others(self, store: Store) -> None:
        """Their changes commit with their events, and the order stays."""
        begin(store, A)
        changing = [Asked([user(f"x{n}", scopes={"app:x": {"n": n}})]) for n in range(2)]
        broken = Asked([Draft("message", {"x": {1}}, scopes={"app:x": {"n": 9}})])
        found = store.append_each(A, [asked("a"), changing[0], broken, changing[1], asked("b")])
        assert outcomes(found) == [[2], [3], InvalidEventError, [4], [5]]
        assert (words(store.read(A)), store.scope("app:x").values) == (["a", "x0", "x1", "b"], {"n": 1})

    def test_nothing_can_be_appended_to_a_session_that_is_not_there(self, store: Store) -> None:
        """NotFoundError."""
        with refused(store, NotFoundError):
            store.append_each(NOBODY, [asked("a")])
