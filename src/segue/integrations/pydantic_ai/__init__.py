"""Pydantic AI on a segue store: `SegueConversationStore(store)` is a durable `ConversationStore`.

A conversation is a session. Each entry is one event, its message verbatim beside what it says, so everything that reads messages
reads conversations too. A fork is a fork of the session: it shares its past by reference, however long that is.
"""

from segue.host.extras import needs

needs("pydantic_ai.conversation_store", extra="pydantic-ai")

import json
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from threading import Lock
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter
from pydantic_ai.conversation_store import ConversationConflict, ConversationEntry, ConversationRecord, ConversationStore
from pydantic_ai.messages import ModelMessagesTypeAdapter

from segue.core.errors import ExistsError, HeadMovedError, NotFoundError
from segue.core.log.events import Draft, Event, ForkPoint
from segue.engine import foreign
from segue.engine.foreign import Foreign
from segue.engine.loading import event_at
from segue.host.clock import SystemClock
from segue.host.collecting import put_off
from segue.host.threads import in_thread
from segue.integrations.pydantic_ai._budget import BudgetCapability
from segue.integrations.pydantic_ai._collecting import collect
from segue.integrations.pydantic_ai._conversation import (
    AGENT,
    DELETED,
    ERASED,
    RECORD,
    Conversation,
    Entry,
    Last,
    backwards,
    drafts,
    following,
    key,
    newest,
    overlook,
)
from segue.integrations.pydantic_ai._messages import messages
from segue.ports import Clock, Opened, Store, port_of

__all__ = ["BudgetCapability", "SegueConversationStore", "messages"]

R = TypeVar("R")
_CONVERSATIONS: Final = 64
"""How many conversations are kept in memory."""
_RECORD: Final = TypeAdapter(ConversationRecord)


