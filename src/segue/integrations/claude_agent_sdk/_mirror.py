"""The transcripts of the SDK in a store: handed over record by record, by many processes at once.

Each append is one append at the head that its events were made for; where another came first they are made again, so what a
record means never depends on who was quicker. Nothing is kept beside the log.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Final

from claude_agent_sdk.types import SessionSummaryEntry

from segue.core.errors import ExistsError, HeadMovedError, InvalidEventError, NotFoundError
from segue.core.log.codec import encode_content
from segue.core.log.events import MAIN, Commit, Draft, Event
from segue.core.log.ids import uuid7_ms
from segue.core.session.limits import LIMITED
from segue.engine.capture.carrying import link_of
from segue.engine.capture.limits import save_at_limit
from segue.engine.capture.opening import news, opening
from segue.engine.foreign import begin, place
from segue.engine.loading import event_at
from segue.host.collecting import put_off
from segue.integrations.claude_agent_sdk import _home
from segue.integrations.claude_agent_sdk._entries import Row, meta_of, raw_of
from segue.integrations.claude_agent_sdk._fold import READER, Fold
from segue.integrations.claude_agent_sdk._loading import load
from segue.integrations.claude_agent_sdk._names import HANDED, Name, Stands, scope_of, stands
from segue.ports import Batch, Clock, Store
from segue.transcripts._reading import Handed, called
from segue.transcripts._records import digest
from segue.transcripts.claude_code.reader import AGENT

_REMEMBERED: Final = 32
"""Sessions whose fold is held in memory: of others it is made again, from a snapshot and what came since."""

_LANES: Final = 32
"""So many sessions are written to at once: those of one wait for each other here, not at the log."""

Choose = Callable[["Mirror", str | None, Name], Sequence[Row]]
"""Returns what is to be appended, given the session as it is now."""


class Mirror:
    """What the SDK asks of a store of transcripts, synchronously."""

    def __init__(self, store: Store, clock: Clock) -> None:
        """Keep transcripts in *store*; *clock* dates the names of new sessions."""
        self._store, self._clock = store, clock
        self._folds: OrderedDict[str, Fold] = OrderedDict()
        self._homes: dict[tuple[str, str], str] = {}  # sessions are a project's for as long as they are there
        self._locks = [threading.Lock() for _ in range(_LANES)]

    # --- writing

    def append(self, name: Name, rows: Sequence[Row]) -> int:
        """Add *rows* to a transcript, all or none, each that has an id once; return how many events are new."""
        return self.append_chosen(name, lambda *_: rows)

    def append_chosen(self, name: Name, choose: Choose) -> int:
        """Add what *choose* returns for the session as it then is; it is asked again where another came first."""
        with self._lane(name):
            while True:
                session = self._homes.pop(name[:2], None) or _home.find(self._store, name)
                with suppress(HeadMovedError, ExistsError, NotFoundError):
                    rows = choose(self, session, name)
                    if not rows:
                        return 0
                    if session is None:
                        return self._begin(name, rows)
                    new = self._go_on(session, name, rows)
                    self._homes[name[:2]] = session
                    return new

    def _begin(self, name: Name, rows: Sequence[Row]) -> int:
        foreign = _home.unused(self._store, name)
        session, there = place(self._store, foreign)
        if there:
            raise ExistsError(f"{AGENT} session", name.session)
        handed = Fold(self._store, session, name._replace(subpath=""), begun=False).handed(name)
        drafts, facts = self._drafts(handed, "", name, rows)
        began = next((d.at for d in drafts if d.at), None)
        batch = Batch(name.session, [d if d.at else d._replace(at=began) for d in drafts], None, facts, began)
        created, *then = opening(self._store, self._clock, AGENT, batch, session, note="handed over")
        then += [_home.claim(name), *([] if name.subpath else [_home.listed(name)])]
        try:
            commit = begin(self._store, foreign, created, *then, *batch.drafts).commit
        except (InvalidEventError, RecursionError):
            kept = [one for draft in batch.drafts for one in _writable(draft)]
            commit = begin(self._store, foreign, created, *then, *kept).commit
        return sum(entry.new for entry in commit.entries)

    def _go_on(self, session: str, name: Name, rows: Sequence[Row]) -> int:
        fold = self._fold(session, name)
        handed = fold.handed(name)
        drafts, facts = self._drafts(handed, session, name, rows)
        if not drafts:
            return 0
        if fold.link is not None:  # we wrote how the transcript begins
            drafts = fold.link.apply(drafts)
        if facts and drafts:
            drafts.append(news(self._store, session, AGENT, Batch(name.session, drafts, None, facts), drafts[-1].at))
        drafts = [*self._unsaid(fold, session, name), *drafts]
        if rows[-1].after is not None and (last := self._last(fold, name)):
            drafts.append(Draft("head.moved", {"to": last, "reason": "records that stand before it were late"}, AGENT))
        try:
            commit = self._store.append(session, drafts, expect=fold.seq)
        except (InvalidEventError, RecursionError):
            drafts = [one for draft in drafts for one in _writable(draft)]
            commit = self._store.append(session, drafts, expect=fold.seq)
        if len(rows) == 1 and _is_all(drafts, commit, rows[0]) and fold.link is None:
            fold.go_on(name.subpath, handed, rows[0].data, commit.head)
        new = [draft for draft, entry in zip(drafts, commit.entries, strict=True) if entry.new]
        if any(draft.kind == "agent.set" and draft.body.get("status") == LIMITED for draft in new):
            save_at_limit(self._store, session, clock=self._clock)
        return len(new)

    def _unsaid(self, fold: Fold, session: str, name: Name) -> list[Draft]:
        """Return what a session does not say yet: whose it is, and that it stands in the project's list."""
        wanted = [_home.claim(name), *([] if name.subpath else [_home.listed(name)])]
        unsure = [draft for draft in wanted if draft.key not in fold.said]
        unsaid = [draft for draft in unsure if draft.key and self._store.lookup(session, draft.key) is None]
        fold.said |= {draft.key for draft in unsure if draft not in unsaid}
        return unsaid

    @staticmethod
    def _last(fold: Fold, name: Name) -> str | None:
        last = fold.states.get("", {}).get("state", {}).get("last", {}).get(MAIN)
        return last if isinstance(last, str) and not name.subpath else None

    def _drafts(self, handed: Handed, session: str, name: Name, rows: Sequence[Row]) -> tuple[list[Draft], dict[str, Any]]:
        """Return the events of *rows*, which *handed* takes, and what they tell of the session that was not known."""
        told = dict(handed.facts)
        naming = _Naming(self._store, session, name)
        drafts: list[Draft] = []
        for row in rows:
            if row.is_meta and name.subpath:
                found = [READER.told_of_subagent(meta_of(row), name.read_as, name.meta, name.session)]
            else:
                found = handed.take(row.data, name.file)
            drafts += naming.named(row, found)
        return drafts, {k: v for k, v in handed.facts.items() if told.get(k) != v}

    def _fold(self, session: str, name: Name) -> Fold:
        """Return what is known of a session, up to its head."""
        fold = self._folds.pop(session, None) or Fold(self._store, session, name._replace(subpath=""))
        fold.follow()
        self._folds[session] = fold
        while len(self._folds) > _REMEMBERED:
            with suppress(KeyError):  # another thread was faster
                self._folds.popitem(last=False)
        return fold

    def _lane(self, name: Name) -> threading.Lock:
        return self._locks[hash(name.session) % _LANES]

    # --- reading

    def load(self, name: Name) -> list[dict[str, Any]] | None:
        """Return the entries of a transcript in their order; None: there is none."""
        session = _home.find(self._store, name)
        if session is None:
            return None
        try:
            if link_of(self._store, session, AGENT, name.session) is not None:
                return None  # it begins with what we wrote into the agent's own file: what came since is not all of it
            with put_off():
                return load(self._store, session, name) or None
        except NotFoundError:  # deleted meanwhile
            return None

    def events(self, session: str, name: Name) -> Iterator[tuple[Event, Stands]]:
        """Yield the events of a transcript's records, each with where it stands."""
        for event in self._store.read(session):
            at = stands(event.source, name.session)
            if at is not None and at.subpath == name.subpath and not event.erased:
                yield event, at

    def sessions(self, project: str) -> Iterator[tuple[Name, str, int]]:
        """Yield the project's sessions, each with ours and when it was written to last, in milliseconds since 1970."""
        for told in self._store.scope(scope_of(project)).values:
            name = Name(project, told)
            session = _home.find(self._store, name)
            if session is None or _home.project_of(self._store, session) != project:
                continue
            with suppress(NotFoundError):  # deleted meanwhile
                last = next(self._store.read(session, reverse=True, blobs=False), None)
                if last is not None:
                    yield name, session, uuid7_ms(last.id)

    def summaries(self, project: str) -> Iterator[SessionSummaryEntry]:
        """Yield what the SDK folds of each of the project's sessions that has a main transcript."""
        for name, session, mtime in self.sessions(project):
            with self._lane(name), suppress(NotFoundError):
                if (summary := self._fold(session, name).summary) is not None:
                    yield SessionSummaryEntry(session_id=name.session, mtime=mtime, data=summary["data"])

    def subpaths(self, name: Name) -> list[str]:
        """Return the subpaths of a session's other transcripts, in the order in which they began."""
        session = _home.find(self._store, name)
        if session is None:
            return []
        with self._lane(name), suppress(NotFoundError):
            return [subpath for subpath in self._fold(session, name).states if subpath]
        return []

    # --- deleting

    def delete(self, name: Name) -> None:
        """Take a session away, its subagents with it; with a subpath, the contents of that transcript alone."""
        session = _home.find(self._store, name)
        if session is None:
            return
        with suppress(NotFoundError):  # another was faster
            if name.subpath:
                gone = [event.seq for event, _ in self.events(session, name)]
                if gone:
                    self._store.erase(session, gone, {"reason": "its transcript was deleted", "transcript": name.file})
                return
            self._store.append(session, [_home.unlisted(name)])
            self._store.delete(session)


