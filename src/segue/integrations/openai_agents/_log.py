"""A session of the SDK in a store: what is appended to it, and its lines as they are now. For one caller at a time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any, Final, TypeVar

from segue.core.errors import ExistsError, HeadMovedError, NotFoundError
from segue.core.log.events import ABSENT, Commit, Damage, Draft
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.engine.kept import Kept, OutdatedError, is_worth, keep, recall
from segue.integrations.openai_agents._items import AGENT, MAIN_BRANCH, draft
from segue.integrations.openai_agents._lines import SCHEMA, Lines, Said, active, newest
from segue.ports import Clock, Store

R = TypeVar("R")
_LATE: Final = 64
"""So many events behind, lines are read anew from where they are; a limited reading takes only the last ones."""


class Log:
    """One session. Appends of others interleave with ours: none is refused, each is on the line of its branch."""

    def __init__(self, store: Store, session_id: str, clock: Clock, header: Mapping[str, Any]) -> None:
        """Look at nothing yet."""
        self.store, self.clock = store, clock
        self._foreign = Foreign(AGENT, (session_id,))
        self._header = header
        self._session: str | None = None
        self._lines: Lines | None = None
        self._stamp = ""
        self._snapshot = 0
        self._head: tuple[int, str] | None = None
        """The head, and the branch that was used last there, as our last append left them."""

    @property
    def session(self) -> str | None:
        """The id of the session in the store; None where it is not there yet."""
        if self._session is None:
            self._session = foreign.find(self.store, self._foreign)
        return self._session

    def add(self, items: Sequence[Any], branch: str = MAIN_BRANCH, beside: Sequence[Draft] = ()) -> None:
        """Append *items* to a branch, and *beside* them others' drafts: one append, one sync."""
        while True:
            session = self.session
            if session is None:
                try:
                    self._begin([*_drafts(items, branch), *beside])
                except ExistsError:
                    continue
                return
            try:
                seq, parent = self._place(session, branch)
                self._append(session, [*_drafts(items, branch, parent), *beside], seq, branch)
            except HeadMovedError:
                continue
            except NotFoundError:
                self._forget()
            else:
                return

    def change(self, decide: Callable[[Lines], tuple[Sequence[Draft], R]]) -> R:
        """Append what *decide* makes of the lines as they are, and return what it says with it.

        Where another was faster it decides again.
        """
        while True:
            session = self.session
            try:
                head = self.store.info(session).head.seq if session else 0
                lines = self.lines()
                drafts, found = decide(lines)
                if not drafts:
                    return found
                if session is None or self._session is None:  # nothing is there to go back from
                    self._begin(drafts)
                else:
                    self._append(session, drafts, max(head, lines.seq), None)
            except (HeadMovedError, ExistsError):
                continue
            except NotFoundError:
                self._forget()
            else:
                return found

    def lines(self) -> Lines:
        """Return all branches as they are now. They are the cache: change nothing in them."""
        while (session := self.session) is not None:
            try:
                stamp = self.store.stamp(session)
                if self._lines is None:
                    self._lines = self._kept(session)
                    self._stamp = ""
                if stamp != self._stamp:
                    self._lines = self._caught_up(session, self._lines)
                    self._stamp = stamp
            except NotFoundError:
                self._forget()
            else:
                return self._lines
        return Lines(_nothing)

    def _caught_up(self, session: str, lines: Lines) -> Lines:
        """Return *lines* with what is new, kept for others where that was much."""
        damaged: list[Damage] = []
        try:
            lines.take(self.store.read(session, after=lines.seq, on_damage=damaged.append))
        except OutdatedError:
            self._snapshot = 0
            return self._caught_up(session, Lines(partial(self._then, session)))
        if not damaged and is_worth(lines.seq, self._snapshot):
            self._snapshot = lines.seq
            keep(self.store, session, SCHEMA, Kept(lines.seq, lines.digest, lines.to_json()))
        return lines

    def _then(self, session: str, position: int) -> Lines:
        """Return the lines as they were at a position."""
        then = Lines(partial(self._then, session))
        then.take(self.store.read(session, upto=position, on_damage=_overlook))
        return then

    def _kept(self, session: str) -> Lines:
        """Return the lines as they were kept last, or as they are before the first event."""
        then = partial(self._then, session)
        self._snapshot = 0
        if (found := recall(self.store, session, SCHEMA)) is not None:
            with suppress(ValueError, KeyError, TypeError):  # another's: it is not believed
                lines = Lines.from_json(found.value, then)
                if (lines.seq, lines.digest) == (found.seq, found.digest):
                    self._snapshot = lines.seq
                    return lines
        return Lines(then)

    def last(self, limit: int) -> list[Said]:
        """Return the last so many items of the main branch, without reading the whole log where that is not at hand."""
        while (session := self.session) is not None:
            try:
                if self._lines is not None and self.store.info(session).head.seq - self._lines.seq < _LATE:
                    break
                return list(islice(newest(self.store.read(session, reverse=True, on_damage=_overlook)), limit))[::-1]
            except NotFoundError:
                self._forget()
        return self.lines().said[MAIN_BRANCH][-limit:]

    def _place(self, session: str, branch: str) -> tuple[int, str | None]:
        """Return the head, and the parent that an item of *branch* has there."""
        if self._head is not None and self._head[1] == branch:
            return self._head[0], ABSENT
        seq = self.store.info(session).head.seq
        if branch == MAIN_BRANCH and active(self._backwards(session, seq)) == branch:
            return seq, ABSENT
        lines = self.lines()
        if branch not in lines.said:
            raise ValueError(f"Branch '{branch}' does not exist")
        return max(seq, lines.seq), ABSENT if lines.active == branch else lines.tips.get(branch)

    def _backwards(self, session: str, upto: int) -> Iterator[Any]:
        return self.store.read(session, upto=upto, reverse=True, on_damage=_overlook)

    def _begin(self, drafts: Sequence[Draft]) -> None:
        created = Draft("session.created", self._header, actor=AGENT)
        begun = foreign.begin(self.store, self._foreign, created, *drafts, clock=self.clock)
        self._session = begun.session
        self._head = None

    def _append(self, session: str, drafts: Sequence[Draft], seq: int, branch: str | None) -> Commit:
        self._head = None
        commit = self.store.append(session, drafts, expect=seq)
        self._head = (commit.head.seq, branch) if branch is not None else None
        return commit

    def _forget(self) -> None:
        """It was deleted by another: what comes begins it anew."""
        self._session = self._lines = self._head = None


def _drafts(items: Sequence[Any], branch: str, parent: str | None = ABSENT) -> list[Draft]:
    """Return *items* as events, the first one behind *parent*."""
    return [draft(item, branch, ABSENT if number else parent) for number, item in enumerate(items)]


def _overlook(_damage: Damage) -> None:
    """What could not be read is no item: `segue check` tells of it."""


def _nothing(_position: int) -> Lines:
    """Return what a session was before it began."""
    return Lines(_nothing)