class SegueConversationStore(ConversationStore):
    """A store of conversations on an open store, for many tasks and processes at once. What was saved is on disk.

    A save is one write and one sync, record and entries together. A writer that read an older revision gets a
    `ConversationConflict`, and nothing of his is stored. `delete` takes the entries away for good that no other conversation, or
    fork of one, reaches. Listing looks at every conversation. The store stays the caller's: closing it is his.

    Example:
        >>> import asyncio, segue
        >>> from pydantic_ai import Conversation
        >>> from pydantic_ai.messages import ModelRequest, UserPromptPart
        >>> store = SegueConversationStore(segue.open("memory://"))
        >>> talk = Conversation(conversation_id="trip", messages=[ModelRequest([UserPromptPart("hello")])])
        >>> len(asyncio.run(store.save(talk)))
        1
        >>> asyncio.run(store.load("trip")).messages[0].parts[0].content
        'hello'
    """

    def __init__(self, store: Store | Opened, *, clock: Clock | None = None) -> None:
        """Keep conversations in *store*; *clock* dates their sessions' names."""
        self.store = port_of(store)
        self._clock = clock or SystemClock()
        self._known: OrderedDict[str, Conversation] = OrderedDict()
        self._lasts: dict[str, Last] = {}
        self._homes: dict[str, str] = {}
        self._lock = Lock()

    async def read_record(self, conversation_id: str) -> ConversationRecord | None:
        """Return the record of a conversation; None where there is none."""
        return await in_thread(self._record, conversation_id)

    async def read_records(self, *, scope: str | None = None, limit: int | None = None) -> Sequence[ConversationRecord]:
        """Return the records of all conversations, or of those of a scope, the one that was saved last first."""
        return await in_thread(self._records, scope, limit)

    async def write_record(
        self, record: ConversationRecord, *, new_entries: Sequence[ConversationEntry] = (), expected_revision: str | None
    ) -> None:
        """Store a record and its new entries, both or neither.

        Raises:
            ConversationConflict: the stored revision is another one, or the entry that the record points at is not there.
        """
        told = _RECORD.dump_python(record, mode="json")
        records = json.loads(ModelMessagesTypeAdapter.dump_json([entry.message for entry in new_entries]))
        new = [Entry(0, e.id, e.parent_id, e.kind, record) for e, record in zip(new_entries, records, strict=True)]
        await in_thread(self._write, told, new, expected_revision)

    async def delete_record(self, conversation_id: str, *, expected_revision: str) -> None:
        """Take a conversation away, and for good the entries that no remaining one reaches.

        Raises:
            ConversationConflict: the stored revision is another one.
        """
        await in_thread(self._delete, conversation_id, expected_revision)

    async def read_entry(self, entry_id: str) -> ConversationEntry:
        """Return an entry, wherever it is. Raises LookupError."""
        return (await in_thread(lambda: _entries([self._entry(entry_id)])))[0]

    async def read_history(self, head_id: str | None, *, limit: int | None = None) -> list[ConversationEntry]:
        """Return the entries up to *head_id*, or the last of them, in one pass. Raises LookupError."""
        return [] if head_id is None or limit == 0 else await in_thread(self._read_history, head_id, limit)

    # --- each, in a thread

    def _record(self, conversation_id: str) -> ConversationRecord | None:
        told = self._told(conversation_id)
        return None if told is None else _RECORD.validate_json(json.dumps(told))

    def _told(self, conversation_id: str) -> dict[str, Any] | None:
        """Return a conversation's record as it is stored: from memory, or the last one of the log."""
        while (session := foreign.find(self.store, _foreign(conversation_id))) is not None:
            try:
                last = self._last(session, conversation_id)
            except NotFoundError:
                self._forget(session)
                continue
            if not last.deleted:
                if last.record is not None and last.record["head_id"] is not None:
                    self._note(last.record["head_id"], session)
                return last.record
            self._finish(session)
        return None

    def _last(self, session: str, conversation_id: str) -> Last:
        """Return what a session says of its conversation: as is known of it, and what came since; else what its end says."""
        known = self._lasts.get(session)
        last = known and following(known, self._new(session, known.seq), conversation_id)
        if last is None:
            seq = self.store.info(session).head.seq
            last = newest(seq, self.store.read(session, upto=seq, reverse=True, on_damage=overlook), conversation_id)
        return self._noted(session, last)

    def _new(self, session: str, after: int) -> Iterator[Event]:
        return self.store.read(session, after=after, on_damage=overlook)

    def _noted(self, session: str, last: Last) -> Last:
        with self._lock:
            self._lasts[session] = last
            while len(self._lasts) > _CONVERSATIONS * 16:
                del self._lasts[next(iter(self._lasts))]
        return last

    def _records(self, scope: str | None, limit: int | None) -> list[ConversationRecord]:
        found = [self._told(name.parts[0]) for _, name in foreign.sessions_of(self.store, AGENT)]
        records = [_RECORD.validate_json(json.dumps(told)) for told in found if told is not None]
        wanted = [record for record in records if scope is None or record.scope == scope]
        return sorted(wanted, key=lambda record: record.updated_at, reverse=True)[:limit]

    def _write(self, told: dict[str, Any], new: list[Entry], expected: str | None) -> None:
        conversation_id = told["conversation_id"]
        while True:
            session = foreign.find(self.store, _foreign(conversation_id))
            try:
                if session is None:
                    self._begin(told, new, expected)
                else:
                    self._save(session, told, new, expected)
            except (HeadMovedError, ExistsError):
                self._lasts.pop(session or "", None)  # it may end in what cannot be read
            except NotFoundError:
                self._forget(session)
            else:
                return

    def _save(self, session: str, told: dict[str, Any], new: list[Entry], expected: str | None) -> None:
        """Append to a conversation that has a session. Raises HeadMovedError where another was faster."""
        conversation_id = told["conversation_id"]
        last = self._last(session, conversation_id)
        if last.deleted:
            self._finish(session)
            raise NotFoundError("conversation", conversation_id)
        if (last.record["revision"] if last.record else None) != expected:
            raise ConversationConflict(conversation_id)
        head, elsewhere = told["head_id"] if not new else new[0].parent, list[Entry]()
        if not _follows(last.record, told, new):
            known = self._conversation(session, conversation_id)
            self._look(known, lambda _: None)
            head, elsewhere = known.head, self._missing(known.entries, told, new)
        commit = self.store.append(session, _events(told, [*elsewhere, *new], head), expect=last.seq)
        self._noted(session, Last(commit.head.seq, told, deleted=False))
        if told["head_id"] is not None:
            self._note(told["head_id"], session)

    def _begin(self, told: dict[str, Any], new: list[Entry], expected: str | None) -> None:
        """Begin a conversation's session: as a fork of the one that has its past, where there is one."""
        if expected is not None:
            raise ConversationConflict(told["conversation_id"])
        before = next((e.parent for e in new), told["head_id"])
        home = None if before is None else self._home(before)
        if home is None:
            self._missing({}, told, new)
            created, point = Draft("session.created", {}, actor=AGENT), None
        else:
            seq, elsewhere = home.entries[before or ""].seq, self._missing(home.entries, told, new)
            point = ForkPoint(home.session, seq, event_at(self.store, home.session, seq).digest)
            created = Draft("session.forked", {"parent": point._asdict()}, actor=AGENT)
            new = [*elsewhere, *new]
        events = _events(told, new, before)
        begun = foreign.begin(self.store, _foreign(told["conversation_id"]), created, *events, clock=self._clock, fork=point)
        if told["head_id"] is not None:
            self._note(told["head_id"], begun.session)

    def _missing(self, entries: dict[str, Entry], told: dict[str, Any], new: list[Entry]) -> list[Entry]:
        """Return what a record's history needs and its session lacks, from wherever it is.

        Raises:
            ConversationConflict: the record points at what is nowhere.
        """
        known = {entry.id for entry in new}
        found: dict[str, Entry] = {}
        for wanted in (told["head_id"], *(entry.parent for entry in new), *told["branches"]):
            at = wanted
            while at is not None and at not in known and at not in entries and at not in found:
                home = self._home(at)
                if home is None or home.entries[at].kind == ERASED:
                    if at == told["head_id"]:
                        raise ConversationConflict(told["conversation_id"])
                    break
                found[at] = home.entries[at]
                at = found[at].parent
        return list(reversed(found.values()))

    def _delete(self, conversation_id: str, expected: str) -> None:
        while (session := foreign.find(self.store, _foreign(conversation_id))) is not None:
            try:
                last = self._last(session, conversation_id)
                if not last.deleted:
                    if last.record is None or last.record["revision"] != expected:
                        break
                    mark = Draft(DELETED, {"conversation_id": conversation_id}, actor=AGENT)
                    self.store.append(session, [mark], expect=last.seq)
            except HeadMovedError:
                self._lasts.pop(session, None)
                continue
            except NotFoundError:
                self._forget(session)
                continue
            self._finish(session)
            if not last.deleted:
                return
        raise ConversationConflict(conversation_id)

    def _finish(self, session: str) -> None:
        """Take a session away whose conversation was deleted, and what nobody reaches any more. It may be done by several."""
        with suppress(NotFoundError):
            collect(self.store, session)
            self.store.delete(session)
        self._forget(session)

    def _entry(self, entry_id: str) -> Entry:
        home = self._home(entry_id)
        if home is None:
            raise LookupError(entry_id)
        with home.lock:
            entry = home.entries[entry_id]
        if entry.kind == ERASED:
            raise LookupError(entry_id)
        return entry

    def _read_history(self, head: str, limit: int | None) -> list[ConversationEntry]:
        with put_off():
            return _entries(self._history(head, limit))

    def _history(self, head: str, limit: int | None) -> list[Entry]:
        session = self._homes.get(head)
        if limit is not None and session is not None and session not in self._known:
            with suppress(NotFoundError):
                found = backwards(self.store.read(session, reverse=True, on_damage=overlook), head, limit)
                if found is not None:
                    return found
        home = self._home(head)
        if home is None:
            raise LookupError(head)
        with home.lock:
            return list(home.chain(head, limit))[::-1]

    # --- what is at hand

    def _conversation(self, session: str, conversation_id: str) -> Conversation:
        with self._lock:
            known = self._known.setdefault(session, Conversation(session, conversation_id))
            self._known.move_to_end(session)
            while len(self._known) > _CONVERSATIONS:
                self._known.popitem(last=False)
            return known

    def _home(self, entry_id: str) -> Conversation | None:
        """Return a conversation, as it is now, whose session has an entry."""
        first = self._homes.get(entry_id)
        near = ([first] if first else []) + [s for s, c in list(self._known.items()) if entry_id in c.entries]
        for session in near:
            if (found := self._holding(session, entry_id)) is not None:
                return found
        for session, _ in foreign.sessions_of(self.store, AGENT):
            with suppress(NotFoundError):
                if self.store.lookup(session, key(entry_id)) and (found := self._holding(session, entry_id)) is not None:
                    return found
        return None

    def _holding(self, session: str, entry_id: str) -> Conversation | None:
        try:
            own = self.store.info(session).first
            name = next(self.store.read(session, after=own - 1, upto=own)).body["foreign"][0]
            known = self._conversation(session, name)
            there = self._look(known, lambda known: entry_id in known.entries and not known.deleted)
        except (NotFoundError, StopIteration):
            self._forget(session)
            return None
        if there:
            self._note(entry_id, session)
        return known if there else None

    def _look(self, known: Conversation, look: Callable[[Conversation], R]) -> R:
        """Return what *look* finds in a conversation as it is now. Raises NotFoundError."""
        with known.lock:
            known.catch_up(self.store)
            return look(known)

    def _note(self, entry_id: str, session: str) -> None:
        with self._lock:
            self._homes[entry_id] = session
            while len(self._homes) > _CONVERSATIONS * 16:
                del self._homes[next(iter(self._homes))]

    def _forget(self, session: str | None) -> None:
        with self._lock:
            self._known.pop(session or "", None)
            self._lasts.pop(session or "", None)
            self._homes = {entry: home for entry, home in self._homes.items() if home != session}