class _Naming:
    """Gives the events of one append keys: what has an id is known by it, what has none is always new."""

    def __init__(self, store: Store, session: str, name: Name) -> None:
        self._store, self._session, self._name = store, session, name
        self._given: set[str] = set()

    def named(self, row: Row, drafts: list[Draft]) -> list[Draft]:
        """Return the events of *row* as they are to be appended; none where it is known."""
        if not drafts or drafts[0].key is None:
            return drafts
        plain = f"={digest(row.data)}.1"
        if row.uuid or plain not in drafts[0].key:
            key = self._free(drafts[0].key, again=bool(row.uuid))
            if key is None:
                return []
            found = [drafts[0]._replace(key=key), *drafts[1:]]
        else:
            found = [_renamed(draft, plain, called(row.data, self._number(drafts[0].key, plain, row.data))) for draft in drafts]
        told = {HANDED: self._name.subpath} | ({} if row.after is None else {"after": row.after})
        return [draft._replace(source={**(draft.source or {}), **told}) for draft in found]

    def _free(self, key: str, *, again: bool) -> str | None:
        """Return a key that nothing has; None: the transcript has that record, and *again* adds nothing.

        What was erased can be handed over again; the same record in another transcript of the session is another one.
        """
        number, candidate = 1, key
        while candidate in self._given or self._has(candidate):
            if again and (candidate in self._given or self._is_there(candidate)):
                return None
            number += 1
            candidate = f"{key}:{number}"
        self._given.add(candidate)
        return candidate

    def _number(self, key: str, plain: str, data: bytes) -> int:
        """Return how manieth this record of its content is: found by asking for ever higher numbers, then between two."""

        def known(number: int) -> bool:
            name = key.replace(plain, called(data, number))
            return name in self._given or self._has(name)

        low, high = 0, 1
        while known(high):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if known(middle) else (low, middle)
        self._given.add(key.replace(plain, called(data, high)))
        return high

    def _has(self, key: str) -> bool:
        return bool(self._session) and self._store.lookup(self._session, key) is not None

    def _is_there(self, key: str) -> bool:
        known = self._store.lookup(self._session, key)
        if known is None:
            return False
        event = event_at(self._store, self._session, known.seq)
        at = stands(event.source, self._name.session)
        return at is not None and at.subpath == self._name.subpath and not event.erased


def _is_all(drafts: Sequence[Draft], commit: Commit, row: Row) -> bool:
    """Return whether what was appended is new, and all that its reader would find is the record of *row*, in one piece."""
    found = [data for draft in drafts if (data := raw_of(draft.source or {})) is not None]
    return all(entry.new for entry in commit.entries) and found == [row.data] and not row.is_meta


def _renamed(draft: Draft, old: str, new: str) -> Draft:
    source = {**(draft.source or {})}
    source["record"] = source.get("record", "").replace(old, new)
    key = draft.key.replace(old, new) if draft.key else None
    return draft._replace(key=key, node=new if draft.node == old else draft.node, source=source)


def _writable(draft: Draft) -> list[Draft]:
    """Return *draft*, or where it cannot be written its record, and why."""
    try:
        encode_content(draft, "0" * 32)
    except (InvalidEventError, RecursionError) as e:
        source = draft.source or {}
        where = f"{source.get('file', '')}:{source.get('line', 0)}"
        loss = Draft("loss", {"where": where, "reason": f"kept, not interpreted: {e}"}, AGENT, at=draft.at)
        return [loss._replace(key=draft.key, source=draft.source)]
    return [draft]