def _follows(record: dict[str, Any] | None, told: dict[str, Any], new: list[Entry]) -> bool:
    """Return whether new entries only go on from where a record points at: then nothing else has to be looked at."""
    if record is None or record["branches"] != told["branches"]:
        return False
    tips = [record["head_id"], *(entry.id for entry in new)]
    return told["head_id"] == tips[-1] and tips[:-1] == [entry.parent for entry in new]


def _foreign(conversation_id: str) -> Foreign:
    return Foreign(AGENT, (conversation_id,))


def _events(told: dict[str, Any], new: list[Entry], head: str | None) -> list[Draft]:
    """Return what stores a record and its new entries, where others see the conversation end at *head*."""
    made = [draft for entry in new for draft in drafts(entry)]
    if (new[-1].id if new else head) != told["head_id"]:
        made.append(Draft("head.moved", {"to": told["head_id"], "frm": head}, actor=AGENT))
    return [*made, Draft(RECORD, {"record": told}, actor=AGENT)]


def _entries(found: list[Entry]) -> list[ConversationEntry]:
    """Return entries as the framework has them, their messages read in one pass."""
    messages = ModelMessagesTypeAdapter.validate_json("[" + ",".join(entry.text() for entry in found) + "]")
    kinds: Any = [entry.kind for entry in found]
    return [
        ConversationEntry(id=entry.id, parent_id=entry.parent, message=message, kind=kind)
        for entry, message, kind in zip(found, messages, kinds, strict=True)
    ]
